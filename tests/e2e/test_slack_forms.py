"""Form, list and Home as a person meets them in the look-alike's page.

The look-alike shows errors of a form below all its fields, where Slack has them at the field, and knows no lists for
which Slack asks the app (runs to choose from), no shortcuts and no unfurls: those are tried with the stand-in.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.test_slack_browser import program, scene
from trainwatch_core.demo.scene import RUN

pytestmark = [pytest.mark.system("npm", "chromium"), pytest.mark.timeout(900)]
__all__ = ["program"]


def test_a_person_fills_in_the_form_and_manages_the_watch_from_list_and_home(
    program: Path, tmp_path: Path
) -> None:  # the fixture
    """`/watch` alone, an error at its field, the card; pause in the list; edit on the home and on the card."""
    with scene(program, tmp_path) as (_, shown, ana):
        ana.type("/watch")
        ana.sees_in_form("I look up|does not answer now")
        ana.sees_in_form("does not answer now")
        ana.fill("Run", RUN)
        ana.fill("Time between checks", "soon")
        ana.send_form("Watch")
        ana.sees_in_form("every: 'soon' is not a duration")
        ana.screenshot("form-error")
        ana.fill("Time between checks", "20m")
        ana.send_form("Watch")
        ana.sees_no_form()
        ana.sees_in_channel("Healthy")
        ana.type("/watch list")
        ana.sees_in_channel("only visible to you.*next check")
        ana.screenshot("list")
        ana.choose("Pause", "only visible to you")
        ana.sees_in_channel("Paused. Nobody looks")
        ana.sees_in_channel("only visible to you.*Paused · ")
        ana.open_home("trainwatch")
        ana.sees_at_home("My watches.*Paused")
        ana.screenshot("home")
        ana.choose("Resume", "Paused")
        ana.sees_in_form("resume|look")
        ana.send_form("Close")
        ana.sees_at_home("Healthy")
        ana.choose("Edit", "Healthy")
        assert "demo/trainwatch-demo" in ana.sees_in_form("Time between checks")
        assert ana.filled("Time between checks") == "20m"
        ana.fill("Time between checks", "40m")
        ana.send_form("Save")
        ana.sees_no_form()
        ana.go_to("training")
        ana.sees_in_channel("From now on: every=40m")
        assert not [entry for entry in shown.traffic() if "error" in entry["summary"]]
