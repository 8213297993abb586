"""Another machine's processes, seen and signalled by small shell scripts that run there. Linux on the far side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from trainwatch_core.adapters.machines import Details, Snapshot
from trainwatch_core.adapters.procfs import Process, parse_stat
from trainwatch_core.adapters.shell import BEGUN_BEFORE, Ran
from trainwatch_core.model.errors import HostUnreachableError, StopRefusedError
from trainwatch_core.report.redact import clean

_READ = r"""
line() { l=; while IFS= read -r x || [ -n "$x" ]; do l="$l$x "; done; }
"""
"""Reads a file into $l without a new process; the name of a process may hold line breaks, they become blanks."""

_LOOK = (
    _READ
    + r"""
cat /proc/sys/kernel/random/boot_id || exit 9
echo "$$"
getconf CLK_TCK
while read -r key value rest; do [ "$key" = btime ] && echo "$value"; done </proc/stat
for each in /proc/[0-9]*/stat; do line 2>/dev/null <"$each" && printf '%s\n' "$l"; done 2>/dev/null
exit 0
"""
)

_TELL = r"""
for pid in "$@"; do
  uid= first=
  while read -r key value rest; do
    case $key in Uid:) uid=$value ;; Tgid:) first=$value ;; esac
  done <"/proc/$pid/status"
  [ -n "$first" ] || continue
  name=$(id -nu "$uid") || name=$uid
  command=$(tr '\000\n\t' '   ' <"/proc/$pid/cmdline" | head -c 2000)
  [ -n "$command" ] || command="[$(tr '\n\t' '  ' <"/proc/$pid/comm")]"
  printf '%s\t%s\t%s\t%s\t%s\n' "$pid" "$uid" "$name" "$first" "$command"
done 2>/dev/null
exit 0
"""

# The start is compared in the same script, right before the signal: what is left between the two is some microseconds,
# in which the number would have to be freed and given away anew. A shell has no pidfd.
_SEND = (
    _READ
    + r"""
signal=$1 boot=$2 dash=$3 mark=$4
shift 4
[ "$(cat /proc/sys/kernel/random/boot_id)" = "$boot" ] || { echo "the machine was started anew"; exit 9; }
is() {
  line 2>/dev/null <"/proc/$1/stat" || return 1
  wanted=$2
  set -f
  set -- ${l##*\) }
  [ "${20}" = "$wanted" ]
}
code=0
for each in "$@"; do
  pid=${each%:*}
  if is "$pid" "${each#*:}" 2>/dev/null; then
    [ -z "$mark" ] || mkdir "$HOME/$mark" 2>/dev/null || exit 125
    mark=
    kill -s "$signal" -- "$dash$pid" 2>/dev/null && continue
    [ -e "/proc/$pid" ] && echo "pid $pid: not permitted"
  fi
  code=3
done
exit $code
"""
)

_TABLE = 8 << 20
_WITHIN = 20.0
_HEAD = 4
_FIELDS = 5


class RemoteMachine:
    """A machine that is reached by running commands on it.

    Args:
        host: Its name, for messages.
        run: Runs an argv there: (argv, timeout, bytes of output to keep) -> how it came out.
        place_of: Where the mark of a rung stands, seen from the home directory there.
    """

    def __init__(
        self, host: str, run: Callable[[Sequence[str], float, int], Ran], place_of: Callable[[str], str]
    ) -> None:
        self._host = host
        self._run = run
        self._place_of = place_of

    @property
    def problem(self) -> str:
        """Empty: whether it is Linux shows at the first look."""
        return ""

    def snapshot(self) -> Snapshot:
        """All processes that this user can see there.

        Raises:
            HostUnreachableError: If it cannot be asked, or is not Linux.
        """
        lines = self._script(_LOOK).output.split(b"\n")
        try:
            boot_id, observer, ticks, booted_at = (line.decode("ascii").strip() for line in lines[:_HEAD])
            table = [parse_stat(line) for line in lines[_HEAD:] if line.strip()]
            found = Snapshot(boot_id, int(observer), {p.pid: p for p in table}, float(booted_at), float(ticks))
        except ValueError as error:
            raise HostUnreachableError(
                "The host does not show its processes as Linux does", where=self._host
            ) from error
        if found.observer not in found.table:
            raise HostUnreachableError("The host does not show all its processes", where=self._host)
        return found

    def details(self, pids: Sequence[int]) -> Mapping[int, Details]:
        """More about some processes; those that are gone are left out.

        Raises:
            HostUnreachableError: If it cannot be asked.
        """
        output = self._script(_TELL, *(str(pid) for pid in pids)).output.decode("utf-8", "replace")
        rows = [line.split("\t", _FIELDS - 1) for line in output.split("\n")]
        return {
            int(pid): Details(uid, user, int(first), command.strip())
            for pid, uid, user, first, command in (row for row in rows if len(row) == _FIELDS)
        }

    def send(self, targets: Sequence[Process], name: str, snapshot: Snapshot, mark: str = "") -> list[str]:
        """Send a signal to exactly these processes.

        Raises:
            HostUnreachableError: If it cannot be asked; some may have got it then.
            StopRefusedError: If the mark was there already, or cannot be made; nothing was sent.
        """
        if not targets:
            return []
        ran = self._signal(name, snapshot, "", targets, mark)
        return [clean(line) for line in ran.output.decode("utf-8", "replace").splitlines()]

    def send_group(self, leader: Process, name: str, snapshot: Snapshot, mark: str = "") -> bool:
        """Send a signal to a whole process group, if its leader is still the same.

        Raises:
            HostUnreachableError: If it cannot be asked; the group may have got it then.
            StopRefusedError: If the mark was there already, or cannot be made; nothing was sent.
        """
        return self._signal(name, snapshot, "-", [leader], mark).exit_code == 0

    def _signal(self, name: str, snapshot: Snapshot, dash: str, targets: Sequence[Process], mark: str) -> Ran:
        where = self._place_of(mark) if mark else ""
        words = (name.removeprefix("SIG"), snapshot.boot_id, dash, where, *map(_key, targets))
        ran = self._script(_SEND, *words)
        if ran.exit_code == BEGUN_BEFORE:
            raise StopRefusedError("This rung was begun before, or its mark cannot be made", where=self._host)
        return ran

    def _script(self, script: str, *args: str) -> Ran:
        ran = self._run(("/bin/sh", "-c", script, "trainwatch", *args), _WITHIN, _TABLE)
        if ran.exit_code is None or ran.written > len(ran.output):
            what = "The connection to the host was lost" if ran.lost else "The host did not answer in time"
            raise HostUnreachableError(what, where=self._host)
        return ran


def _key(process: Process) -> str:
    return f"{process.pid}:{process.start}"
