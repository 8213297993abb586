"""Which processes belong to a job, on tables of processes."""

from __future__ import annotations

import os

import pytest

from trainwatch_core.adapters.procfs import Process, boot_id, parse_stat, process, processes
from trainwatch_core.adapters.stoppers.jobs import members, owns_number

OBSERVER = 900


def table(*rows: tuple[int, int, int, int], zombies: tuple[int, ...] = ()) -> dict[int, Process]:
    """Rows of pid, parent, group, session; the observer stands in a shell's session of its own."""
    shell = ((1, 0, 1, 1), (800, 1, 800, 800), (OBSERVER, 800, OBSERVER, 800))
    return {
        pid: Process(pid, parent, group, session, 1, 10 * pid, "Z" if pid in zombies else "S")
        for pid, parent, group, session in (*shell, *rows)
    }


def test_a_job_is_its_tree_its_group_and_its_session() -> None:
    """Children, children of children, adopted members of the group, and of the session."""
    found = members(
        table((50, 1, 50, 50), (51, 50, 50, 50), (52, 51, 52, 52), (53, 1, 50, 50), (54, 1, 54, 50), (60, 1, 60, 60)),
        [50],
        OBSERVER,
    )
    assert sorted(found) == [50, 51, 52, 53, 54]


def test_what_a_descendant_leads_belongs_to_the_job() -> None:
    """A setsid child's own adopted children are found by the session that it leads."""
    found = members(table((50, 1, 50, 50), (52, 50, 52, 52), (53, 1, 52, 52)), [50], OBSERVER)
    assert sorted(found) == [50, 52, 53]


def test_a_group_outlives_its_leader() -> None:
    """The leader is gone from the table, its group is not."""
    found = members(table((51, 1, 50, 40)), [50], OBSERVER)
    assert sorted(found) == [51]


def test_a_session_outlives_its_leader() -> None:
    """The same for a session, whatever groups are in it."""
    found = members(table((51, 1, 51, 50)), [50], OBSERVER)
    assert sorted(found) == [51]


def test_zombies_do_not_count() -> None:
    """A zombie is followed to its children, and is itself over."""
    found = members(table((50, 1, 50, 50), (51, 50, 50, 50), zombies=(50,)), [50], OBSERVER)
    assert sorted(found) == [51]


def test_the_observer_and_its_ancestors_belong_to_no_job() -> None:
    """Even if the observer's shell were named as the job: nothing that the observer stands on is in it."""
    found = members(table((801, 800, 801, 800)), [800], OBSERVER)
    assert found == {}


def test_the_observers_own_group_is_not_taken_for_the_jobs() -> None:
    """`train | trainwatch` stand in one group led by the training: only the training's children are its own."""
    rows = table((50, 800, 50, 800), (51, 50, 50, 800), (910, OBSERVER, 50, 800))
    rows[OBSERVER] = Process(OBSERVER, 800, 50, 800, 1, 9000, "S")
    assert sorted(members(rows, [50], OBSERVER)) == [50, 51]


def test_a_number_is_the_leaders_until_nobody_has_it() -> None:
    """Held by the process, or by its group; not by another process, and not by nobody."""
    assert owns_number(table((50, 1, 50, 50)), (50, 500))
    assert owns_number(table((51, 1, 50, 50)), (50, 500))
    assert not owns_number(table((50, 1, 50, 50)), (50, 499))
    assert not owns_number(table(), (50, 500))


@pytest.mark.parametrize("name", [b"python", b"a b", b"x) S 1 1 1 (", b")", b"((", b"\xff\n)"])
def test_a_process_may_have_any_name(name: bytes) -> None:
    """What follows the last bracket counts, so a process cannot forge its parent or start by its name."""
    fields = b" ".join(str(number).encode() for number in range(4, 53))
    found = parse_stat(b"4211 (" + name + b") R " + fields + b"\n")
    assert found == Process(4211, parent=4, group=5, session=6, threads=20, start=22, state="R")


def test_a_process_whose_first_thread_left_is_not_over() -> None:
    """State Z with more than one thread still works."""
    assert not Process(50, 1, 50, 50, threads=3, start=1, state="Z").over
    assert Process(50, 1, 50, 50, threads=1, start=1, state="Z").over


def test_our_own_process_is_seen_as_it_is() -> None:
    """The real table holds this very process with parent, group and session as the system says."""
    mine = process(os.getpid())
    assert mine is not None
    assert (mine.parent, mine.group, mine.session) == (os.getppid(), os.getpgrp(), os.getsid(0))
    assert processes()[mine.pid].key == mine.key
    assert len(boot_id()) == 36
