"""What happens in the demo in the browser: by a person who is told what to try, or without one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from trainwatch_core.demo.lookalike import Lookalike
from trainwatch_core.demo.person import Person, person
from trainwatch_core.demo.scene import RUN, Stage

Say = Callable[[str], None]
Alive = Callable[[], bool]
_LOOK_EVERY = 0.5
_LEFT, _STILL_ALIVE = 130, 4

_WHAT_TO_TRY = """
  Open      {address}
  Type      /watch {run}
            in #training, and press Enter. A card appears, and a thread below it: open it.
  Reply     check now      why      status      help      in the thread
  Wait      After two good reports the learning rate of the training goes wrong, by a bug of its own.
            A little later I ask. Press Approve Stop, and see the proof.
  Or        /watch {run} mode=auto      stops without you; Keep running takes it back.

The page is a look-alike of Slack, for this demo only: it listens on all network interfaces of this machine and checks
no tokens. Slack itself asks once more when Approve Stop is pressed; the look-alike cannot.
Everything is kept in {folder}
Ctrl-C ends the demo, and its training with it.
"""


def with_a_person(shown: Lookalike, stage: Stage, say: Say, alive: Alive) -> int:
    """Say what to try, and stay until Ctrl-C; returns the exit code."""
    say(_WHAT_TO_TRY.format(address=shown.address, run=RUN, folder=stage.folder))
    was_alive = True
    try:
        while True:
            if was_alive and not alive():
                was_alive = False
                say(f"The training (pid {stage.pid}) is gone. Look around as long as you like; Ctrl-C ends the demo.")
            time.sleep(_LOOK_EVERY)
    except KeyboardInterrupt:
        say("\nThe demo has ended" + (", and its training with it." if was_alive else "."))
        return _LEFT if was_alive else 0


def without_a_person(shown: Lookalike, stage: Stage, say: Say, alive: Alive) -> int:
    """Work the page until the training is stopped and proven gone; returns the exit code.

    Raises:
        TrainwatchError: If the page does not show what it should.
    """
    pictures = stage.folder / "screenshots"
    with person(shown, pictures) as ana:
        say(f"Ana types /watch {RUN}")
        watch_and_ask(ana, say, RUN)
        say("Ana presses Approve Stop")
        approve_and_see(ana, say)
    if alive():
        say(f"The training (pid {stage.pid}) still runs: that is a defect of trainwatch.")
        return _STILL_ALIVE
    say(f"The training (pid {stage.pid}) is gone.\nScreenshots, evidence and notes: {stage.folder}")
    return 0


def watch_and_ask(ana: Person, say: Say, run: str) -> None:
    """From `/watch` to the question."""
    ana.type(f"/watch {run}")
    ana.sees_in_channel("Healthy|first look|Watching")
    ana.screenshot("1-card")
    ana.open_thread()
    ana.sees("CONTINUE")
    ana.sees_picture()
    ana.screenshot("2-report")
    say("Card, report and picture are there. Ana replies: check now")
    ana.reply("check now")
    ana.sees("CONTINUE", times=2)
    ana.sees_picture(times=2)
    ana.screenshot("3-checked")
    say("A second report. Now the learning rate goes wrong ...")
    wait_for_question(ana)
    ana.screenshot("4-question")
    say("trainwatch asks for a stop.")


def wait_for_question(ana: Person) -> None:
    """The question, from when it can be answered."""
    ana.sees("I would stop")
    # The edit that dates it: from then on the bot knows where it stands.
    ana.sees("valid until")
    ana.scroll_to("I would stop")


def approve_and_see(ana: Person, say: Say) -> None:
    """From the approval to the proof."""
    ana.press("Approve Stop")
    outcome = ana.sees("Stopped: gone")
    ana.screenshot("5-outcome")
    say(f"Outcome: {' '.join(outcome.split())[:300]}")
    ana.sees("FINAL_SUMMARY")
    ana.scroll_to("FINAL_SUMMARY")
    ana.screenshot("6-summary")


def folder_of(base: Path, now: float) -> Path:
    """A folder of its own for each demo, named by the time it began."""
    return base / time.strftime("browser-%Y%m%d-%H%M%S", time.localtime(now))
