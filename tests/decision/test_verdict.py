"""What a verdict makes of findings: patience, what it rests on, what has recovered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from trainwatch_core.decision.verdict import decide
from trainwatch_core.model.finding import Finding, Weight
from trainwatch_core.model.round import View
from trainwatch_core.model.watch import Policy
from trainwatch_core.testing.columns import CONTINUE, STOP, WAIT
from trainwatch_core.testing.histories import Column, view_of_columns
from trainwatch_core.testing.looks import INFO, blind, decisions, hard, play, seen, soft


def test_a_hard_failure_stops_at_the_second_look_that_sees_it() -> None:
    """One look may meet a broken read, two with new values hardly."""
    assert decisions([(seen(80), [INFO]), (seen(100), [hard()]), (seen(110), [hard()])]) == [CONTINUE, WAIT, STOP]


def test_a_look_that_brought_no_new_values_confirms_nothing() -> None:
    """Looking again and again at the same samples never adds up to a stop."""
    assert decisions([(seen(100), [hard()])] * 5) == [WAIT] * 5
    assert decisions([(seen(100), [hard()]), (seen(100), [hard()]), (seen(101), [hard()])])[-1] is STOP


def test_a_stop_stays_a_stop_when_nothing_new_comes() -> None:
    """A confirmed failure is not unconfirmed by a run that has gone quiet."""
    assert decisions([(seen(100), [hard()]), (seen(110), [hard()]), (seen(110), [hard()])])[1:] == [STOP, STOP]


def test_blind_rounds_neither_confirm_nor_reset() -> None:
    """F-W02: an outage between two bad looks leaves the patience as it was; the outage itself is WAIT."""
    away = Finding("blind", "unreachable", WAIT, Weight.BLIND, "Nothing could be read.")
    looks = [(seen(100), [hard()]), (blind(), [away]), (blind(), [away]), (seen(110), [hard()])]
    assert decisions(looks) == [WAIT, WAIT, WAIT, STOP]


def test_a_good_look_in_between_resets_the_patience() -> None:
    """Bad, good, bad is not twice in a row."""
    assert decisions([(seen(100), [hard()]), (seen(105), [INFO]), (seen(110), [hard()])]) == [WAIT, CONTINUE, WAIT]


def test_another_finding_does_not_inherit_the_patience() -> None:
    """The looks that count are those at which the same check said the same of the same metric."""
    other = replace(hard(), metric="loss_box")
    assert decisions([(seen(100), [other]), (seen(110), [hard()])]) == [WAIT, WAIT]


def test_a_trouble_that_grew_keeps_its_patience() -> None:
    """A loss that ran away and is NaN at the next look has been bad for two looks; a wait counts for nothing."""
    away = replace(hard(), check="divergence", code="runaway")
    assert decisions([(seen(100), [away]), (seen(110), [hard()])]) == [WAIT, STOP]
    assert decisions([(seen(100), [replace(away, argues_for=WAIT)]), (seen(110), [hard()])]) == [WAIT, WAIT]


def test_troubles_of_the_whole_run_do_not_inherit() -> None:
    """Without a metric, nothing says that two findings are of one thing."""
    one, other = replace(hard(), metric=""), replace(hard(), metric="", code="other")
    assert decisions([(seen(100), [one]), (seen(110), [other])]) == [WAIT, WAIT]


def test_hard_and_soft_findings_have_each_their_own_patience() -> None:
    """The figure of the one is not that of the other."""
    policy = Policy(hard_rounds=3, soft_rounds=1)
    assert decisions([(seen(rows, policy=policy), [hard()]) for rows in (100, 110, 120)]) == [WAIT, WAIT, STOP]


def test_a_hard_failure_needs_no_warm_up() -> None:
    """A run that is NaN from its first samples is stopped in its first samples."""
    assert decisions([(seen(6), [hard()]), (seen(8), [hard()])]) == [WAIT, STOP]


def test_a_stop_rests_on_what_passed_the_gates() -> None:
    """With one finding through and one held, it is a STOP, and the one that carries it comes first."""
    verdict = play([(seen(100), [soft(95), hard()]), (seen(110), [INFO, soft(95), hard()])])[-1]
    assert verdict.decision is STOP
    assert [reason.check for reason in verdict.reasons] == ["nan", "divergence", "progress"]
    assert verdict.held_back == ()
    assert verdict.would_change == "Numbers."


def test_blindness_is_never_more_than_wait() -> None:
    """F-W01, F-W02: however often nothing can be seen, nothing is stopped."""
    away = Finding("blind", "unreachable", WAIT, Weight.BLIND, "Nothing could be read.")
    assert decisions([(blind(), [away])] * 20) == [WAIT] * 20


def test_silence_of_all_checks_is_not_health() -> None:
    """Without any finding the verdict is WAIT, and says why."""
    verdict = decide([], [], view_of_columns({}))
    assert verdict.decision is WAIT
    assert verdict.reasons[0].weight is Weight.BLIND


def test_a_healthy_run_has_a_reason_too() -> None:
    """CONTINUE rests on what was seen."""
    verdict = decide([INFO], [], seen(50))
    assert (verdict.decision, verdict.reasons, verdict.would_change) == (CONTINUE, (INFO,), "")


def recovered_in(looks: Sequence[tuple[View, Sequence[Finding]]]) -> list[str]:
    """What the last of these looks announces as well again."""
    return [reason.text for reason in play(looks)[-1].reasons if reason.weight is Weight.RECOVERED]


def test_an_anomaly_that_is_gone_is_announced_once() -> None:
    """The look at which it is gone says so, the next one does not."""
    looks = [(seen(90), [soft()]), (seen(95), [INFO]), (seen(99), [INFO])]
    assert recovered_in(looks[:2]) == ["loss is well again at step 94; at the last look: loss rose."]
    assert recovered_in(looks) == []


def test_a_blind_look_is_no_recovery_and_the_recovery_is_said_after_it() -> None:
    """F-W02: not seeing the trouble is not the end of the trouble."""
    away = Finding("blind", "unreachable", WAIT, Weight.BLIND, "Nothing could be read.")
    about_the_run = replace(soft(), check="other", metric="")
    looks = [(seen(90), [soft(), about_the_run]), (blind(), [away]), (seen(95), [INFO])]
    assert recovered_in(looks[:2]) == []
    assert len(recovered_in(looks)) == 2


@pytest.mark.parametrize(
    "now",
    [
        [soft(argues_for=WAIT)],
        [hard()],
        [Finding("spike", "recovered", CONTINUE, Weight.RECOVERED, "loss spiked and is back.", "loss")],
    ],
)
def test_what_changed_its_name_has_not_recovered(now: list[Finding]) -> None:
    """While anything is wrong with the metric, or a check tells of its recovery itself, nothing is announced twice."""
    found = recovered_in([(seen(90), [soft()]), (seen(95), now)])
    assert found == [finding.text for finding in now if finding.weight is Weight.RECOVERED]


def test_a_metric_that_vanished_has_not_recovered() -> None:
    """When another source answers, without that metric, nothing is known about it."""
    columns: Mapping[str, Column] = {"train_loss": np.ones(95)}
    assert recovered_in([(seen(90), [soft()]), (view_of_columns(columns), [INFO])]) == []


def test_the_end_of_blindness_is_no_recovery_of_the_run() -> None:
    """Only anomalies recover; an outage that is over is simply over."""
    away = Finding("stale", "silent", WAIT, Weight.BLIND, "No new values.")
    assert recovered_in([(seen(90), [away]), (seen(95), [INFO])]) == []


def test_a_resumed_run_that_steps_back_keeps_its_patience() -> None:
    """Fewer samples than before are new samples too: the look after a rewind confirms."""
    assert decisions([(seen(100), [hard()]), (seen(95), [hard()])]) == [WAIT, STOP]
