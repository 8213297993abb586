"""Sessions of GNU screen, by their whole name: screen itself would take the beginning of one."""

from __future__ import annotations

import re

from trainwatch_core.adapters.machines import Snapshot
from trainwatch_core.adapters.stoppers.places import Place
from trainwatch_core.adapters.stoppers.sessions import Session
from trainwatch_core.model.errors import HostUnreachableError, StopRefusedError
from trainwatch_core.report.redact import clean

_LINE = re.compile(r"\s+([1-9][0-9]{0,9})\.(\S+)\s+.*\((?!Dead|Removed)[^()]*\)\s*")
_ANSWER = re.compile(r"There (?:is a|are) (?:several )?(?:suitable )?screens? on|No Sockets found|[0-9]+ Sockets? in")


class Screen:
    """screen: `session`, or `pid.session` where several have the same name."""

    kind = "screen"

    def session(self, place: Place, name: str, snapshot: Snapshot) -> Session | None:
        """The session with exactly this name; None if there is none.

        Raises:
            StopRefusedError: If there is no screen, or several sessions have this name.
            HostError: If screen cannot be asked.
        """
        screen = place.program("screen")
        ran = place.run((screen, "-ls"))
        said = ran.output.decode("utf-8", "replace")
        if ran.exit_code is None or not _ANSWER.search(said):
            # Its exit code says how many sessions there are, more or less; the words count.
            raise HostUnreachableError(f"screen gives no answer: {clean(said, 200)}", where=place.host)
        known = [match.groups() for match in map(_LINE.fullmatch, said.splitlines()) if match]
        found = [(pid, called) for pid, called in known if name in {called, f"{pid}.{called}"}]
        if len(found) > 1:
            several = ", ".join(f"{pid}.{called}" for pid, called in found)
            raise StopRefusedError("Several screen sessions have this name", where=several, todo="Name one of these")
        if not found:
            return None
        server, whole = int(found[0][0]), ".".join(found[0])
        heads = tuple(each.pid for each in snapshot.table.values() if each.parent == server and not each.over)
        return Session(server, {"session": whole}, heads, (screen, "-S", whole, "-X", "quit")) if heads else None
