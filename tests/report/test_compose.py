"""What a round says, of untrusted names and lines as well."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainwatch_core.checks import forecast
from trainwatch_core.engine.looking import view_of
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.round import LogEvent, Round, SourceReport, SourceStatus, View
from trainwatch_core.model.run import RunInfo
from trainwatch_core.model.series import History, Rows
from trainwatch_core.model.stop import Execution, JobState, Probe, RequestState
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.model.watch import Watch
from trainwatch_core.report.compose import Setting, compose, seconds_left
from trainwatch_core.report.dossier import dossier, metrics_csv
from trainwatch_core.report.summary import Finish, note, outcome_lines, summarise
from trainwatch_core.testing.fakes import START
from trainwatch_core.testing.store_samples import sample_request
from trainwatch_core.testing.worlds import FakeWorld

KEY = "0123456789abcdef0123456789abcdef01234567"
FINE = Finding("progress", "progress.falling", Decision.CONTINUE, Weight.INFO, "Loss 2, still falling.")


def a_watch(**context: object) -> Watch:
    """A registered watch."""
    return FakeWorld().watch(**context)  # type: ignore[arg-type]  # as given


def seen(watch: Watch, names: dict[str, list[float]], info: RunInfo | None = None) -> View:
    """A view of some series, one row a second from step 0."""
    rows = {
        name: Rows.of(np.arange(len(values)), values, START.timestamp() + np.arange(len(values)))
        for name, values in names.items()
    }
    source = SourceReport(SourceStatus.WANDB_OK, key="wandb")
    return view_of(watch, History().extend(rows), info or RunInfo(name="resnet50"), source, START.timestamp())


def a_round(view: View, *findings: Finding, decision: Decision = Decision.CONTINUE) -> Round:
    """A round that found this."""
    last = view.history.last_step
    return Round(
        "w",
        3,
        START,
        Verdict(decision, findings or (FINE,)),
        findings or (FINE,),
        view.source,
        view.info,
        last_step=last if math.isfinite(last) else None,
    )


def test_metrics_say_how_they_moved() -> None:
    """Value, change since the last round, baseline."""
    watch = a_watch(baseline={"eval/loss": 2.5})
    view = seen(watch, {"train/loss": [3.0, 2.0], "eval/loss": [2.4]})
    before = replace(a_round(view), latest={"train/loss": 4.0})
    report = compose(a_round(view), view, Setting(watch, before, (), START))
    assert "train/loss 2 (\N{MINUS SIGN}50 % since last check)" in report.metrics
    assert "eval/loss 2.4 (baseline 2.5)" in report.metrics


def foretelling(**context: object) -> tuple[Watch, View, Round]:
    """A healthy run at 40 % of its plan, the round of which speaks of its end."""
    watch = a_watch(planned_steps=1000.0, **context)
    view = seen(watch, {"eval/loss": [2 + 4 * (step / 30 + 1) ** -0.6 for step in range(400)]})
    findings = forecast.check(view)
    decision = max(finding.argues_for for finding in findings)
    first = () if decision is Decision.WAIT else (FINE,)
    return watch, view, a_round(view, *first, *findings, decision=decision)


def test_a_forecast_stands_with_the_metrics() -> None:
    """Said once, with what it is held against; the reason for going on is another."""
    watch, view, round_ = foretelling(baseline={"eval/loss": 2.5}, target={"eval/loss": 2.3})
    report = compose(round_, view, Setting(watch, None, (), START))
    assert report.metrics == (
        "step 399 of 1,000 (40 %), about 10 min left",
        "eval/loss 2.811 (baseline 2.5, target 2.3)",
        (
            "eval/loss will end near 2.54 (2.38 to 2.64) at step 1,000; "
            "baseline 2.5: within reach; target 2.3: out of reach."
        ),
    )
    assert report.anomalies == ()
    assert report.reason == (FINE.text,)


def test_that_no_forecast_can_be_made_yet_is_said_once() -> None:
    """In the first report, as a part of its line; then it is no news until there is one."""
    watch, view, _ = foretelling(baseline={"eval/loss": 2.5})
    words = "Where eval/loss will end cannot be told: 1 % of the plan is seen, it takes 20 %."
    unknown = Finding("forecast", "unknown", Decision.CONTINUE, Weight.INFO, words, "eval/loss")
    round_ = a_round(view, FINE, unknown)
    first = compose(round_, view, Setting(watch, None, (), START))
    assert first.metrics[-1] == f"w{words[1:]}"
    again = compose(round_, view, Setting(watch, round_, (), START))
    assert "cannot be told" not in str(again.metrics)


def test_a_forecast_that_misses_by_far_is_an_anomaly() -> None:
    """It is said under anomalies, not twice, with what would change it."""
    watch, view, round_ = foretelling(baseline={"eval/loss": 1.8})
    report = compose(round_, view, Setting(watch, None, (), START))
    (line,) = report.anomalies
    assert line == "eval/loss will end near 2.54 (2.38 to 2.64) at step 1,000; baseline 1.8: out of reach."
    assert line not in report.metrics
    assert report.title == "Watching closely · resnet50"


def test_key_metrics_of_the_person_come_first() -> None:
    """What defines success is not lost among the rest."""
    watch = a_watch(key_metrics=("my_metric",))
    view = seen(watch, {"train/loss": [3.0, 2.0], "my_metric": [0.5]})
    assert compose(a_round(view), view, Setting(watch, None, (), START)).metrics[1].startswith("my_metric")


def test_time_left_needs_a_pace_and_a_plan() -> None:
    """Nobody knows without both."""
    watch = a_watch(planned_steps=100.0)
    view = seen(watch, {"train/loss": [3.0] * 11})
    assert seconds_left(view) == 90.0
    assert seconds_left(replace(view, planned_steps=None)) is None
    assert seconds_left(seen(watch, {"train/loss": [3.0]})) is None


def test_the_title_says_the_state_in_words() -> None:
    """A notification shows only this."""
    watch = a_watch()
    view = seen(watch, {"train/loss": [3.0, 2.0]})
    bad = Finding("spike", "spike", Decision.WAIT, Weight.SOFT, "A spike.")
    blind = Finding("stale", "stale", Decision.WAIT, Weight.BLIND, "Silence.")
    stop = Finding("nan", "nan", Decision.STOP, Weight.HARD, "NaN.")
    well = Finding("verdict", "spike", Decision.CONTINUE, Weight.RECOVERED, "Well again.")
    cases = [
        ((FINE,), Decision.CONTINUE, "Healthy"),
        ((bad,), Decision.WAIT, "Watching closely"),
        ((blind,), Decision.WAIT, "Cannot tell yet"),
        ((stop,), Decision.STOP, "Wants to stop"),
        ((well, FINE), Decision.CONTINUE, "Recovered"),
    ]
    for findings, decision, word in cases:
        title = compose(a_round(view, *findings, decision=decision), view, Setting(watch, None, (), START)).title
        assert title == f"{word} · resnet50"


def test_what_is_well_again_is_said_once() -> None:
    """Under anomalies, as what was; the reason for going on is how it is now."""
    watch = a_watch()
    view = seen(watch, {"train/loss": [3.0, 2.0]})
    well = Finding("verdict", "spike", Decision.CONTINUE, Weight.RECOVERED, "Well again.")
    report = compose(a_round(view, well, FINE), view, Setting(watch, None, (), START))
    assert (report.anomalies, report.reason) == (("Well again.",), (FINE.text,))
    alone = compose(a_round(view, well), view, Setting(watch, None, (), START))
    assert alone.reason == ("Well again.",)


def test_secrets_and_control_characters_never_reach_a_report() -> None:
    """F-I06 F-L05: of names, lines and errors alike."""
    watch = a_watch()
    view = seen(watch, {"train/loss": [3.0], f"eval/loss {KEY}": [1.0]}, RunInfo(name=f"run\x1b[31m {KEY}"))
    view = replace(view, events=(LogEvent("oom", f"password={'hunter2' * 2} \u202e"),))
    finding = Finding("x", "x", Decision.WAIT, Weight.SOFT, f"Odd: {KEY}")
    round_ = a_round(view, finding, decision=Decision.WAIT)
    round_ = replace(round_, source=replace(round_.source, failures=(f"token {KEY}",)))
    report = compose(round_, view, Setting(watch, None, (f"note {KEY}",), START))
    text = repr(report)
    assert KEY not in text
    assert "hunter2" not in text
    assert not {"\\x1b", "\\u202e"} & {text[i : i + 4] for i in range(len(text))}


@given(name=st.text(max_size=60), line=st.text(max_size=200))
def test_no_untrusted_text_breaks_a_report(name: str, line: str) -> None:
    """F-I01: one line each, bounded, whatever a run is called."""
    watch = a_watch()
    view = seen(watch, {name or "x": [1.0], "train/loss": [2.0]}, RunInfo(name=line, url=line))
    finding = Finding("x", "x", Decision.WAIT, Weight.SOFT, line or "x")
    report = compose(a_round(view, finding, decision=Decision.WAIT), view, Setting(watch, None, (line,), START))
    for text in (report.title, report.run, *report.metrics, *report.anomalies, *report.evidence, *report.reason):
        assert len(text) <= 420
        assert not any(ord(char) < 32 for char in text)


def test_the_dossier_is_complete_and_redacted() -> None:
    """F5: what somebody needs in a year to understand the decision."""
    watch = a_watch(baseline={"eval/loss": math.inf})
    view = seen(watch, {"train/loss": [3.0, math.nan]}, RunInfo(name="r", config={"api_key": KEY}))
    round_ = replace(a_round(view), latest={"train/loss": math.nan})
    report = compose(round_, view, Setting(watch, None, (), START))
    block = ("-----BEGIN RSA PRIVATE KEY-----", "AAAAB3NzaC1yc2EAAAADAQABAAABgQ", "-----END RSA PRIVATE KEY-----")
    files = dossier(watch, round_, view, (f"export WANDB_API_KEY={KEY}", *block), report)
    assert set(files) == {"report.md", "verdict.json", "metrics.csv", "log_tail.txt", "run.json"}
    assert KEY not in "".join(files.values())
    assert block[1] not in files["log_tail.txt"]
    assert json.loads(files["verdict.json"])["decision"] == "CONTINUE"
    assert json.loads(files["run.json"])["latest"] == {"train/loss": "nan"}
    rows = list(csv.DictReader(files["metrics.csv"].splitlines()))
    assert [row["value"] for row in rows] == ["3.0", "nan"]


def test_a_metric_is_no_formula() -> None:
    """F-I09: a spreadsheet that opens the evidence runs nothing."""
    watch = a_watch(key_metrics=("=cmd|'/c calc'!A1",))
    text = metrics_csv(seen(watch, {"=cmd|'/c calc'!A1": [1.0]}))
    assert next(csv.reader(text.splitlines()[1:]))[0].startswith("'=")


def test_the_summary_names_the_best_of_the_whole_run() -> None:
    """An extreme that was folded into a bucket long ago is still the best."""
    watch = a_watch(planned_steps=4000.0)
    values = [3.0] * 5 + [0.5] + [2.0] * 3000
    view = seen(watch, {"train/loss": values})
    summary = summarise(watch, a_round(view), view, Finish(START, how="finished"))
    assert ("Best", "train/loss 0.5 near step 15") in summary.lines
    assert summary.title.endswith(": finished")


def test_the_price_of_what_was_saved_is_told() -> None:
    """F7: hours, and money if an hour has a price."""
    watch = a_watch(planned_steps=7200.0)
    view = seen(watch, {"train/loss": [3.0] * 3601})
    request = replace(sample_request(), state=RequestState.STOPPED, reason="Loss is NaN.")
    finish = Finish(START, request=request, price=2.5, currency="EUR")
    lines = dict(summarise(watch, a_round(view), view, finish).lines)
    assert lines["Saved"] == "about 60 min of the plan, about 2.5 EUR"
    assert lines["What happened"].startswith("Loss is NaN.")


def test_outcomes_speak_plainly() -> None:
    """Stopped only with proof; otherwise loud, with the survivors' names."""
    request = replace(sample_request(), decided_at=START)
    alive = Execution((), Probe(JobState.ALIVE, "2 processes", ("pid 8 python",)))
    lines = outcome_lines(replace(request, state=RequestState.FAILED), alive, START, after_restart=False)
    assert lines[0].startswith("NOT stopped")
    assert "Still there: pid 8 python" in lines
    gone = Execution((), Probe(JobState.GONE, "no such process"))
    after = START + timedelta(seconds=9)
    lines = outcome_lines(replace(request, state=RequestState.STOPPED), gone, after, after_restart=True)
    assert lines[0] == "Stopped (verified after restart): gone 9 s after the decision (no such process)."


def test_a_note_is_inert_markdown() -> None:
    """A run's name makes no heading, no link and no table in the project's notes."""
    watch = a_watch()
    view = seen(watch, {"train/loss": [3.0]}, RunInfo(name="# x [y](http://z)"))
    summary = summarise(watch, a_round(view), view, Finish(START, how="finished"))
    text = note(summary, START)
    assert text.startswith("\n## 2026-03-02 21:00 UTC · ")
    assert "[y](http" not in text


def test_since_when_the_metrics_moved_is_said_once() -> None:
    """A round fits on a phone: what the first metric said holds for all."""
    watch = a_watch()
    view = seen(watch, {"train/loss": [3.0, 2.0], "eval/loss": [2.4, 1.2]})
    before = replace(a_round(view), latest={"train/loss": 4.0, "eval/loss": 2.4})
    told = ", ".join(compose(a_round(view), view, Setting(watch, before, (), START)).metrics)
    assert told.count("since last check") == 1
    assert "eval/loss 1.2 (\N{MINUS SIGN}50 %)" in told


def test_the_summary_does_not_say_the_same_twice_with_newer_numbers() -> None:
    """What it was asked for and what the last look saw differ in their counts only."""
    watch = a_watch()
    view = seen(watch, {"train/loss": [3.0]})
    stopping = [
        Finding("nan", "nan", Decision.STOP, Weight.HARD, "train/loss is NaN in 171 samples in a row."),
        Finding("divergence", "divergence", Decision.STOP, Weight.SOFT, "train/loss rose from its best level 0.272."),
    ]
    request = replace(
        sample_request(), state=RequestState.STOPPED, reason="train/loss is NaN in 71 samples in a row.", onset_step=2.0
    )
    last = a_round(view, *stopping, decision=Decision.STOP)
    lines = summarise(watch, last, view, Finish(START, request=request)).lines
    assert dict(lines)["What happened"] == (
        "train/loss is NaN in 71 samples in a row. train/loss rose from its best level 0.272."
    )
    labels = [label for label, _ in lines]
    assert labels.index("Best") < labels.index("Began at") < labels.index("Decided by")
