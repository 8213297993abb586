"""The verdict of a round: the one place where gates stand between a finding and a STOP.

Checks say what they would decide alone and without memory. Here it is asked whether that has lasted:

- A look confirms only what it saw anew: rounds that brought no new samples, and blind rounds, neither confirm nor
  reset. So an impatient rhythm gains nothing, and an outage loses nothing.
- HARD findings need `policy.hard_rounds` confirming looks in a row: one look may meet a single broken read, two
  hardly. How many samples must agree is the check's part (a NaN needs several in a row).
- SOFT findings need `policy.soft_rounds` confirming looks *and* `policy.soft_rows` samples since the trouble began
  *and* `policy.soft_share` of the planned length (else of the steps seen), because a number of rounds alone is
  seconds in one run and days in another. For the same reason the confirming looks must lie `policy.confirm_share` of
  the run apart: a rhythm of minutes gains nothing. Before `policy.warmup_rows` samples they never stop.
- What somebody announced holds SOFT findings back for `policy.announced_share` of the run, and those that compare
  across it for good: their reference is from another world.
- BLIND findings argue for WAIT at most; the type sees to that.

Everything is recomputed from the history and the past rounds: a restart changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say_step
from trainwatch_core.model.roles import Role
from trainwatch_core.model.round import Round, SourceStatus, View
from trainwatch_core.model.series import Series
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.stats import first_step

_STRENGTH = {Weight.HARD: 0, Weight.SOFT: 1, Weight.BLIND: 2, Weight.RECOVERED: 3, Weight.INFO: 4}
_NOTHING = Finding(
    "verdict",
    "silence",
    Decision.WAIT,
    Weight.BLIND,
    "No check had anything to say: nothing is known about this run.",
    until="This would go away if metrics arrived.",
)


def decide(findings: Sequence[Finding], past: Sequence[Round], view: View) -> Verdict:
    """Weigh the findings of this round.

    Args:
        findings: What the checks noticed.
        past: The rounds before this one, oldest first.
        view: What the checks saw.

    Returns:
        The verdict; its reasons are all findings that argue for more than CONTINUE, or what speaks for health.
    """
    all_ = (*recovered(findings, past, view), *findings) or (_NOTHING,)
    held = {finding.key: _gates(finding, past, view) for finding in all_ if finding.argues_for is Decision.STOP}
    stopping = [finding for finding in all_ if finding.key in held and not held[finding.key]]
    decision = Decision.STOP if stopping else min(Decision.WAIT, max(finding.argues_for for finding in all_))
    passed = {finding.key for finding in stopping}

    def order(finding: Finding) -> tuple[bool, int, int]:
        return (finding.key not in passed, -finding.argues_for, _STRENGTH[finding.weight])

    reasons = tuple(sorted(all_, key=order))
    sentences = tuple(dict.fromkeys(one for finding in reasons for one in held.get(finding.key, ())))
    if decision is Decision.CONTINUE:
        return Verdict(decision, reasons, sentences)
    sure = _how_sure(reasons[0], past, view)
    return Verdict(decision, reasons, () if stopping else sentences, reasons[0].until, sure)


def _how_sure(finding: Finding, past: Sequence[Round], view: View) -> str:
    """How often, and over how many samples and steps, the strongest reason was seen; empty if it has no place."""
    if finding.weight is Weight.BLIND or finding.first_step is None:
        return ""
    looks = max(1, _row_of_looks(finding, past, view, finding.argues_for).looks)
    lasted, whole, main = view.history.last_step - finding.first_step, _whole(view), _longest(view)
    share = f" ({100 * lasted / whole:.0f} % of the run)" if whole > 0 and 0 <= lasted <= whole else ""
    rows = _rows_since(main, finding.first_step) if main is not None else 0
    times = "1 look" if looks == 1 else f"{looks} looks in a row"
    return f"Seen in {times}, over {say_step(lasted)} steps{share} and {rows:,} samples."


def recovered(findings: Sequence[Finding], past: Sequence[Round], view: View) -> tuple[Finding, ...]:
    """What was wrong when it was last seen and is not any more.

    A blind look is no recovery, nor is a metric that vanished, nor one about which something else is said now.
    """
    last = next(_seen(past), None)
    if last is None or _blind(view):
        return ()
    still = {finding.metric for finding in findings if _anomaly(finding) or finding.weight is Weight.RECOVERED}
    gone = {
        finding.metric: finding
        for finding in reversed(last.findings)
        if _anomaly(finding)
        and finding.metric not in still
        and (finding.metric in view.history.series or not finding.metric)
    }
    return tuple(_well_again(finding, view) for finding in gone.values())


def _well_again(was: Finding, view: View) -> Finding:
    series = view.history.series.get(was.metric)
    what = f"{was.metric} is" if was.metric else "The run is"
    place = f" at step {say_step(series.last_step)}" if series is not None and len(series) else ""
    text = f"{what} well again{place}; at the last look: {was.text}"
    return replace(was, argues_for=Decision.CONTINUE, weight=Weight.RECOVERED, text=text, until="", numbers={})


def _anomaly(finding: Finding) -> bool:
    return finding.argues_for is not Decision.CONTINUE and finding.weight is not Weight.BLIND


def _blind(view: View) -> bool:
    return view.source.status is SourceStatus.UNREACHABLE or not view.history.series


def _seen(past: Sequence[Round]) -> Iterator[Round]:
    """The past rounds that saw something, newest first."""
    return (
        each
        for each in reversed(past)
        if each.source.status is not SourceStatus.UNREACHABLE and each.last_step is not None
    )


def _gates(finding: Finding, past: Sequence[Round], view: View) -> tuple[str, ...]:
    """One sentence for each gate that holds this STOP back; none if it may pass."""
    policy, soft = view.policy, finding.weight is not Weight.HARD
    held: list[str] = []
    row = _row_of_looks(finding, past, view)
    wanted = policy.soft_rounds if soft else policy.hard_rounds
    if row.looks < wanted:
        held.append(f"Seen in {row.looks} of {wanted} looks with new values that a stop needs.")
    if soft:
        held += _too_young(view)
        held += _too_short(finding, row, view)
        held += _changed_lately(finding, view)
    return tuple(held)


@dataclass(frozen=True, slots=True)
class _Row:
    """Looks in a row, this one included, that argued the same, or STOP for the same metric, on values new to them.

    Attributes:
        looks: How many.
        since: The step that the first of them saw last; NaN if unknown.
    """

    looks: int
    since: float


def _row_of_looks(finding: Finding, past: Sequence[Round], view: View, argued: Decision = Decision.STOP) -> _Row:
    main = _clock(view)
    rows, step = (main.count if main is not None else 0), view.history.last_step
    looks = 0
    for before in _seen(past):
        looks += (before.loss_rows, before.last_step) != (rows, step)
        if not any(each.argues_for >= argued and _same(finding, each) for each in before.findings):
            return _Row(looks, step)
        rows, step = before.loss_rows, before.last_step if before.last_step is not None else math.nan
    return _Row(looks + 1, step)


def _same(finding: Finding, before: Finding) -> bool:
    """Whether two looks mean the same trouble: a loss that ran away and is NaN now has not become better."""
    worse = before.argues_for is Decision.STOP and before.metric != "" and before.metric == finding.metric
    return before.key == finding.key or worse


def _clock(view: View) -> Series | None:
    """The main training loss: its samples are what gates count."""
    return view.main(Role.TRAIN_LOSS)


def _longest(view: View) -> Series | None:
    """The series whose samples the gates count: the main training loss, else the longest."""
    return _clock(view) or max(view.history.series.values(), key=lambda one: one.count, default=None)


def _too_young(view: View) -> tuple[str, ...]:
    main, policy = _longest(view), view.policy
    rows, lasted, plan = (main.count if main is not None else 0), view.history.last_step, view.planned_steps
    # A log with a row an epoch never has many rows, but a fifth of a plan is no warm-up in any log.
    grown = plan is not None and rows >= policy.sparse_rows and lasted >= policy.sparse_share * plan
    if rows < policy.warmup_rows and not grown:
        return (f"Only {rows} of {policy.warmup_rows} samples of warm-up so far.",)
    if plan is not None and lasted < policy.warmup_share * plan:
        return (f"Only {say_step(lasted)} of {say_step(policy.warmup_share * plan)} steps of warm-up so far.",)
    return ()


def _whole(view: View) -> float:
    """How long the run is: its planned length, else the steps seen."""
    return max(view.planned_steps or 0.0, view.history.last_step - _first_step(view))


def _too_short(finding: Finding, row: _Row, view: View) -> tuple[str, ...]:
    if finding.first_step is None:
        return ("It has no place on the axis of the steps, so nobody can say how long it has lasted.",)
    policy, main, whole = view.policy, _longest(view), _whole(view)
    rows = _rows_since(main, finding.first_step) if main is not None else 0
    lasted, confirmed = view.history.last_step - finding.first_step, view.history.last_step - row.since
    held = []
    # A log with a row an epoch never has many rows, but a fifth of a plan is long in any log.
    sparse = rows >= policy.sparse_rows and lasted >= policy.sparse_share * (view.planned_steps or math.inf)
    if rows < policy.soft_rows and not sparse:
        held.append(f"It has lasted {rows} of {policy.soft_rows} samples that a stop needs.")
    if not lasted >= policy.soft_share * whole:
        wanted = say_step(math.ceil(policy.soft_share * whole))
        held.append(f"It has lasted {say_step(lasted)} of {wanted} steps that a stop needs.")
    if not confirmed >= policy.confirm_share * whole:
        wanted = say_step(math.ceil(policy.confirm_share * whole))
        held.append(f"It has been seen for {say_step(confirmed)} of {wanted} steps that a stop needs.")
    return tuple(held)


def _changed_lately(finding: Finding, view: View) -> tuple[str, ...]:
    """What somebody announced explains what comes right after it, and what was compared across it."""
    now, grace = view.history.last_step, view.policy.announced_share * _whole(view)
    for change in view.announced:
        if change.step <= now <= change.step + grace:
            what = f" ({change.what[:80]})" if change.what else ""
            until = say_step(math.ceil(change.step + grace))
            return (f"A change was announced for step {say_step(change.step)}{what}: held until step {until}.",)
        if finding.first_step is not None and finding.first_step < change.step <= now:
            return (f"It is compared across the change that was announced for step {say_step(change.step)}.",)
    return ()


def _rows_since(series: Series, step: float) -> int:
    inside = int((series.steps >= step).sum())
    older = series.bucket("first_step") >= step
    return inside + int(series.bucket("count")[older].sum())


def _first_step(view: View) -> float:
    return min((first_step(one) for one in view.history.series.values() if len(one)), default=math.nan)
