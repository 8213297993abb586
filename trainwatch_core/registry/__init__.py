"""Which kinds there are: a plug-in is one file and one line here."""

from trainwatch_core.registry.checks import CHECKS
from trainwatch_core.registry.choosing import finished_runs, offline_runs, projects_to_choose, runs_to_choose
from trainwatch_core.registry.guessing import guessed_launch
from trainwatch_core.registry.noting import write_back_of
from trainwatch_core.registry.sources import baseline_runs_of, sources_of
from trainwatch_core.registry.stoppers import Reach, reach_of, stoppable, stopper_of

__all__ = [
    "CHECKS",
    "Reach",
    "baseline_runs_of",
    "finished_runs",
    "guessed_launch",
    "offline_runs",
    "projects_to_choose",
    "reach_of",
    "runs_to_choose",
    "sources_of",
    "stoppable",
    "stopper_of",
    "write_back_of",
]
