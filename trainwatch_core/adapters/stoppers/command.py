"""Stops a job by a command of the operator, from the host's command line or file; never from chat, logs or W&B."""

from __future__ import annotations

import shutil
from pathlib import Path

from trainwatch_core.adapters.stoppers.rungs import SEARCH_PATH, climb, minimal_environment, run_here, run_step
from trainwatch_core.adapters.stoppers.tokens import Tokens
from trainwatch_core.model.command import check_command
from trainwatch_core.model.errors import InvalidInputError, StopRefusedError
from trainwatch_core.model.launch import LOCALHOST
from trainwatch_core.model.stop import Execution, JobIdentity, JobState, Probe, StopPlan, StopStep
from trainwatch_core.ports import Clock

KIND = "command"


class CommandStopper:
    """Runs a free command line by `bash -c`. It knows no job, so its outcome is honestly unverified.

    Args:
        command: The command line, one line of visible characters.
        clock: Time.
        tokens_dir: Where marks of begun stops are kept.
        timeout: Seconds that the command may take before its process group is killed.
        wait: Seconds that the job may take to be gone after the command, where something else can see that.

    Raises:
        InvalidInputError: If the command cannot be shown in full, or there is no bash on this machine.
    """

    def __init__(
        self, command: str, *, clock: Clock, tokens_dir: Path, timeout: float = 60.0, wait: float = 30.0
    ) -> None:
        bash = shutil.which("bash", path=SEARCH_PATH)
        if bash is None:
            raise InvalidInputError(
                "A stop command needs bash, which this machine does not have",
                where=SEARCH_PATH,
                todo="Install bash, or use --launch alone",
            )
        argv = (bash, "-c", check_command(command))
        self._step = StopStep("Run the stop command", argv=argv, wait=wait, timeout=timeout)
        self._clock = clock
        self._tokens = Tokens(tokens_dir)

    def identify(self) -> JobIdentity | None:
        """None: a command does not tell which job it stops."""
        return None

    def plan(self, identity: JobIdentity | None) -> StopPlan:
        """The one step, with the identity that somebody else may know."""
        environment = minimal_environment()
        return StopPlan(KIND, "", LOCALHOST, (self._step,), identity, verify="", environment=environment)

    def probe(self, identity: JobIdentity | None) -> Probe:  # noqa: ARG002  # the port's signature
        """UNKNOWN: an exit code proves nothing about a job."""
        return Probe(
            JobState.UNKNOWN, "unverified: only a stop command is known, nothing shows whether the job is gone"
        )

    def begun(self, token: str) -> bool:
        """Whether a stop with this token was begun, by this process or one before it."""
        return self._tokens.recall(token) is not None

    def execute(self, plan: StopPlan, token: str, *, resume: bool = True) -> Execution:
        """Run the command, once for a token.

        Raises:
            StopRefusedError: If the command is another one than in the plan, or the mark of the stop cannot be
                written. Nothing was done.
        """
        del resume  # there is only one rung
        probe = self.probe(plan.identity)
        if self._tokens.recall(token) is not None:
            return Execution((), probe)
        if plan.steps != (self._step,):
            raise changed_command()
        if not self._tokens.claim(token, ""):
            return Execution((), probe)
        run = run_here(self._clock)
        return climb(plan, self._clock, take=lambda number: run_step(plan.steps[number], plan, run), look=lambda: probe)


def changed_command() -> StopRefusedError:
    """What is raised when the command is not the one that was approved."""
    return StopRefusedError(
        "The stop command is another one than the one that was approved",
        todo="Nothing was done; approve the new command",
    )
