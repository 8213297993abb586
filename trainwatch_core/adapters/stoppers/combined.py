"""Stops a job by the operator's command first, then by its launch, which also says whether it is gone."""

from __future__ import annotations

from dataclasses import replace

from trainwatch_core.adapters.stoppers.command import CommandStopper, changed_command
from trainwatch_core.model.stop import Execution, JobIdentity, Probe, StopPlan
from trainwatch_core.ports import Stopper


class CombinedStopper:
    """A stop command, with the identity, the probes and the further rungs of a launch.

    Args:
        command: The operator's command.
        launch: How the job was launched; its `execute` runs command rungs of a plan too.
    """

    def __init__(self, command: CommandStopper, launch: Stopper) -> None:
        self._command = command
        self._launch = launch

    def identify(self) -> JobIdentity | None:
        """The job of the launch.

        Raises:
            JobNotFoundError: If there is no such job.
            StopRefusedError: If the target is not one that may ever be stopped.
        """
        return self._launch.identify()

    def plan(self, identity: JobIdentity | None) -> StopPlan:
        """The command, then the ladder of the launch.

        Raises:
            StopRefusedError: If the launch knows no way for that job.
        """
        first, rest = self._command.plan(identity), self._launch.plan(identity)
        return replace(
            rest,
            stopper=f"{first.stopper}+{rest.stopper}",
            steps=first.steps + rest.steps,
            environment={**rest.environment, **first.environment},
        )

    def probe(self, identity: JobIdentity | None) -> Probe:
        """The probe of the launch."""
        return self._launch.probe(identity)

    def begun(self, token: str) -> bool:
        """Whether a stop with this token was begun: the launch carries out the whole ladder."""
        return self._launch.begun(token)

    def execute(self, plan: StopPlan, token: str, *, resume: bool = True) -> Execution:
        """The whole ladder, by the launch.

        Raises:
            StopRefusedError: If the job or the command is another one than in the plan. Nothing was done.
        """
        first = self._command.plan(plan.identity).steps
        if plan.steps[: len(first)] != first:
            raise changed_command()
        return self._launch.execute(plan, token, resume=resume)
