"""The image, as far as it can be checked without an engine that builds it."""

from __future__ import annotations

import fnmatch
import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINES = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
IGNORED = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]


def words(instruction: str) -> list[list[str]]:
    """The words of each line of an instruction."""
    return [line.split()[1:] for line in LINES if line.startswith(instruction)]


def sent(path: str) -> bool:
    """Whether a file or folder is sent to the engine: the last rule that matches holds."""
    told = True
    for rule in IGNORED:
        pattern = rule.removeprefix("!")
        if fnmatch.fnmatchcase(path, pattern) or path.startswith(f"{pattern}/"):
            told = rule.startswith("!")
    return told


def test_what_is_copied_is_there_and_is_sent() -> None:
    """A COPY of what is missing or ignored breaks the build."""
    copied = [path for line in words("COPY") if not line[0].startswith("--from") for path in line[:-1]]
    assert copied
    assert all((ROOT / path).exists() and sent(path) for path in copied), copied


@pytest.mark.parametrize("path", ["trainwatch.env", "trainwatch.toml", ".git", ".venv", "tests", "trainwatch-demo"])
def test_secrets_and_ballast_are_not_sent(path: str) -> None:
    """A token in a layer stays there for ever."""
    assert not sent(path)


def test_everything_that_the_package_is_made_of_is_copied() -> None:
    """What pyproject names for the wheel must be there when it is built."""
    copied = {path for line in words("COPY") for path in line[:-1]}
    assert {"pyproject.toml", "README.md", "LICENSE", "bot", "trainwatch_core"} <= copied


def test_it_runs_the_bot_and_not_as_root() -> None:
    """CMD is the bot, started directly so that SIGTERM reaches it; the user has no name to be looked up."""
    (command,) = [line.removeprefix("CMD ") for line in LINES if line.startswith("CMD")]
    assert json.loads(command) == ["python", "-m", "bot"]
    assert importlib.util.find_spec("bot.__main__") is not None
    assert words("USER") == [["10001:10001"]]
    assert words("STOPSIGNAL") == [["SIGTERM"]]


def test_what_is_installed_is_pinned_by_hash() -> None:
    """As everywhere else."""
    installs = [line for line in LINES if "pip install" in line]
    assert len(installs) == 2
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)
    assert "--require-hashes" in installs[0]


def test_the_data_lie_on_the_volume() -> None:
    """A new image keeps the watches of the old one."""
    (volume,) = words("VOLUME")
    assert re.search(rf"TRAINWATCH_DATA_DIR={volume[0]}\b", "\n".join(LINES))


def test_the_wheel_that_the_image_installs_holds_the_migrations(tmp_path: Path) -> None:
    """Files that are no modules of their own are easily left out."""
    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            str(tmp_path),
            str(ROOT),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "bot/__main__.py" in names
    assert any(name.endswith("migrations/versions/v0001_first.py") for name in names)
