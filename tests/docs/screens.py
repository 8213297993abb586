"""Photographs the bot in the look-alike of Slack, on a desk and on a phone: `make screenshots`.

Everything is real but Slack: the bot, two little trainings (one goes wrong and is stopped, one recovers), the browser.
All pictures go into a folder; those of KEPT become the pictures of the documentation. The look-alike draws no
confirm dialogs, puts errors of a form below its last field, and knows no shortcuts, unfurls or searching lists.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from tests.e2e.recovering import OVER, recovering
from trainwatch_core.demo.acts import wait_for_question
from trainwatch_core.demo.lookalike import DIGEST_CHANNEL, install
from trainwatch_core.demo.person import Person, person
from trainwatch_core.demo.scene import RUN, play, training

ROOT = Path(__file__).parent.parent.parent
PICTURES, FOLDER = ROOT / "docs" / "img", ROOT / "trainwatch-demo" / "screenshots"
KEPT = (
    "card-phone",
    "thread-desk",
    "question-phone",
    "outcome-phone",
    "recovered-phone",
    "form-desk",
    "list-desk",
    "home-desk",
    "digest-phone",
)
"""What the documentation shows, as `slack-<name>.png`."""
_TALL = 2000
_DIGEST_IN = timedelta(seconds=200)
_COLOURS = 128


def both(ana: Person, name: str, show: Callable[[], None] = lambda: None, height: int = 860) -> None:
    """A picture of each width; `show` brings into view what it is about."""
    show()
    ana.screenshot(f"{name}-desk")
    with ana.on_phone(height):
        show()
        ana.screenshot(f"{name}-phone")


def goes_wrong(program: Path, folder: Path, pictures: Path) -> None:
    """A run that must be stopped: form, card, thread, question, list, home, outcome, summary, digest."""
    at = (datetime.now(UTC).astimezone() + _DIGEST_IN).strftime("%H:%M")
    daily = f'[slack]\ndigest_channel = "{DIGEST_CHANNEL}"\ndigest_at = "{at}"\n'
    with (
        training(folder) as (stage, _),
        play(program, stage, lambda _words: None, further=daily) as shown,
        person(shown, pictures) as ana,
    ):
        ana.type("/watch")
        ana.sees_in_form("does not answer now")  # the look-up of runs is over: nothing is filled in any more
        ana.fill("Run", RUN)
        ana.fill("Time between checks", "soon")
        ana.send_form("Watch")
        ana.sees_in_form("is not a duration")
        both(ana, "form", lambda: ana.scroll_form("is not a duration"))
        ana.send_form("Close")
        ana.sees_no_form()
        ana.type(f"/watch {RUN}")
        ana.sees_in_channel("Healthy")
        both(ana, "card")
        ana.open_thread()
        ana.sees_picture(times=3)
        both(ana, "thread", ana.sees_picture, _TALL)
        wait_for_question(ana)
        both(ana, "question", lambda: ana.scroll_to("I would stop"), 1100)
        ana.close_thread()
        ana.type("/watch list")
        ana.sees_in_channel("only visible to you.*Wants to stop")
        both(ana, "list")
        ana.open_home("trainwatch")
        ana.sees_at_home("My watches")
        both(ana, "home")
        ana.go_to("training")
        ana.open_thread()
        ana.press("Approve Stop")
        ana.sees("Stopped: gone")
        ana.sees("FINAL_SUMMARY")
        both(ana, "outcome", lambda: ana.scroll_to("Approved by|proven"), 1100)
        both(ana, "summary", lambda: ana.scroll_to("FINAL_SUMMARY"))
        ana.go_to("digest")
        ana.sees_in_channel("stopped", within=400.0)
        ana.open_thread()
        ana.sees_picture()
        ana.close_thread()
        both(ana, "digest")
        ana.open_thread()
        both(ana, "digest-picture", ana.sees_picture)


def gets_well(program: Path, folder: Path, pictures: Path) -> None:
    """A run that recovers by itself: the card follows it, and nobody is asked anything."""
    with recovering(program, folder) as (stage, ana):
        ana.keep_in(pictures)
        ana.type(f"/watch {RUN}")
        ana.sees_in_channel("Healthy")
        ana.open_thread()
        ana.sees("CONTINUE", times=2)
        stage.cue.touch()
        ana.sees_in_channel("Recovered")
        ana.sees(OVER)
        both(ana, "recovered", lambda: ana.scroll_to(OVER), 1100)


def shrunk(picture: Path, into: Path) -> None:
    """A copy in as many colours as it needs: a quarter of the bytes, and nobody sees it."""
    with Image.open(picture) as image:
        image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(into, optimize=True)


def main(folder: Path) -> None:
    """Photograph everything."""
    program = install(ROOT / "trainwatch-demo" / "look-alike")
    folder.mkdir(parents=True, exist_ok=True)
    for scene in (goes_wrong, gets_well):
        with TemporaryDirectory(prefix="trainwatch-") as place:
            scene(program, Path(place), folder)
    for name in KEPT:
        shrunk(folder / f"{name}.png", PICTURES / f"slack-{name}.png")
    sys.stdout.write(f"Screenshots: {folder}; those of the documentation: {PICTURES}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
