"""Stops a job by the operator's own commands: `[stoppers.NAME]`, used as `command:NAME:param=value,...`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from trainwatch_core.adapters.stoppers.places import Place
from trainwatch_core.adapters.stoppers.plugin import Looking
from trainwatch_core.config.targets import ParamTable, StopperTable
from trainwatch_core.model.errors import HostUnreachableError, InvalidInputError, JobNotFoundError, StopRefusedError
from trainwatch_core.model.launch import Launch
from trainwatch_core.model.stop import JobIdentity, JobState, Probe, StopStep
from trainwatch_core.report.redact import clean, redact

KIND = "command"

_INT = re.compile(r"0|-?[1-9][0-9]{0,17}")
_WORD = re.compile(r"[A-Za-z0-9_.@%+=~:/][A-Za-z0-9_.@%+=~:/-]{0,255}")
_LAST_WAIT = 30.0


class OwnedJob:
    """A job that the operator's commands know.

    Args:
        launch: Its target is the stopper's name and the parameters.
        place: Where the commands run.
        tables: The stoppers of the file, by name.

    Raises:
        InvalidInputError: If there is no such stopper, or a parameter is missing, unknown or not of its type.
    """

    kind = KIND
    signals: frozenset[str] = frozenset()

    def __init__(self, launch: Launch, place: Place, tables: Mapping[str, StopperTable]) -> None:
        name, _, given = launch.target.partition(":")
        if name not in tables:
            known = ", ".join(tables) or "none"
            raise InvalidInputError(
                "There is no such stopper", where=str(launch), todo=f"[stoppers] of trainwatch.toml has: {known}"
            )
        self.launch = str(launch)
        self.place = place
        self._name = name
        self._target = launch.target
        self._table = tables[name]
        self._values = _values(given, self._table.params, str(launch))

    def find(self) -> JobIdentity:
        """The job as the identity command tells it; only its parameters where there is no such command.

        Raises:
            JobNotFoundError: If the command fails or prints nothing.
            HostError: If it cannot be run.
        """
        facts = {"stopper": self._name, **{f"param {name}": value for name, value in self._values.items()}}
        label = " ".join([self._name, *(f"{name}={value}" for name, value in self._values.items())])
        if self._table.identity:
            ran = self.place.run(self._filled(self._table.identity), timeout=self._table.timeout)
            said = ran.output.decode("utf-8", "replace").strip()
            if ran.exit_code is None:
                raise HostUnreachableError("The identity command does not end", where=self.launch)
            if ran.exit_code != 0 or not said:
                raise JobNotFoundError(
                    f"The identity command knows no such job: {clean(redact(said), 200) or 'it printed nothing'}",
                    where=self.launch,
                )
            # Not the words themselves: they may hold anything, and what is kept must only be equal again.
            facts["identity"] = hashlib.sha256(said.encode()).hexdigest()
            label += f": {clean(redact(said), 200)}"
        return JobIdentity(KIND, self.place.host, self._target, {**facts, **self.place.facts()}, label)

    def ladder(self, identity: JobIdentity) -> tuple[StopStep, ...]:
        """The command, and the harder ones after it."""
        del identity
        table = self._table
        argvs = [table.argv, *(rung.argv for rung in table.escalate)]
        waits = [*(rung.after for rung in table.escalate), table.verify.within if table.verify else _LAST_WAIT]
        labels = [f"Run stopper {self._name}", *(f"Then, harder: {self._name}" for _ in table.escalate)]
        return tuple(
            StopStep(label, argv=self._filled(argv), wait=wait, timeout=table.timeout)
            for label, argv, wait in zip(labels, argvs, waits, strict=True)
        )

    def proof(self, identity: JobIdentity) -> str:
        """What the verify command must show; empty where there is none."""
        del identity
        verify = self._table.verify
        if verify is None:
            return ""
        shows = "prints nothing" if verify.gone_if == "stdout_empty" else "fails"
        return f"{' '.join(self._filled(verify.argv))} {shows}"

    def chase(self, identity: JobIdentity, note: str) -> Looking:
        """Begin to stop or only to look at the job."""
        del note
        if identity.facts.get("stopper") != self._name:
            raise StopRefusedError("The identity is not one of this stopper", where=self.launch)
        return Looking(self._look)

    def _look(self) -> Probe:
        verify = self._table.verify
        if verify is None:
            return Probe(JobState.UNKNOWN, f"unverified: stopper {self._name} has no verify command")
        ran = self.place.run(self._filled(verify.argv), timeout=self._table.timeout)
        said = clean(redact(ran.output.decode("utf-8", "replace").strip()), 200)
        if ran.exit_code is None:
            return Probe(JobState.UNKNOWN, "The verify command does not end")
        if verify.gone_if == "exit_nonzero":
            gone, unsure = ran.exit_code != 0, False
        else:
            gone, unsure = not said, ran.exit_code != 0
        if unsure:
            return Probe(JobState.UNKNOWN, f"The verify command failed with exit code {ran.exit_code}: {said}")
        return Probe(JobState.GONE if gone else JobState.ALIVE, f"verify says: {said or 'nothing'}")

    def _filled(self, argv: Sequence[str]) -> tuple[str, ...]:
        """The words with their parameters; each stays one word, whatever is in it."""
        return tuple(re.sub(r"\{([A-Za-z0-9_.\-]+)\}", lambda found: self._values[found[1]], word) for word in argv)


def _values(given: str, params: Mapping[str, ParamTable], where: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in given.split(",")] if given else []
    values = {name: value for name, _, value in pairs}
    if len(values) != len(pairs) or values.keys() != params.keys():
        raise InvalidInputError(
            "The parameters are not those of this stopper",
            where=where,
            todo=f"Expected: {', '.join(f'{name}=...' for name in params) or 'none'}",
        )
    for name, value in values.items():
        problem = _problem(value, params[name])
        if problem:
            raise InvalidInputError(f"{name} must be {problem}", where=where)
    return values


def _problem(value: str, param: ParamTable) -> str:
    if param.type == "int":
        least, most = 1 if param.min is None else param.min, param.max
        sound = _INT.fullmatch(value) and least <= int(value) and (most is None or int(value) <= most)
        # A negative number would be read as an option, or as a whole process group.
        return "" if sound and int(value) >= 0 else f"a whole number from {least} to {most or 'any'}"
    if param.choices and value not in param.choices:
        return f"one of {', '.join(param.choices)}"
    return "" if _WORD.fullmatch(value) else "a word that does not begin with '-'"
