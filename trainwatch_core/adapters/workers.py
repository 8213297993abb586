"""Work on many runs in processes of their own: bounded in time and memory, and a sick run never harms another."""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
import signal
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Generic, TypeVar

from trainwatch_core.model.errors import TrainwatchError

Item = TypeVar("Item")
Result = TypeVar("Result")
_LOG = logging.getLogger(__name__)
_DIED = "The process that worked on it died, perhaps for want of memory"
_AGAIN = 1.0
"""Seconds until the alarm rings again, should somebody have swallowed it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one piece of work may take.

    Attributes:
        seconds: Wall time.
        mebibytes: Address space of its process; what libraries map without using it counts too.
        workers: How many are worked on at once; None for as many as the machine has processors.
        nice: By how much their processes give way to others.
    """

    seconds: float = 900.0
    mebibytes: int = 4096
    workers: int | None = None
    nice: int = 0


@dataclass(frozen=True, slots=True)
class Done(Generic[Result]):
    """What came of one piece of work.

    Attributes:
        result: None if it failed.
        problem: What went wrong, in words; empty if nothing did.
    """

    result: Result | None
    problem: str = ""


def in_workers(
    work: Callable[[Item], Result], items: Sequence[Item], *, bounds: Bounds | None = None
) -> Generator[Done[Result], None, None]:
    """What comes of each item, in their order. One alone and without bounds is worked on in this process.

    Args:
        work: A function of a module; what it takes and gives is sent between processes.
        items: What to work on.
        bounds: What each may take.
    """
    if len(items) == 1 and bounds is None:
        yield guarded(work, items[0])
        return
    limits = bounds or Bounds()
    workers = min(len(items) or 1, limits.workers or os.cpu_count() or 1)
    done = 0
    with _pool(workers, limits) as pool:
        # Handed out a few at a time: who gives up, or a program that ends meanwhile, waits for those, not for all.
        ahead = deque(pool.submit(_bounded, work, limits.seconds, item) for item in items[: workers + 1])
        try:
            while ahead:
                yield ahead.popleft().result()
                done += 1
                following = done + len(ahead)
                if following < len(items):
                    ahead.append(pool.submit(_bounded, work, limits.seconds, items[following]))
        except BrokenProcessPool:
            pass
        finally:
            for future in ahead:
                future.cancel()
    # Nobody can say whose process died first: from here on each has one to itself.
    for item in items[done:]:
        yield _alone(work, item, limits)


def guarded(work: Callable[[Item], Result], item: Item) -> Done[Result]:
    """Work on one item; what goes wrong is said, never raised."""
    try:
        return Done(work(item))
    except TrainwatchError as error:
        return Done(None, str(error))
    except MemoryError:
        return Done(None, "This takes more memory than a run may")
    except Exception as error:  # noqa: BLE001  # one sick run never harms another
        _LOG.debug("worked on in vain: %r", item, exc_info=True)
        return Done(None, f"An internal error, please report it: {type(error).__name__}: {error}")


def _alone(work: Callable[[Item], Result], item: Item, limits: Bounds) -> Done[Result]:
    with _pool(1, limits) as pool:
        try:
            return pool.submit(_bounded, work, limits.seconds, item).result()
        except BrokenProcessPool:
            return Done(None, _DIED)


def _pool(workers: int, limits: Bounds) -> ProcessPoolExecutor:
    # Begun anew, not forked: the process of a service has threads, and what their locks hold would be held for ever.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=partial(_begin, limits))


def _begin(limits: Bounds) -> None:
    os.nice(limits.nice)
    wanted = limits.mebibytes * 1024 * 1024
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard == resource.RLIM_INFINITY or wanted < hard:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


def _bounded(work: Callable[[Item], Result], seconds: float, item: Item) -> Done[Result]:
    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TrainwatchError(f"This took longer than the {seconds:g} s that a run may take")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        return guarded(work, item)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
