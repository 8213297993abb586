"""Which processes belong to a job: what its leader started, and what runs in groups and sessions that it leads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from trainwatch_core.adapters.procfs import Process, lineage

Key = tuple[int, int]
"""Pid and start: what no two processes of one boot share."""


def owns_number(table: Mapping[int, Process], leader: Key) -> bool:
    """Whether a leader's pid is still its own: it is there, or its group or session has members.

    The kernel gives the number of a process that is gone to nobody as long as a group or a session has it.
    """
    pid, start = leader
    if pid in table:
        return table[pid].start == start
    return any(pid in {each.group, each.session} for each in table.values())


def members(table: Mapping[int, Process], heads: Collection[int], observer: int) -> dict[int, Process]:
    """The processes that still work among some heads and all that follows from them, by pid.

    A process brings its children and the group and session of its number, also after its own end. So children that were
    adopted by another parent are found. What left its group and session, and lost its parent before anybody looked,
    cannot be found.

    Args:
        table: All processes, by pid.
        heads: Pids to begin with; they may be gone already.
        observer: Our own pid. We and our ancestors belong to no job, nor does the group and session that we are in.
    """
    spared = lineage(table, observer)
    me = table.get(observer)
    followers = _followers(table, set() if me is None else {me.group}, set() if me is None else {me.session})
    queue = list(heads)
    reached: set[int] = set()
    while queue:
        pid = queue.pop()
        if pid not in reached and pid not in spared:
            reached.add(pid)
            queue += followers[pid]
    return {pid: table[pid] for pid in sorted(reached) if pid in table and not table[pid].over}


def _followers(
    table: Mapping[int, Process], our_group: Collection[int], our_session: Collection[int]
) -> dict[int, list[int]]:
    followers: dict[int, list[int]] = defaultdict(list)
    for each in table.values():
        followers[each.parent].append(each.pid)
        if each.group not in our_group:
            followers[each.group].append(each.pid)
        if each.session not in our_session:
            followers[each.session].append(each.pid)
    return followers
