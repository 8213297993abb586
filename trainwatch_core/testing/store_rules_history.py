"""Rules of a store about histories and cursors."""
# ruff: noqa: S101, PLR2004  # assert is how a conformance suite speaks, and its figures are the expectation

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from trainwatch_core.model.change import Change, Segment
from trainwatch_core.model.series import MAX_SERIES, History, News, Rows
from trainwatch_core.ports import Store
from trainwatch_core.testing.store_samples import sample_rows, sample_segment, sample_watch


class HistoryRules:
    """What is appended round by round comes back as if it had been kept in memory."""

    def test_what_was_never_written_is_empty(self, store: Store) -> None:
        """An unknown watch or source has an empty history and no cursor."""
        assert store.history("w1", "wandb") == (History(), None)

    def test_many_small_rounds_make_one_history(self, store: Store) -> None:
        """200 rounds of a few rows come back as the history that all of them make, NaN and times included."""
        parts = [range(start, start + 7) for start in range(0, 1400, 7)]
        append(store, [sample_segment(part) for part in parts])
        history, cursor = store.history("w1", "wandb")
        assert cursor == {"next": 1400, "seen": [1, {"deep": None}]}
        same(history, extended([sample_rows(part) for part in parts]))
        assert (history.series["loss"].count, history.series["loss"].nonfinite) == (1400, 140)

    def test_a_first_look_at_a_long_run_is_bounded(self, store: Store) -> None:
        """A hundred thousand rows at once, then one row, come back in the bounded form."""
        segments = [sample_segment(range(100_000)), sample_segment(range(100_000, 100_001))]
        append(store, segments)
        same(store.history("w1", "wandb")[0], extended([segment.rows for segment in segments]))

    def test_a_rewound_run_keeps_its_seams(self, store: Store) -> None:
        """Steps that go back, within a round and between rounds, come back as rewinds."""
        parts = [range(900), range(450, 500), range(100, 950), range(40, 1000)]
        rounds = [sample_rows(part) for part in parts]
        rounds.append({"loss": Rows.of([2000, 2001, 1500], [1, 2, np.inf])})
        append(store, [Segment("wandb", rows, {}) for rows in rounds])
        history, _ = store.history("w1", "wandb")
        same(history, extended(rounds))
        assert len(history.series["loss"].seams) == 4

    def test_rewinds_survive_a_hundred_rounds(self, store: Store) -> None:
        """Rewinds are replayed in the order of the rounds, however many were stored."""
        parts = [range(start, start + 30) for start in range(0, 2000, 20)]
        append(store, [sample_segment(part) for part in parts])
        same(store.history("w1", "wandb")[0], extended([sample_rows(part) for part in parts]))

    def test_a_run_that_was_taken_back_and_joined_comes_back_so(self, store: Store) -> None:
        """A rewind of all metrics and the seam of a resume are replayed in their order, with rows or without."""
        both = ("loss", "val_loss")
        looks = [News(sample_rows(range(900), both)), News(rewound_to=450.0), News(sample_rows(range(900, 960)))]
        looks += [News(seams=(959.0,)), News(sample_rows(range(960, 1800), both), seams=(960.0,))]
        append(store, [Segment("wandb", look.rows, {}, rewound_to=look.rewound_to, seams=look.seams) for look in looks])
        history, _ = store.history("w1", "wandb")
        expected = History()
        for look in looks:
            expected = expected.add(look)
        same(history, expected)
        assert history.series["loss"].seams == (450.0, 959.0, 960.0)

    def test_histories_of_other_runs_are_written_in_one_go_with_the_own(self, store: Store) -> None:
        """What a run is held against is kept under its own key; it is written whole or not at all."""
        others = (sample_segment(range(9), source_key="beside/a"), sample_segment(range(4), source_key="beside/b"))
        watch = store.commit(Change(sample_watch("w1"), segment=sample_segment(range(50)), beside=others))
        assert [store.history("w1", key)[0].series["loss"].count for key in ("wandb", "beside/a", "beside/b")] == [
            50,
            9,
            4,
        ]
        store.commit(Change(watch, beside=(sample_segment(range(9, 12), source_key="beside/a"),)))
        assert store.history("w1", "beside/a")[0].series["loss"].count == 12

    def test_a_restart_voids_what_was_stored_of_that_source(self, store: Store) -> None:
        """After a restart only the new rows count; the other source of the same watch keeps its own."""
        append(store, [sample_segment(range(50)), sample_segment(range(30), source_key="log")])
        append(store, [sample_segment(range(5), restart=True)])
        same(store.history("w1", "wandb")[0], extended([sample_rows(range(5))]))
        same(store.history("w1", "log")[0], extended([sample_rows(range(30))]))
        assert store.history("w1", "wandb")[1] == {"next": 5, "seen": [1, {"deep": None}]}

    def test_histories_of_two_watches_never_mix(self, store: Store) -> None:
        """The same source key under another watch is another history."""
        append(store, [sample_segment(range(50))])
        append(store, [sample_segment(range(3))], watch_id="w2")
        assert [store.history(name, "wandb")[0].series["loss"].count for name in ("w1", "w2")] == [50, 3]

    def test_a_round_without_rows_moves_the_cursor(self, store: Store) -> None:
        """Nothing new still moves the cursor, and a metric without samples stays known."""
        append(store, [sample_segment(range(5)), Segment("wandb", {}, {"next": 6, "odd": float("inf")})])
        append(store, [Segment("wandb", {"lr": Rows.of([], [])}, {"next": 7, "odd": float("inf")})])
        history, cursor = store.history("w1", "wandb")
        assert cursor == {"next": 7, "odd": float("inf")}
        assert [(name, s.count) for name, s in history.series.items()] == [("loss", 5), ("lr", 0)]

    def test_what_is_left_out_stays_named(self, store: Store) -> None:
        """Metrics beyond the bound are named and not kept, in the order they came, also after many rounds."""
        names = tuple(f"m{number}\udcff" for number in range(MAX_SERIES + 3))
        rounds = [sample_rows(range(start, start + 2), names) for start in range(0, 160, 2)]
        append(store, [Segment("wandb", rows, {}) for rows in rounds])
        same(store.history("w1", "wandb")[0], extended(rounds))


def append(store: Store, segments: Iterable[Segment], *, watch_id: str = "w1") -> None:
    """Commit one round for each segment, to a new watch or the one that is there."""
    known = {watch.id: watch for watch in store.watches()}
    watch = known.get(watch_id, sample_watch(watch_id))
    for segment in segments:
        watch = store.commit(Change(watch, segment=segment))


def extended(rounds: Iterable[dict[str, Rows] | object]) -> History:
    """The history that these rounds make in memory."""
    history = History()
    for rows in rounds:
        assert isinstance(rows, dict)
        history = history.extend(rows)
    return history


def same(found: History, expected: History) -> None:
    """Whether two histories say the same, up to the rounding of bucket means.

    Raises:
        AssertionError: If they do not.
    """
    assert list(found.series) == list(expected.series)
    assert found.left_out == expected.left_out
    for name, series in expected.series.items():
        other = found.series[name]
        assert other.seams == series.seams
        for part in ("steps", "values", "times"):
            np.testing.assert_array_equal(getattr(other, part), getattr(series, part))
        np.testing.assert_allclose(other.buckets, series.buckets, rtol=1e-12)
