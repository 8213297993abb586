"""A loss that jumps and falls back, as a person reads it in the look-alike: one card that follows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.recovering import OVER, recovering
from tests.e2e.test_slack_browser import program
from trainwatch_core.demo.scene import RUN

pytestmark = [pytest.mark.system("npm", "chromium"), pytest.mark.timeout(600)]
__all__ = ["program"]


def test_the_card_follows_an_anomaly_until_it_is_over(program: Path, tmp_path: Path) -> None:  # the fixture
    """Healthy, watching closely, recovered: in the one card of the channel; nothing is asked."""
    with recovering(program, tmp_path) as (stage, ana):
        ana.type(f"/watch {RUN}")
        ana.sees_in_channel("Healthy")
        ana.open_thread()
        ana.sees("CONTINUE", times=2)
        stage.cue.touch()
        ana.sees_in_channel("Watching closely")
        ana.sees(OVER)
        ana.sees_picture(times=3)
        assert not ana.offered("Approve Stop")
        ana.shrink()
        assert not ana.wide()
