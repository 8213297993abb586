"""Which picture is drawn: what it shows, what it says, and what of it is marked."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.round import View
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.report.chart import ChartSpec, Panel, Style
from trainwatch_core.report.charting import compose_chart
from trainwatch_core.report.panels import LABEL
from trainwatch_core.testing import pictures
from trainwatch_core.testing.pictures import FINE, SAMPLES, Sample, verdict_on


def _compose(view: View, verdict: Verdict = FINE) -> ChartSpec | None:
    return compose_chart(view, verdict, last_check_step=None, run_name="run")


def _labels(panel: Panel | None) -> list[str]:
    return [] if panel is None else [line.label for line in panel.lines]


def _loss(values: object) -> Sample:
    series = np.asarray(values, dtype=np.float64)
    return Sample({"loss": (np.arange(float(len(series))), series)})


TITLES = {
    "healthy": "Loss 2.27, still falling",
    "diverged to nan": "Loss is NaN since step 40,350",
    "jumped": "Loss 6.91, diverging since step 38,000",
    "spiked": "Loss 2.25, recovered at step 12,400",
    "plateau": "Loss 2.4, flat since step 14,000",
    "only nan": "Loss is NaN since step 0",
    "only infinite": "Loss is −inf since step 0",  # noqa: RUF001  # a true minus sign
    "constant": "Loss 0.693, flat",
    "one point": "Loss 2.5",
    "evaluations only": "Eval loss 2.41, flat",
    "rate only": "lr 8e-4, rising",
}


@pytest.mark.parametrize(("name", "title"), TITLES.items())
def test_title_is_the_sentence_one_would_say(name: str, title: str) -> None:
    """Ana knows from the title alone how it goes."""
    assert SAMPLES[name]().spec().title == title


@pytest.mark.parametrize(
    ("values", "ending"),
    [
        (np.linspace(5, 3, 200), "still falling"),
        (np.linspace(3, 5, 200), "rising"),
        (np.full(200, 3.0) + np.resize([0.01, -0.01], 200), "flat"),
        (2.3 * np.exp(-np.arange(400) / 40), "still falling"),
    ],
)
def test_title_tells_the_direction(values: np.ndarray, ending: str) -> None:
    """The direction is that of the last third, on the scale the eye sees; noise is no direction."""
    assert _loss(values).spec().title.endswith(f", {ending}")


def test_rising_score_is_what_one_wants() -> None:
    """An accuracy that rises is `still rising`, one that falls only `falling`."""
    up, down = np.linspace(0.1, 0.7, 50), np.linspace(0.7, 0.1, 50)
    titles = [Sample({"val_acc": (np.arange(50.0), values)}).spec().title for values in (up, down)]
    assert titles == ["val_acc 0.7, still rising", "val_acc 0.1, falling"]


def test_check_of_a_plug_in_goes_by_its_own_name() -> None:
    """A check that this room does not know is named as it names itself, cut to what a title can bear."""
    spec = replace(_loss([3.0, 2.0, 1.0]), verdict=verdict_on("dead_neurons", "many" * 100, 1, 2)).spec()
    assert spec.anomaly is not None
    assert spec.anomaly.label == "dead neurons"
    assert spec.title.startswith("Loss 1, dead neurons many")
    assert len(spec.title) < 100


def test_nan_of_another_metric_is_named_in_the_title() -> None:
    """NaN in the gradient norm while the loss is finite is not called NaN of the loss."""
    sample = replace(_loss([3.0, 2.0, 1.0]), verdict=verdict_on("nan", "persistent", 1, 2, metric="grad_norm"))
    assert sample.spec().title == "Loss 1, NaN in grad_norm since step 1"


def test_blind_finding_shades_nothing() -> None:
    """That nothing was seen is no stretch of the training."""
    blind = Finding("stale", "silent", Decision.WAIT, Weight.BLIND, "silent", first_step=1, last_step=2)
    spec = _compose(_loss([3.0, 2.0, 1.0]).view(), Verdict(Decision.WAIT, (blind,)))
    assert spec is not None
    assert spec.anomaly is None


def test_panels_show_loss_and_evaluations_above_rate_and_gradient_below() -> None:
    """Two panels: loss, evaluations; below them learning rate and gradient norm."""
    spec = SAMPLES["healthy"]().spec()
    assert _labels(spec.top) == ["loss", "val_loss", "val_acc"]
    assert _labels(spec.bottom) == ["lr", "grad_norm"]


def test_evaluation_shares_the_axis_of_the_loss_only_if_it_has_its_size() -> None:
    """A validation loss lies on the axis of the loss, an accuracy and a perplexity have their own."""
    steps = np.arange(100.0)
    loss, other = np.linspace(4, 3, 100), np.linspace(55, 20, 100)
    top = Sample({"loss": (steps, loss), "val_loss": (steps, loss + 0.1), "val_ppl": (steps, other)}).spec().top
    healthy = SAMPLES["healthy"]().spec().top
    assert healthy.lines[1].axis == healthy.axis != healthy.lines[2].axis
    assert top.lines[1].axis == top.axis
    alone = Sample({"loss": (steps, loss), "val_ppl": (steps, other)}).spec().top
    assert alone.lines[1].axis != alone.axis


def test_key_metric_of_the_person_comes_before_what_was_guessed() -> None:
    """The metric that Bo calls his key metric is in the picture, whatever its name."""
    view = Sample({"loss": (np.arange(9.0), np.ones(9)), "zeta": (np.arange(9.0), np.ones(9))}).view()
    assert _labels(_spec(view).top) == ["loss"]
    assert _labels(_spec(replace(view, key_metrics=("zeta",))).top) == ["loss", "zeta"]


def _spec(view: View) -> ChartSpec:
    spec = _compose(view)
    assert spec is not None
    return spec


def test_nothing_to_draw_is_no_picture() -> None:
    """F-P02: an empty history, or one without any metric of training, has no picture."""
    assert _compose(Sample({}).view()) is None
    assert _compose(Sample({"loss": (np.empty(0), np.empty(0))}).view()) is None
    assert _compose(Sample({"epoch": (np.arange(3.0), np.arange(3.0))}).view()) is None


def test_run_without_loss_shows_what_there_is() -> None:
    """The players of a GAN are drawn, though they decide nothing."""
    steps = np.arange(50.0)
    spec = Sample({"D_loss": (steps, np.ones(50)), "G_loss": (steps, np.ones(50))}).spec()
    assert _labels(spec.top) == ["D_loss", "G_loss"]
    assert spec.bottom is None


def test_part_since_the_last_check_is_marked_only_where_there_is_one() -> None:
    """The first round has no last check, and a run that did not move has no new part."""
    view = _loss(np.linspace(3, 2, 100)).view()
    marks = [compose_chart(view, FINE, last_check_step=last, run_name="") for last in (None, 50.0, 99.0, 1e9, math.nan)]
    assert [spec and spec.last_mark for spec in marks] == [None, 50.0, None, None, None]


def test_nan_is_shaded_from_its_first_step_to_the_end() -> None:
    """F-P02: the stretch, the crosses and the count all say where NaN began and how much of it there is."""
    spec = SAMPLES["diverged to nan"]().spec()
    assert spec.anomaly is not None
    assert (spec.anomaly.first, spec.anomaly.label) == (40_350, "NaN")
    assert spec.anomaly.last == spec.steps.high
    assert spec.top.crosses[0] == 40_350
    assert spec.nonfinite == 2 * 265
    assert spec.top.lines[0].lost
    assert "530 values are NaN or infinite, first at step 40,350." in spec.alt_text


def test_nan_older_than_the_window_is_not_forgotten() -> None:
    """F-P02: three NaN at step 700,000 of a million are a cross, though no sample of them is left."""
    spec = SAMPLES["million"]().spec()
    assert len(spec.top.crosses) == 1
    assert spec.top.crosses[0] == pytest.approx(700_000, abs=8192)
    assert spec.nonfinite == 3


def test_nan_that_fills_the_window_began_where_it_began() -> None:
    """NaN for 5,000 samples is dated by the buckets, to a bucket."""
    sample = _loss(np.where(np.arange(8000) < 3000, 2.0, np.nan))
    assert sample.spec().anomaly is not None
    first = sample.spec().anomaly
    assert first is not None
    assert 2900 <= first.first <= 3000


def test_healthy_part_of_a_diverged_run_keeps_its_height() -> None:
    """A loss that left for 10^13 leaves at least a quarter of the height to what it was before, and is pointed at."""
    top = SAMPLES["exploded"]().spec().top
    places = top.axis.place(np.array([2.3, 10.0]))
    assert places[1] - places[0] >= 0.25
    assert [beyond.up for beyond in top.beyond] == [True]
    assert top.lines[0].value.endswith("e13")


def test_spike_that_leaves_the_panel_says_how_far() -> None:
    """An old spike to 10^9 does not flatten the run: it is cut, with an arrow and its height."""
    values = np.linspace(3.0, 2.0, 500)
    values[250] = 1e9
    (beyond,) = _loss(values).spec().top.beyond
    assert (beyond.step, beyond.label, beyond.up) == (250, "up to 1e9", True)


def test_another_run_is_drawn_beside_the_metrics_that_it_has() -> None:
    """As far as it went, at the steps of this one, with its last value there; never in the lower panel."""
    steps = np.arange(100.0)
    own = {"loss": (steps, np.full(100, 2.0)), "lr": (steps, np.full(100, 1e-3))}
    other = {"loss": (steps[:60], np.full(60, 1.5)), "lr": (steps, np.full(100, 1e-3))}
    spec = replace(_loss([2.0]), columns=own, beside={"lab/vision/r0": other}).spec()
    (level,) = spec.top.levels
    assert spec.bottom is not None
    assert spec.bottom.levels == ()
    assert level.label == "r0 1.5"
    assert level.course is not None
    course = level.course[1]
    assert np.all(course[:60] == 1.5)
    assert np.all(np.isnan(course[60:]))
    assert "Dashed: r0 1.5 of loss." in spec.alt_text


def test_several_runs_are_drawn_as_one() -> None:
    """Their median; a run without the metric is none of them."""
    steps = np.arange(100.0)
    runs = {f"r{level}": {"loss": (steps, np.full(100, level))} for level in (1.0, 2.0, 5.0)}
    spec = replace(_loss([2.0] * 100), beside={**runs, "other": {"acc": (steps, np.full(100, 0.5))}}).spec()
    assert [level.label for level in spec.top.levels] == ["the median of 3 runs 2"]


def test_baseline_and_target_are_named_with_their_values() -> None:
    """Dashed lines carry their names, and the alternative text says whose they are."""
    spec = SAMPLES["plateau"]().spec()
    assert [level.label for level in spec.top.levels] == ["baseline 2.31", "target 2.1"]
    assert "Dashed: target 2.1 of val_loss." in spec.alt_text


def test_forecast_is_a_fan_from_now_to_the_planned_end() -> None:
    """The steps reach to the end of the plan; the fan begins at the newest evaluation, on the axis of its metric."""
    sample = SAMPLES["foretold to miss"]()
    spec = sample.spec()
    fan = spec.top.fan
    assert fan is not None
    assert (spec.steps.high, fan.steps[-1], spec.newest) == (90_000, 90_000, 41_190)
    assert fan.steps[0] == spec.top.lines[1].steps[-1]
    assert (fan.style, fan.axis) == (Style.EVAL, spec.top.lines[1].axis)
    assert np.all(fan.low <= fan.middle)
    assert np.all(fan.middle <= fan.high)
    assert fan.label == f"forecast {fan.middle[-1]:.3g}"
    assert spec.bottom is not None
    assert spec.bottom.fan is None


def test_forecast_is_in_the_alternative_text_and_the_run_ends_where_it_is() -> None:
    """Who cannot see the fan hears it; the curve is not said to go on to the planned end."""
    text = SAMPLES["foretold to miss"]().spec().alt_text
    assert "over steps 0 to 41,190." in text
    assert "Fan: val_loss will end near 2.7" in text
    assert "at step 90,000; baseline 2.1: out of reach." in text


def test_forecast_of_a_score_lies_on_the_scale_of_the_score() -> None:
    """An accuracy of 0.7 is not drawn at 0.7 of the loss."""
    top = SAMPLES["foretold score"]().spec().top
    assert top.fan is not None
    assert top.fan.axis == top.lines[1].axis != top.axis
    assert top.fan.high[-1] > top.fan.middle[-1] > 0.65


def test_the_ends_of_the_fan_are_in_sight() -> None:
    """An axis makes room for where the metric will be."""
    for name in ("foretold", "foretold to miss", "foretold score", "foretold over decades"):
        fan = SAMPLES[name]().spec().top.fan
        assert fan is not None
        places = fan.axis.place(np.array([fan.low[-1], fan.high[-1]]))
        assert places.min() >= 0, name
        assert places.max() <= 1, name


def test_picture_shows_no_forecast_of_which_the_round_does_not_speak() -> None:
    """Without its finding, and where nothing can be foretold any more, there is no fan and no room for one."""
    silent = replace(SAMPLES["foretold to miss"](), verdict=FINE).spec()
    over = replace(SAMPLES["foretold to miss"](), planned=41_000.0).spec()
    for spec in (silent, over):
        assert spec.top.fan is None
        assert spec.steps.high == spec.newest == 41_190


def test_what_is_new_and_what_is_wrong_end_at_the_newest_step() -> None:
    """Nothing is shaded where the run has not been yet."""
    sample = SAMPLES["foretold to miss"]()
    worry = verdict_on("spike", "spike", 40_000, math.nan).reasons
    spec = replace(sample, verdict=Verdict(Decision.STOP, (*worry, *sample.verdict.reasons))).spec()
    assert spec.top.fan is not None
    assert spec.anomaly is not None
    assert (spec.anomaly.first, spec.anomaly.last) == (40_000, 41_190)


def test_level_that_is_no_number_is_not_drawn() -> None:
    """A baseline of NaN or infinity has no line."""
    sample = replace(_loss([3.0, 2.0]), baseline={"loss": math.nan}, target={"loss": math.inf})
    assert sample.spec().top.levels == ()


def test_seams_are_where_the_run_was_resumed() -> None:
    """A run that went back to 400 and to 650 has two seams."""
    assert SAMPLES["resumed"]().spec().seams == (400.0, 650.0)


def test_dots_of_evaluations_are_few_and_end_with_the_newest() -> None:
    """Of 900 evaluations at most 60 are dots, the newest among them."""
    steps = np.arange(900.0)
    line = Sample({"val_loss": (steps, np.linspace(3, 2, 900))}).spec().top.lines[0]
    assert line.style is Style.EVAL
    assert len(line.steps) <= 60
    assert line.steps[-1] == 899


def test_names_are_cut_redacted_and_cleaned() -> None:
    """F-P01: a name of 100,000 characters, with a key and control characters in it, is inert and short."""
    secret = "hf_" + "a1B2" * 8
    name = f"run \x1b[31m{secret}\n\u202e" + "x" * 100_000
    view = Sample({f"loss {secret} \x00" + "y" * 100_000: (np.arange(3.0), np.ones(3))}).view()
    spec = compose_chart(view, FINE, last_check_step=None, run_name=name)
    assert spec is not None
    for text in (spec.run, spec.top.lines[0].label):
        assert len(text) <= LABEL
    shown = spec.run + spec.title + spec.alt_text + spec.top.lines[0].label
    assert secret not in shown
    assert not any(char in shown for char in "\x1b\n\x00\u202e")


@pytest.mark.parametrize("name", SAMPLES)
def test_alternative_text_tells_the_picture_in_words(name: str) -> None:
    """Who cannot see the picture hears its title, its metrics and their newest values, in a bounded length."""
    spec = SAMPLES[name]().spec()
    assert spec.alt_text.startswith(spec.title)
    assert len(spec.alt_text) <= 1000
    assert all(line.label in spec.alt_text for line in spec.top.lines)


def test_room_of_pictures_as_data_does_not_enter_matplotlib() -> None:
    """Composing is possible where matplotlib is not: it is entered only to paint."""
    code = (
        "import sys, trainwatch_core.report.drawing, trainwatch_core.report.charting;print('matplotlib' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip() == "False"


def test_samples_are_the_same_each_time() -> None:
    """Two compositions of one run are the same picture."""
    one, other = pictures.healthy().spec(), pictures.healthy().spec()
    assert one.alt_text == other.alt_text
    assert np.array_equal(one.top.lines[0].values, other.top.lines[0].values)
