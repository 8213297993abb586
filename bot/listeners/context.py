"""What a person told about a run in chat, held against what chat may tell (FAULTS.md P1, P3)."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.texts import text as say
from trainwatch_core.bootstrap import run_on_this_machine
from trainwatch_core.config import Settings
from trainwatch_core.decision.authority import Verb
from trainwatch_core.model.announcement import parse_announcement, with_announced
from trainwatch_core.model.command import check_command
from trainwatch_core.model.duration import parse_duration
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.launch import parse_launch
from trainwatch_core.model.places import remote_part
from trainwatch_core.model.run import RunKind, RunRef, parse_wandb_run
from trainwatch_core.model.watch import Mode, Posts, WatchContext

NEEDS: Mapping[str, Verb] = {
    "launch": Verb.CHOOSE_LAUNCH,
    "stop": Verb.TYPE_COMMAND,
    "log_command": Verb.TYPE_COMMAND,
}
"""The right that an option needs beside that of watching; `mode=auto` needs its own."""
_LONGEST_COMMAND = 500
_OPERATORS = frozenset(";|&$`<>(){}[]*?~!#\\")


def run_of(text: str, settings: Settings) -> RunRef:
    """The run that is meant: `entity/project/run`, its page's address (parsed, never fetched), or a path below a root.

    Raises:
        InvalidInputError: If it is none, or a path that may not be named in chat.
    """
    if remote_part(text):
        return RunRef(RunKind.LOG, log_below_roots(text, settings))
    if not text.startswith(("/", "~", ".")):
        return parse_wandb_run(text)
    run = run_on_this_machine(str(below_roots(text, settings)))
    below_roots(run.target, settings)
    return run


def below_roots(text: str, settings: Settings) -> Path:
    """A path of this machine that chat may name: below a folder of [log] roots, links followed.

    Raises:
        InvalidInputError: If it may not.
    """
    roots = [root.resolve() for root in settings.log.roots]
    try:
        path = Path(text).resolve() if Path(text).is_absolute() and "\0" not in text else None
    except (OSError, RuntimeError):
        path = None
    if path is None or not any(path.is_relative_to(root) for root in roots):
        raise InvalidInputError(say("path-refused"), where=text[:200], todo=say("path-refused-todo"))
    return path


def log_below_roots(text: str, settings: Settings) -> str:
    """A log that chat may name: a path below [log] roots, or `host:/path` below `log_roots` of a host of `[hosts]`.

    Links on another machine are followed when it is read, and held against the same roots.

    Raises:
        InvalidInputError: If it may not.
    """
    there = remote_part(text)
    if there is None:
        return str(below_roots(text, settings))
    host, path = there
    roots = settings.hosts[host].log_roots if host in settings.hosts else ()
    plain = posixpath.normpath(path)
    if "\0" in text or not any(plain.startswith(f"{root.rstrip('/')}/") for root in roots):
        raise InvalidInputError(
            say("log-refused"),
            where=text[:200],
            todo=say("log-refused-todo"),
        )
    return f"{host}:{plain}"


def settled(options: Mapping[str, str], defaults: WatchContext, settings: Settings) -> WatchContext:
    """The context of a watch: what was typed, over the defaults of the file.

    Raises:
        InvalidInputError: If a value cannot be used.
    """
    if "stop" in options and options.get("mode", defaults.mode) == Mode.AUTO:
        raise InvalidInputError(say("typed-never-automatic"), todo=say("typed-never-automatic-todo"))
    changes: dict[str, Any] = {}
    for key, text in options.items():
        changes |= _READERS[key](text, defaults, settings)
    return replace(defaults, **changes)


def require_own_command(context: WatchContext, run: RunRef, settings: Settings) -> None:
    """Automatic mode runs no command that was typed in chat (FAULTS.md P3).

    Raises:
        InvalidInputError: If it would.
    """
    own = settings.watch_defaults(run).context.stop_command
    if context.mode is Mode.AUTO and context.stop_command not in {"", own}:
        raise InvalidInputError(say("typed-never-automatic"))


def _typed_command(text: str) -> str:
    """One line without shell operators: what is shown is a program and its arguments."""
    checked = check_command(text)
    bad = sorted(_OPERATORS & set(checked))
    if bad or len(checked) > _LONGEST_COMMAND:
        what = say("typed-sign", sign=bad[0]) if bad else say("typed-too-long", most=_LONGEST_COMMAND)
        raise InvalidInputError(what, todo=say("typed-todo"))
    return checked


def _pairs(text: str, key: str) -> dict[str, float]:
    found = {}
    for part in text.split(","):
        cut = max(part.rfind("="), part.rfind(":"))
        try:
            found[part[:cut].strip()] = float(part[cut + 1 :])
        except ValueError:
            cut = 0
        if cut <= 0 or not part[:cut].strip():
            raise InvalidInputError(
                say("no-pair"), where=f"{key}={part[:80]}", todo=say("example", example=f"{key}=val/loss:2.31")
            )
    return found


def _interval(text: str) -> float:
    seconds = parse_duration(text)
    if seconds < 1:
        raise InvalidInputError(say("too-often"), where=f"every={text[:40]}")
    return seconds


def _steps(text: str) -> float:
    try:
        steps = float(text.replace(",", ""))
    except ValueError:
        steps = 0.0
    if not 0 < steps < 1e15:  # noqa: PLR2004  # more steps than any run has
        raise InvalidInputError(say("no-steps"), where=f"steps={text[:40]}", todo=say("example", example="steps=90000"))
    return steps


def _mode(text: str) -> Mode:
    if text not in tuple(Mode):
        raise InvalidInputError(say("no-mode"), where=f"mode={text[:40]}", todo=say("no-mode-todo"))
    return Mode(text)


def read_posts(text: str) -> Posts:
    """Which rounds are posted.

    Raises:
        InvalidInputError: If it is neither all nor changes.
    """
    if text not in tuple(Posts):
        raise InvalidInputError(say("no-posts"), where=f"rounds={text[:40]}", todo=say("no-posts-todo"))
    return Posts(text)


def _notes(text: str, settings: Settings) -> str:
    """A Markdown file in the folder of notes, or below `notes_roots` of a host, and nowhere else: it is written to."""
    there = remote_part(text)
    if there is not None:
        host, plain = there[0], posixpath.normpath(there[1])
        roots = settings.hosts[host].notes_roots if host in settings.hosts else ()
        if "\0" in text or not plain.endswith(".md") or not any(plain.startswith(f"{r.rstrip('/')}/") for r in roots):
            raise InvalidInputError(say("notes-refused"), where=text[:200], todo=say("notes-refused-todo"))
        return f"{host}:{plain}"
    folder = settings.chat_notes.resolve()
    path = None if "\0" in text else (folder / text).resolve()
    if path is None or path.suffix != ".md" or not path.is_relative_to(folder) or path.parent != folder:
        raise InvalidInputError(say("notes-refused"), where=text[:200], todo=say("notes-refused-todo"))
    return str(path)


def _lines(text: str) -> list[str]:
    """One change a line, or `;` between them where there are no lines."""
    return [each for each in re.split(r"\s*[;\n]\s*", text.strip()) if each]


_READERS: Mapping[str, Callable[[str, WatchContext, Settings], dict[str, Any]]] = {
    "log": lambda text, _known, settings: {"log_path": log_below_roots(text, settings), "log_argv": ()},
    "log_command": lambda text, _known, _settings: {
        "log_argv": tuple(shlex.split(_typed_command(text))),
        "log_path": "",
    },
    "baseline": lambda text, known, _settings: {"baseline": {**known.baseline, **_pairs(text, "baseline")}},
    "baseline_run": lambda text, _known, settings: {
        "baseline_runs": tuple(run_of(part.strip(), settings) for part in text.split(",") if part.strip())
    },
    "target": lambda text, known, _settings: {"target": {**known.target, **_pairs(text, "target")}},
    "key": lambda text, _known, _settings: {
        "key_metrics": tuple(name for part in text.split(",") if (name := part.strip()))
    },
    "every": lambda text, _known, _settings: {"interval": _interval(text)},
    "launch": lambda text, _known, _settings: {"launch": str(parse_launch(text))},
    "stop": lambda text, _known, _settings: {"stop_command": _typed_command(text)},
    "notes": lambda text, _known, settings: {"notes_path": _notes(text, settings)},
    "mode": lambda text, _known, _settings: {"mode": _mode(text)},
    "rounds": lambda text, _known, _settings: {"rounds": read_posts(text)},
    "steps": lambda text, _known, _settings: {"planned_steps": _steps(text)},
    "announce": lambda text, known, _settings: {
        "announced": with_announced(known.announced, *(parse_announcement(each) for each in _lines(text)))
    },
}
"""What each option changes in a context: (text, what was known, settings) -> fields."""
