"""Work in processes of its own: in order, bounded, and a sick piece never harms another."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time

import pytest

from trainwatch_core.adapters.workers import Bounds, Done, in_workers
from trainwatch_core.model.errors import InvalidInputError

QUICK = Bounds(seconds=2.0, mebibytes=2048)


def work(word: str) -> str:
    """Do as the word says."""
    match word:
        case "said":
            raise InvalidInputError("This is odd", where="here")
        case "broken":
            raise KeyError(word)
        case "greedy":
            return str(len(bytearray(3 * 1024**3)))
        case "slow":
            time.sleep(60)
        case "stubborn":
            _swallow()
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
    return word.upper()


def _swallow() -> None:
    for _ in range(60):
        try:
            time.sleep(1)
        except InvalidInputError:
            raise
        except Exception:  # noqa: BLE001  # what the alarm must not be stopped by for ever
            time.sleep(60)


@pytest.mark.parametrize(
    ("sick", "words"),
    [
        ("said", "This is odd (here)"),
        ("broken", "KeyError"),
        ("greedy", "memory"),
        ("slow", "longer than the 2 s"),
        ("stubborn", "longer than the 2 s"),
        ("killed", "died"),
    ],
)
def test_a_sick_piece_is_said_and_the_others_are_done_in_order(sick: str, words: str) -> None:
    """Errors on purpose and by mistake, too much memory or time, a process that dies."""
    first, second, *rest = in_workers(work, ["a", sick, "b", "c", "d"], bounds=QUICK)
    assert first == Done("A")
    assert second.result is None
    assert words in second.problem
    assert rest == [Done("B"), Done("C"), Done("D")]


def test_one_alone_is_done_here() -> None:
    """No process is started for it, and its errors are said in the same way."""
    assert list(in_workers(whose, ["x"])) == [Done(os.getpid())]
    assert os.getpid() not in {done.result for done in in_workers(whose, ["x", "y"])}
    assert [done.problem for done in in_workers(work, ["said"])] == ["This is odd (here)"]


def whose(_word: str) -> int:
    """The process that works on it."""
    return os.getpid()


def test_one_alone_within_bounds_has_a_process_too() -> None:
    """Where bounds are asked for they are kept."""
    (done,) = in_workers(work, ["slow"], bounds=QUICK)
    assert "longer than the 2 s" in done.problem


def test_work_beside_a_service_gives_way_to_it() -> None:
    """One at a time, with the niceness that is asked for, in a process that is no copy of one with threads."""
    mine = os.nice(0)
    done = list(in_workers(where, ["x", "y", "z"], bounds=Bounds(workers=1, nice=5)))
    assert len({each.result for each in done}) == 1
    assert done[0].result is not None
    assert done[0].result[1:] == (mine + 5, "spawn")


def where(_word: str) -> tuple[int, int, str]:
    """Which process, how nice, how begun."""
    return os.getpid(), os.nice(0), type(multiprocessing.current_process()).__name__.removesuffix("Process").lower()
