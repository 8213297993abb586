"""trainwatch and what people use today on the same runs: `make peers`, or `make peers CASES=<directory>`.

A case is a directory of series.csv, context.json (if there) and meta.json: `must` (not_stop, stop or alarm),
`first_bad_step` and `evident_step`. Without CASES a few runs are made up. With it, the table in docs/judgement.md is
written anew between its markers; the cases themselves are no part of the project.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from tests.bench.peers import PEERS
from trainwatch_core.adapters.sources.recorded import Recording
from trainwatch_core.adapters.workers import in_workers
from trainwatch_core.backtesting.cases import Case, read_case
from trainwatch_core.backtesting.rehearsing import rounds_of
from trainwatch_core.config import load_settings
from trainwatch_core.engine.replaying import moments
from trainwatch_core.model.finding import Decision
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.watch import Policy, WatchContext

ROUNDS = 24
OURS = "**trainwatch**"
DOCUMENT = Path(__file__).parents[2] / "docs" / "judgement.md"
BEGIN, END = "<!-- peers: written by `make peers` -->", "<!-- end of peers -->"


@dataclass(frozen=True, slots=True)
class Truth:
    """What a run asks for.

    Attributes:
        must: `not_stop`, `stop` or `alarm`.
        bad: A stop that has seen no step from here on is a false one; minus infinity if there is no such step.
        evident: From here on a competent engineer would stop it.
    """

    must: str
    bad: float = -math.inf
    evident: float = -math.inf


@dataclass(frozen=True, slots=True)
class Judged:
    """How one rule did on one run.

    Attributes:
        truth: What the run asks for.
        false: Whether it was stopped wrongly.
        delay: Rounds from where it was evident to the stop; None if it was not stopped, or wrongly.
    """

    truth: Truth
    false: bool
    delay: int | None


def judge(case: Case, truth: Truth, stopped: int | None, rounds: int = ROUNDS) -> Judged:
    """How a stop in round `stopped` (1..rounds; None: no stop) does justice to a run."""
    counts = [look.rows for look in moments(case.recording.times, rounds, case.until)]
    seen = [float(np.nanmax(case.recording.steps[:count], initial=-math.inf)) for count in counts]
    if stopped is None:
        return Judged(truth, false=False, delay=None)
    if truth.must == "not_stop" or seen[stopped - 1] < truth.bad:
        return Judged(truth, false=True, delay=None)
    evident = next((number for number, step in enumerate(seen, 1) if step >= truth.evident), rounds)
    return Judged(truth, false=False, delay=stopped - evident)


def stopped_by_peers(case: Case, rounds: int = ROUNDS) -> dict[str, int | None]:
    """The round in which each peer would have stopped a run: the first that sees the row at which it fires."""
    counts = [look.rows for look in moments(case.recording.times, rounds, case.until)]
    found: dict[str, int | None] = {}
    for peer in PEERS:
        row = peer.stop_row(case.recording, case.context.goals)
        found[peer.name] = next((k for k, count in enumerate(counts, 1) if row is not None and count > row), None)
    return found


def stopped_by_us(case: Case, rounds: int = ROUNDS) -> int | None:
    """The round in which trainwatch would have stopped a run."""
    played = (done.number for done, _ in rounds_of(case, rounds) if done.verdict.decision is Decision.STOP)
    return next(played, None)


def contest(pair: tuple[Case, Truth]) -> dict[str, Judged]:
    """How each rule did on one run."""
    case, truth = pair
    stops = {OURS: stopped_by_us(case), **stopped_by_peers(case)}
    return {name: judge(case, truth, stopped) for name, stopped in stops.items()}


def table(results: Sequence[Mapping[str, Judged]]) -> str:
    """The results as a table in Markdown."""
    good = sum(next(iter(one.values())).truth.must == "not_stop" for one in results)
    bad = sum(next(iter(one.values())).truth.must == "stop" for one in results)
    lines = [
        f"{len(results)} runs ({good} that must not be stopped, {bad} that must be), {ROUNDS} rounds each.",
        "",
        "| rule | false stops of good runs | false stops, all | caught | delay in rounds, median / 90th percentile |",
        "|---|---|---|---|---|",
    ]
    for name in results[0]:
        mine = [one[name] for one in results]
        wrong = sum(each.false for each in mine if each.truth.must == "not_stop")
        delays = [each.delay for each in mine if each.delay is not None and each.truth.must == "stop"]
        lines.append(
            f"| {name} | {_share(wrong, good)} | {_share(sum(each.false for each in mine), len(mine))} "
            f"| {_share(len(delays), bad)} | {_spread(delays)} |"
        )
    return "\n".join(lines)


def _share(count: int, of: int) -> str:
    return f"{count} ({100 * count / of:.1f} %)" if of else "none to judge"


def _spread(delays: Sequence[int]) -> str:
    if not delays:
        return "none"
    return f"{statistics.median(delays):g} / {sorted(delays)[int(0.9 * (len(delays) - 1))]}"


def read_cases(folder: Path) -> list[tuple[Case, Truth]]:
    """All cases in a directory, or in the directories in it."""
    settings = load_settings(None, {**os.environ, "TRAINWATCH_DATA_DIR": os.devnull}, cwd=Path("/"))
    found = []
    for path in sorted({*folder.glob("*/meta.json"), *folder.glob("*/*/meta.json")}):
        meta = json.loads(path.read_text())
        bad = -math.inf if meta.get("first_bad_step") is None else float(meta["first_bad_step"])
        evident = bad if meta.get("evident_step") is None else float(meta["evident_step"])
        found.append(
            (read_case(str(path.parent.resolve()), settings, cwd=Path("/")), Truth(meta["must"], bad, evident))
        )
    return found


def made_up() -> list[tuple[Case, Truth]]:
    """Fifteen runs: five that learn, five that do so after a spike, five that go bad, each in its own way."""
    rng = np.random.default_rng(20)
    return [
        *(_case(f"learns{n}", _falling(rng)) for n in range(5)),
        *(_case(f"spiked{n}", _falling(rng) + _spike(100 + 40 * n)) for n in range(5)),
        *(_case(f"bad{n}", _broken(_falling(rng), n), bad=200) for n in range(5)),
    ]


_ROWS = 400


def _falling(rng: np.random.Generator) -> np.ndarray:
    steps = np.arange(_ROWS)
    curve = rng.uniform(0.2, 2) + 3 * (1 + steps / rng.uniform(3, 30)) ** -rng.uniform(0.4, 1.0)
    return np.asarray(curve + rng.normal(0, 0.04, _ROWS))


def _spike(at: int) -> np.ndarray:
    away = np.arange(_ROWS) - at
    return np.where(away >= 0, 3.0 * np.exp(-np.maximum(away, 0) / 4), 0.0)


def _broken(loss: np.ndarray, how: int) -> np.ndarray:
    late = np.maximum(np.arange(_ROWS) - 200, 0)
    broken = (
        np.where(late > 0, math.nan, loss),
        loss + 0.02 * late,
        loss * np.exp(late / 20),
        np.where(late > 0, loss.max() + 0.3 * np.sin(late), loss),
        np.where(late > 10, math.inf, loss + late),
    )
    return np.asarray(broken[how])


def _case(name: str, loss: np.ndarray, bad: float | None = None) -> tuple[Case, Truth]:
    rows, every = np.arange(len(loss)), np.arange(9, len(loss), 10)
    steps = rows.astype(np.float64)
    columns = {"train/loss": (rows, loss), "val_loss": (every, loss[every] + 0.1)}
    recording = Recording(10.0 * steps, 1.76e9 + 60.0 * steps, columns)
    context = WatchContext(planned_steps=10.0 * len(loss))
    truth = Truth("not_stop") if bad is None else Truth("stop", 10 * bad, 10 * bad)
    return Case(name, RunRef(RunKind.LOG, f"/{name}"), recording, context, Policy()), truth


def write_table(text: str, document: Path = DOCUMENT) -> None:
    """Put a table between the markers of a document.

    Raises:
        ValueError: If it has no markers.
    """
    before, begin, rest = document.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} has no {BEGIN} ... {END}")
    document.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def main() -> None:
    """Hold the contest and print its table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1] else None
    cases = read_cases(folder) if folder else made_up()
    if not cases:
        sys.exit(f"There are no cases in {folder}: expected directories of series.csv and meta.json")
    done = list(in_workers(contest, cases))
    for (case, _), each in zip(cases, done, strict=True):
        if each.problem:
            click.echo(f"{case.name}: {each.problem}", err=True)
    text = table([each.result for each in done if each.result is not None])
    click.echo(text)
    if folder:
        write_table(text)


if __name__ == "__main__":
    main()
