"""What came of `/watch backtest`: what it comes to in one line, then run by run, the worst first."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bot.blocks.limits import Block, Message, cut, heading, inert, message, own, packed, small, tight
from bot.texts import text
from trainwatch_core.model.numbers import say, say_duration, say_step
from trainwatch_core.report.backtest import Backtested, Outcome, Trial

_MOST, _SPARED = 8, 12
"""How many runs are named with what was seen, and how many of those that would have gone on."""
_NAME, _REASON, _WHY = 60, 300, 200
_WORDS = {
    Outcome.WRONG: ("🟠", "backtest-run-wrong"),
    Outcome.MISSED: ("⚪", "backtest-run-missed"),
    Outcome.STOPPED: ("🔴", "backtest-run-stopped"),
    Outcome.SPARED: ("🟢", "backtest-run-spared"),
}


def backtest_message(subject: str, done: Backtested) -> Message:
    """One message for a phone.

    Args:
        subject: The project or the run, as it was typed.
        done: What came of it.
    """
    title = text("backtest-title", subject=cut(subject, 2 * _NAME))
    if not (done.trials or done.failures):
        return message(title, [heading(_head(subject)), heading(text("backtest-empty"))])
    told = _told(done.trials)
    of_note = [one for one in done.trials if one.outcome is not Outcome.SPARED]
    alone = len(done.trials) == 1 and not done.failures
    blocks = [
        heading(_head(subject) if alone else f"{_head(subject)}\n{told}"),
        *(_block(one) for one in of_note[:_MOST]),
    ]
    if len(of_note) > _MOST:
        blocks.append(small(own(text("backtest-more", count=len(of_note) - _MOST))))
    spared = [one for one in done.trials if one.outcome is Outcome.SPARED]
    blocks += [_spared(spared)] if spared else []
    failed = [
        text("backtest-failed", run=inert(cut(run, _NAME)), why=inert(cut(why, _WHY)))
        for run, why in done.failures.items()
    ]
    blocks += [heading(part) for part in packed(failed[:_MOST])]
    return message(f"{title}: {told}", [*blocks, small(own(text("backtest-touched")))])


def _head(subject: str) -> str:
    return text("backtest-head", subject=inert(cut(subject, 2 * _NAME)))


def _told(trials: Sequence[Trial]) -> str:
    """`10 runs replayed · 2 would have been stopped · 14 h saved`."""
    stopped = sum(one.stop_step is not None for one in trials)
    saved = sum(one.saved for one in trials if one.outcome is Outcome.STOPPED and math.isfinite(one.saved))
    parts = [text("backtest-replayed", count=len(trials)), text("backtest-stopped", count=stopped)]
    return " · ".join([*parts, text("backtest-saved", what=say_duration(saved))] if saved > 0 else parts)


def _block(trial: Trial) -> Block:
    """What would have been done, to which run, when and why."""
    lines = [f"{_word(trial.outcome)} · {_named(trial)}"]
    if trial.stop_step is not None:
        earlier = trial.saved if math.isfinite(trial.saved) and trial.saved > 0 else 0.0
        parts = [
            text("backtest-at", step=say_step(trial.stop_step)),
            text("backtest-after", time=say_duration(trial.elapsed)) if math.isfinite(trial.elapsed) else "",
            text("backtest-earlier", time=say_duration(earlier)) if earlier else "",
        ]
        lines.append(tight(" · ".join(part for part in parts if part)))
    lines += [inert(cut(trial.reason, _REASON))] if trial.reason else []
    if trial.outcome is Outcome.WRONG and trial.metric is not None:
        before = say(trial.before) if math.isfinite(trial.before) else text("backtest-nothing")
        lines.append(
            text("backtest-better", metric=inert(cut(trial.metric.name, _NAME)), before=before, after=say(trial.after))
        )
    if trial.outcome is Outcome.MISSED:
        lines.append(_looks(trial))
    return heading("\n".join(lines))


def _spared(trials: Sequence[Trial]) -> Block:
    """Those that would have gone on: names alone, of a single one also how often it would have been looked at again."""
    word = _word(Outcome.SPARED)
    if len(trials) == 1:
        return heading(f"{word} · {_named(trials[0])}\n{_looks(trials[0])}")
    names = ", ".join(inert(cut(one.run, _NAME)) for one in trials[:_SPARED])
    more = len(trials) - _SPARED
    return heading(f"{word} · {names}{' ' + text('backtest-spared-more', count=more) if more > 0 else ''}")


def _word(outcome: Outcome) -> str:
    sign, key = _WORDS[outcome]
    return f"{sign} *{text(key)}*"


def _looks(trial: Trial) -> str:
    return text("backtest-looks", looks=trial.looks, waits=trial.alarms)


def _named(trial: Trial) -> str:
    ended = str(trial.ended) if trial.ended is not None else text("backtest-open")
    return f"{inert(cut(trial.run, _NAME))} ({ended})"
