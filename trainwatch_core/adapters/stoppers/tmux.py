"""Sessions of tmux, by their whole name: tmux itself would take a prefix or a pattern."""

from __future__ import annotations

from trainwatch_core.adapters.machines import Snapshot
from trainwatch_core.adapters.stoppers.places import Place
from trainwatch_core.adapters.stoppers.sessions import Session
from trainwatch_core.model.errors import HostUnreachableError
from trainwatch_core.report.redact import clean

_NOBODY = ("no server running", "No such file or directory", "Connection refused", "no sessions")
_FORMAT = "#{session_id} #{session_created} #{pid} #{session_name}"


class Tmux:
    """tmux: `[socket:]session`, where the socket is that of `tmux -L`; a session's name has no colon."""

    kind = "tmux"

    def session(self, place: Place, name: str, snapshot: Snapshot) -> Session | None:
        """The session with exactly this name; None if there is none, or only dead panes are left in it.

        Raises:
            StopRefusedError: If there is no tmux.
            HostError: If tmux cannot be asked.
        """
        del snapshot
        socket, _, session = name.rpartition(":")
        tmux = (place.program("tmux"), *(("-L", socket) if socket else ()))
        for line in _ask(place, (*tmux, "list-sessions", "-F", _FORMAT)):
            ident, created, server, called = (*line.split(" ", 3), "", "", "")[:4]
            if called != session:
                continue
            # By the id: it names one session as long as the server lives, where a name may be given anew.
            panes = _ask(place, (*tmux, "list-panes", "-s", "-t", ident, "-F", "#{pane_dead} #{pane_pid}"))
            heads = tuple(int(pid) for dead, _, pid in (pane.partition(" ") for pane in panes) if dead == "0")
            facts = {"session_id": ident, "created": created}
            return Session(int(server), facts, heads, (*tmux, "kill-session", "-t", ident)) if heads else None
        return None


def _ask(place: Place, argv: tuple[str, ...]) -> list[str]:
    ran = place.run(argv)
    said = ran.output.decode("utf-8", "replace")
    if ran.exit_code == 0:
        return said.splitlines()
    if ran.exit_code is not None and (any(words in said for words in _NOBODY) or "can't find session" in said):
        return []
    raise HostUnreachableError(f"tmux gives no answer: {clean(said, 200)}", where=place.host)
