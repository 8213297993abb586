"""Evidence of a stop that a person wants, whatever the verdict says."""

from __future__ import annotations

import logging
from dataclasses import replace

from trainwatch_core.decision.rounds import onset
from trainwatch_core.engine.looking import judge, look
from trainwatch_core.engine.proposing import keep
from trainwatch_core.engine.world import World
from trainwatch_core.model.errors import TrainwatchError
from trainwatch_core.model.stop import StopRequest
from trainwatch_core.model.watch import Watch
from trainwatch_core.report.compose import Setting, compose

_LOG = logging.getLogger(__name__)


def with_evidence(world: World, watch: Watch, request: StopRequest) -> StopRequest:
    """A request by hand with the evidence of how the run is now; without any where nobody can keep it.

    It is the person who answers for the stop: a full disk or a dead server does not hold them up.
    """
    past = world.store.rounds(watch.id, limit=60)
    try:
        seen = look(world, watch, past)
        round_ = judge(watch, past, seen)
        report = compose(round_, seen.view, Setting(watch, past[-1] if past else None, seen.notes, None, ""))
        request = replace(request, onset_step=onset(round_.findings))
        return replace(request, evidence=keep(world, watch, round_, seen, report, request))
    except TrainwatchError as error:
        _LOG.warning("stop %s by hand has no evidence: %s", request.id[:8], error)
        return request
