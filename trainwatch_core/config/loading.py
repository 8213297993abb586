"""Finding, opening and reading `trainwatch.toml`."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from trainwatch_core.config.problems import describe, repeated_patterns
from trainwatch_core.config.readers import Places
from trainwatch_core.config.settings import Settings
from trainwatch_core.model.errors import ConfigError

FILE_NAME = "trainwatch.toml"
LARGEST = 1 << 20
"""Bytes. A larger file is not one of ours."""

_AT = re.compile(r" ?\(at (?:line (\d+), column (\d+)|end of document)\)")


def find_config(path: Path | None, environ: Mapping[str, str], *, cwd: Path) -> Path | None:
    """The file to read: `path`, $TRAINWATCH_CONFIG, ./trainwatch.toml, $XDG_CONFIG_HOME/trainwatch/trainwatch.toml.

    The first two are returned whether they exist or not: who names a file wants that file. None if there is none.
    """
    named = path or (Path(environ["TRAINWATCH_CONFIG"]) if environ.get("TRAINWATCH_CONFIG") else None)
    if named is not None:
        return cwd / named
    places = [cwd, _xdg(environ, "XDG_CONFIG_HOME", ".config")]
    candidates = [place / FILE_NAME for place in places if place is not None]
    return next((file for file in candidates if os.path.lexists(file)), None)


def load_settings(path: Path | None, environ: Mapping[str, str], *, cwd: Path) -> Settings:
    """The settings of the file that `find_config` names, or the defaults if there is none.

    $TRAINWATCH_DATA_DIR wins over `data_dir`; an empty variable counts as not set.

    Args:
        path: What the person named; None to search.
        environ: The environment.
        cwd: Working directory; absolute.

    Raises:
        ConfigError: If anything is wrong; it holds all problems of the file at once, those of its syntax first.
    """
    file = find_config(path, environ, cwd=cwd)
    table = {} if file is None else _parse(_read(file), file)
    places = Places(folder=cwd if file is None else file.parent, home=_home(environ))
    return _validated({**_defaults(environ), **table, **_overrides(environ, cwd)}, places, str(file or "environment"))


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who could have written a file.

    Attributes:
        mode: As in `os.stat_result.st_mode`.
        owner: User id of the owner.
        reader: User id of this process.
    """

    mode: int
    owner: int
    reader: int

    def problem(self) -> str:
        """Why the file must not be trusted with commands and rights; empty if it may be."""
        if not stat.S_ISREG(self.mode):
            return "it is no ordinary file. Name a file"
        if self.owner not in {0, self.reader}:
            return (
                f"it belongs to the user with id {self.owner}, who could make trainwatch run commands as you. "
                "Make it your own: chown, or copy it"
            )
        if self.mode & stat.S_IWOTH:
            return "everybody on this machine may write it, and it says which commands are run. Do: chmod o-w"
        return ""


def _read(file: Path) -> bytes:
    try:
        with open(file, "rb", opener=_open_at_once) as stream:
            found = os.fstat(stream.fileno())
            problem = Ownership(found.st_mode, found.st_uid, os.geteuid()).problem()
            content = b"" if problem else stream.read(LARGEST + 1)
    except OSError as error:
        what = (
            "there is no such file" if isinstance(error, FileNotFoundError) else f"it cannot be read: {error.strerror}"
        )
        raise ConfigError(str(file), (f"{what}. Check --config and TRAINWATCH_CONFIG, or its permissions",)) from None
    if len(content) > LARGEST:
        problem = f"it is larger than {LARGEST} bytes. Name a {FILE_NAME}"
    if problem:
        raise ConfigError(str(file), (problem,))
    return content


def _open_at_once(path: str, flags: int) -> int:
    # Without O_NONBLOCK a pipe in the file's place would hold us up for ever. What was opened is what is checked.
    return os.open(path, flags | os.O_NONBLOCK)


def _parse(content: bytes, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"{file}:{line}: this is not UTF-8 text. Save the file as UTF-8"
    except RecursionError:
        problem = f"{file}: lists or tables are nested too deeply. Nothing here needs more than three levels"
    except ValueError as error:  # TOMLDecodeError is one; so is a whole number of thousands of digits
        at = _AT.search(str(error))
        place = f"{file}{_position(at, content)}" if at else str(file)
        problem = f"{place}: this is no TOML: {_AT.sub('', str(error))}. Text needs quotes, a name is followed by ="
    raise ConfigError(str(file), (problem,)) from None


def _position(at: re.Match[str], content: bytes) -> str:
    """Line and column that the parser names; for the end of the document, which it does not number, its last line."""
    if at[1]:
        return f":{at[1]}:{at[2]}"
    last = content.rstrip().count(b"\n") + 1
    return f":{last}:end"


def _validated(table: dict[str, Any], places: Places, where: str) -> Settings:
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415  # 0.1 s that `--help` does not need

    problems = repeated_patterns(table)
    try:
        settings = TypeAdapter(Settings).validate_python(table, context=places)
    except ValidationError as error:
        problems = [*describe(error.errors(include_url=False)), *problems]
    else:
        if not problems:
            return settings
    raise ConfigError(where, tuple(problems)) from None


def _defaults(environ: Mapping[str, str]) -> dict[str, Any]:
    data = _xdg(environ, "XDG_DATA_HOME", ".local/share")
    return {"timezone": _machine_zone(environ)} | ({} if data is None else {"data_dir": str(data)})


def _overrides(environ: Mapping[str, str], cwd: Path) -> dict[str, Any]:
    named = environ.get("TRAINWATCH_DATA_DIR")
    return {"data_dir": str(cwd / named)} if named else {}


def _home(environ: Mapping[str, str]) -> Path | None:
    home = Path(environ.get("HOME", ""))
    return home if home.is_absolute() else None


def _xdg(environ: Mapping[str, str], name: str, below_home: str) -> Path | None:
    # The XDG specification: a relative path in the variable is to be ignored.
    base, home = Path(environ.get(name, "")), _home(environ)
    if base.is_absolute():
        return base / "trainwatch"
    return None if home is None else home / below_home / "trainwatch"


def _machine_zone(environ: Mapping[str, str]) -> tzinfo:
    """The zone of the machine by its IANA name; where it has none, the offset that holds now."""
    from tzlocal import get_localzone  # noqa: PLC0415  # only for those who read settings

    try:
        named = environ.get("TZ", "").removeprefix(":")
        return ZoneInfo(named) if named else get_localzone()
    except (KeyError, ValueError, OSError):
        return datetime.now(UTC).astimezone().tzinfo or UTC
