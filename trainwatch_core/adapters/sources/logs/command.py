"""A training log that a command prints: `kubectl logs`, `ssh host tail -n 2000 train.log`, `journalctl`, ..."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

from trainwatch_core.adapters.sources.logs.formats import State, parse
from trainwatch_core.adapters.sources.logs.harvest import Harvest
from trainwatch_core.adapters.sources.logs.lines import evidence, text_lines
from trainwatch_core.adapters.sources.logs.process import output_of
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.line_pattern import LinePattern
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.model.series import Rows
from trainwatch_core.report.redact import clean, redact

_RECENT = 64  # lines that are remembered to find the old end in a new output


class LogCommandSource:
    """Runs a command that prints the log or its end, and takes what is new in it.

    The old end is searched in the new output, so a sliding `tail -n 2000` works. Where it has slid too far, steps that
    are not beyond those already read are passed over.

    Args:
        argv: Program and arguments. Never given to a shell; nothing is put into them.
        patterns: A person's own patterns of lines.

    Raises:
        InvalidInputError: If there is no program.
    """

    key = "log"
    status = SourceStatus.LOG_FALLBACK
    kind = "log command"

    def __init__(self, argv: Sequence[str], patterns: Sequence[LinePattern] = ()) -> None:
        if not argv or not argv[0]:
            raise InvalidInputError(
                "A log command needs a program", todo='For example: ssh host tail -n 2000 "run/train.log"'
            )
        self.argv = tuple(argv)
        self.patterns = patterns

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """Everything new since the cursor, each sample once.

        Raises:
            SourceUnavailableError: If the command cannot be started, fails, takes too long or prints too much.
        """
        output, cut = output_of(self.argv, deadline)
        lines = text_lines(output)
        if cut:
            del lines[0]
        rest = lines.pop() if lines else ""  # empty if the last line is finished
        if rest and cursor is not None and cursor["rest"] == _mark(rest):  # the same twice: nobody writes it any more
            lines.append(rest)
        notes = ["Older lines of the command's output were not read."] if cut else []
        harvest, restarted = _harvest(lines, cursor, notes, self.patterns)
        marks = [_mark(line) for line in lines[-_RECENT:]] or ([] if cursor is None else cursor["recent"])
        shown = clean(redact(" ".join(self.argv)))
        return Batch(
            rows=harvest.rows(),
            info=harvest.info(clean(self.argv[-1], 100), None),
            cursor={"recent": marks, "rest": _mark(rest), "state": harvest.state.to_json()},
            events=tuple(harvest.events),
            inspected=(shown,),
            tail=evidence(output),
            notes=tuple(notes),
            restarted=restarted,
        )


def _harvest(
    lines: list[str], cursor: Cursor | None, notes: list[str], patterns: Sequence[LinePattern]
) -> tuple[Harvest, bool]:
    """What is new in the lines, and whether they are those of another run."""
    state = None if cursor is None else State.from_json(cursor["state"])
    harvest = Harvest(state, patterns)
    start = 0 if cursor is None else _old_end(lines, cursor["recent"])
    if start is not None or state is None:
        harvest.read(lines[start or 0 :])
        return harvest, False
    anew = parse(lines, patterns=patterns)
    if anew.samples and anew.state.place.step < state.place.step:
        fresh = Harvest(None, patterns)
        fresh.read(lines)
        return fresh, True
    notes.append("The command's output no longer holds what was read last; lines between may be missing.")
    parsed = parse(lines, state, patterns=patterns)
    harvest.state = parsed.state
    harvest.events.extend(parsed.events)
    harvest.keep(_beyond(parsed.samples, state.marks))
    return harvest, False


def _beyond(samples: Mapping[str, Rows], marks: Mapping[str, float]) -> dict[str, Rows]:
    """Samples after the last step that is known of their metric."""
    kept = {}
    for name, rows in samples.items():
        new = rows.steps > marks.get(name, float("-inf"))
        if new.any():
            kept[name] = Rows(rows.steps[new], rows.values[new], rows.times[new])
    return kept


def _old_end(lines: list[str], recent: Sequence[int]) -> int | None:
    """Where the new lines begin: after the remembered ones; None if those are not there."""
    marks = [_mark(line) for line in lines]
    wanted = list(recent)
    if not wanted:
        return 0
    for end in range(len(marks), len(wanted) - 1, -1):
        if marks[end - 1] == wanted[-1] and marks[end - len(wanted) : end] == wanted:
            return end
    overlaps = range(min(len(wanted) - 1, len(marks)), 0, -1)
    return next((size for size in overlaps if marks[:size] == wanted[-size:]), None)


def _mark(line: str) -> int:
    return zlib.crc32(line.encode("utf-8", "replace"))
