"""Takes each guard of the fault table out, in a copy of the project, and sees its test fail.

`make guards` runs it; `make guards ROWS="F-A01 F-S05"` runs some rows. A row whose tests pass without the guard, or
fail with it, is told and makes it fail: such a test holds nothing. `test_table.py` sees that the table knows the code.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).with_name("table.toml")
_PARTS = ("bot", "trainwatch_core", "tests", "pyproject.toml", "manifest.yml", "trainwatch.example.toml", "docs")
_WITHIN = 600


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard of the fault table.

    Attributes:
        row: Id of the fault, e.g. `F-A01`.
        what: What must not happen.
        file: Where the guard stands.
        out: Its text, to the letter, once in the file.
        put: What stands there without it.
        test: The test that must fail then, as pytest names it.
    """

    row: str
    what: str
    file: str
    out: str
    put: str
    test: str


def guards(rows: set[str]) -> list[Guard]:
    """The table; some rows of it, or all."""
    table = tomllib.loads(TABLE.read_text("utf-8"))
    found = [Guard(**entry) for entry in table["guard"]]
    return [guard for guard in found if not rows or guard.row in rows]


def passes(folder: Path, test: str) -> bool:
    """Whether a test passes in a copy of the project; none that runs is a failure of the table.

    Raises:
        SystemExit: If no test was run.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-n", "0", *test.split()]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_WITHIN, check=False)  # ours
    if done.returncode not in {0, 1} or ("passed" not in done.stdout + done.stderr and done.returncode == 0):
        raise SystemExit(f"{test}: no test was run\n{done.stdout[-2000:]}{done.stderr[-500:]}")
    return done.returncode == 0


def misplaced(guard: Guard, folder: Path) -> str:
    """What is wrong with where a row looks for its guard; empty if the guard stands there once."""
    times = (folder / guard.file).read_text("utf-8").count(guard.out)
    return "" if times == 1 else f"the guard stands {times} times in {guard.file}"


def tried(guard: Guard, folder: Path, intact: dict[str, bool]) -> str:
    """What is wrong with a row; empty if its test holds its guard. `intact` remembers which tests pass as it is."""
    problem = misplaced(guard, folder)
    if problem:
        return problem
    if guard.test not in intact:
        intact[guard.test] = passes(folder, guard.test)
    if not intact[guard.test]:
        return "the test fails with the guard in its place"
    file = folder / guard.file
    text = file.read_text("utf-8")
    file.write_text(text.replace(guard.out, guard.put), "utf-8")
    try:
        return "the test passes without the guard" if passes(folder, guard.test) else ""
    finally:
        file.write_text(text, "utf-8")


def say(line: str) -> None:
    """At once: a row takes its time."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Try every row; the number of those that hold nothing."""
    wrong, intact = 0, dict[str, bool]()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for part in _PARTS:
            source = ROOT / part
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, folder / part)
        for guard in guards(set(sys.argv[1:])):
            problem = tried(guard, folder, intact)
            wrong += bool(problem)
            say(f"{guard.row}  {'NOT HELD: ' + problem if problem else 'held'}  {guard.what}")
    say(f"{wrong} rows hold nothing" if wrong else "each guard was seen to be missed")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
