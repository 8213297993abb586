"""The house keeps its shape: small rooms, light imports, no back doors."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "trainwatch_core").rglob("*.py"), *(ROOT / "bot").rglob("*.py")])
LONGEST_MODULE, LONGEST_FUNCTION = 400, 50
"""Lines. Typical are 90 and 10; what is beyond these has two subjects."""
WIRING = {"assemble", "build"}
"""Functions that only put parts together and are read from top to bottom."""


def named(path: Path) -> str:
    """A path as people say it."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_module_fits_on_a_few_screens(path: Path) -> None:
    """No module and no function grows without somebody noticing."""
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_MODULE
    long = [
        f"{node.name}: {(node.end_lineno or 0) - node.lineno + 1}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
        and node.name not in WIRING
    ]
    assert not long


def test_no_back_doors() -> None:
    """F-X02: no shell, no trust on first use, no pickles, no eval."""
    forbidden = re.compile(r"shell\s*=\s*True|AutoAddPolicy|\bpickle\b|\beval\(|\bexec\(|yaml\.load\(")
    found = [f"{named(path)}: {match.group()}" for path in SOURCES for match in forbidden.finditer(path.read_text())]
    assert not found


def test_only_one_room_raises_sub_processes() -> None:
    """Commands are bounded in time, output and process group in one place; demo and tests start what they need."""
    users = {named(path) for path in SOURCES if re.search(r"\bsubprocess\.(Popen|run|check_)", path.read_text())}
    assert {name for name in users if not name.startswith("trainwatch_core/testing/")} <= {
        "trainwatch_core/adapters/shell.py",
        "trainwatch_core/adapters/sources/logs/process.py",
        "trainwatch_core/cli/demo.py",
        "trainwatch_core/demo/lookalike.py",
        "trainwatch_core/demo/service.py",
    }


def test_every_crash_point_is_tried() -> None:
    """A point that no test dies at is no proof."""
    named_points = {
        match.group(1) for path in SOURCES for match in re.finditer(r'reach\("([a-z_.]+)"\)', path.read_text())
    }
    deaths = ("test_kill_nine.py", "test_crash_points.py")
    tried = "".join((ROOT / "tests" / "faults" / name).read_text() for name in deaths)
    assert named_points
    assert not [point for point in named_points if f'"{point}"' not in tried]


def test_the_lock_files_hold_every_dependency_and_name_no_host() -> None:
    """What pyproject asks for is pinned by hash, and nothing says where it is fetched from."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for lock in ("runtime", "dev"):
        text = (ROOT / "requirements" / f"{lock}.txt").read_text()
        assert "://" not in text
        pinned = set(re.findall(r"^([A-Za-z0-9._-]+)==", text, flags=re.MULTILINE))
        wanted = {re.split(r"[<>=!~ ]", line)[0] for line in project["dependencies"]}
        assert wanted <= pinned
        assert text.count("==") <= text.count("--hash=sha256:")


def markdown_files() -> Iterator[Path]:
    """The pages of the project."""
    yield from ROOT.glob("*.md")
    yield from (ROOT / "docs").rglob("*.md")


@pytest.mark.parametrize("page", list(markdown_files()), ids=named)
def test_links_of_the_pages_lead_somewhere(page: Path) -> None:
    """A relative link names a file that is there."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text())
    assert not [link for link in links if not (page.parent / link).exists()]


def test_the_readme_names_commands_that_exist() -> None:
    """Whoever types what the README says is understood."""
    from trainwatch_core.cli import _COMMANDS  # noqa: PLC0415  # only here

    told = set(re.findall(r"`trainwatch ([a-z]+)", (ROOT / "README.md").read_text()))
    assert told <= set(_COMMANDS)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"^make ([a-z-]+)", (ROOT / "README.md").read_text(), flags=re.MULTILINE)) <= targets


def test_no_room_of_tests_is_forgotten() -> None:
    """What `make test` does not run is run by `make e2e`, and by name."""
    ini = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    rooms = {f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if any(path.glob("**/test_*.py"))}
    rooms |= {f"tests/{path.name}" for path in (ROOT / "tests").glob("test_*.py")}
    assert rooms - set(ini["testpaths"]) == {"tests/e2e"}
