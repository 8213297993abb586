"""An office for tests: the bot on a fake world and a stand-in for Slack, time and work in the hands of the test."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from slack_bolt import BoltRequest, BoltResponse

from bot.actors import Actors, Names
from bot.app import Running, assemble
from bot.blocks.words import Setting
from bot.ids import CHOOSE_RUN, Field
from bot.notifier.notifier import SlackNotifier
from bot.notifier.web import Web
from trainwatch_core.config import load_settings
from trainwatch_core.decision.authority import Rules
from trainwatch_core.model.stop import StopRequest
from trainwatch_core.model.watch import Watch
from trainwatch_core.testing.fakes import ListNotifier
from trainwatch_core.testing.slack_payloads import APP, TEAM, click_payload, form_payload
from trainwatch_core.testing.slack_server import BOT_TOKEN, SlackServer
from trainwatch_core.testing.worlds import BROKEN, FakeWorld

ANA, BO, CY, EVE = "U0ANA", "U0BO", "U0CY", "U0EVE"
"""Ana is an admin, Bo an approver, Cy a watcher, Eve is nobody."""
RULES = Rules(
    local_user="ana",
    team=TEAM,
    admins=frozenset({ANA}),
    approvers=frozenset({BO}),
    watchers=frozenset({CY}),
)
CHANNEL = "C0TRAIN"
SLACK_TOML = f'channel = "{CHANNEL}"'

Json = dict[str, Any]
_P = ParamSpec("_P")
_T = TypeVar("_T")


class Inline(Executor):
    """Does the work at once, or when the test says so.

    Attributes:
        busy: Whether work waits until `go`.
    """

    def __init__(self) -> None:
        self.busy = False
        self._waiting: list[Callable[[], object]] = []

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Do it, or keep it."""
        future: Future[_T] = Future()

        def work() -> None:
            future.set_result(fn(*args, **kwargs))

        if self.busy:
            self._waiting.append(work)
        else:
            work()
        return future

    def go(self) -> None:
        """Do what waits, and all that comes from now on at once."""
        self.busy = False
        waiting, self._waiting = self._waiting, []
        for work in waiting:
            work()


SECRET = "5ec2e75ec2e75ec2e75ec2e75ec2e75e"  # noqa: S105  # of the stand-in
"""What the stand-in signs its requests with."""


class Office:
    """A bot whose clock stands still and whose workers work when the test says so.

    Args:
        slack: The stand-in.
        folder: For settings and notes.
        world: The engine's world; healthy unless the test says otherwise.
        toml: More lines of trainwatch.toml.
        slack_toml: Its lines of [slack].
    """

    def __init__(
        self,
        slack: SlackServer,
        folder: Path,
        *,
        world: FakeWorld | None = None,
        toml: str = "",
        slack_toml: str = SLACK_TOML,
    ) -> None:
        self.slack = slack
        self.folder = folder
        self.toml = f"{toml}\n[slack]\n{slack_toml}\n"
        self.secret = SECRET
        self.errands = Inline()
        self._numbers = itertools.count(1)
        for user in (ANA, BO, CY, EVE):
            if user not in slack.users:
                slack.add_user(user)
        self.world = world or FakeWorld(rules=RULES)
        self.restart()

    def restart(self) -> None:
        """A new bot on the same rows, as after a crash."""
        file = self.folder / "trainwatch.toml"
        file.write_text(f'data_dir = "{self.folder}/data"\ntimezone = "UTC"\n{self.toml}')
        self.settings = settings = load_settings(file, {"HOME": str(self.folder)}, cwd=self.folder)
        settings.chat_notes.mkdir(parents=True, exist_ok=True)
        self.web = Web(BOT_TOKEN, self.slack.api_url)
        clock = self.world.clock
        rules = self.world.rules
        names = Names(self.web.user, monotonic=clock.monotonic)
        setting = Setting(settings.timezone, tuple(sorted(rules.approvers | rules.admins)), names)
        self.notifier = SlackNotifier(self.web, setting, now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep)
        self.world.notifier = cast("ListNotifier", self.notifier)
        self.actors = Actors(TEAM, self.web.user, monotonic=clock.monotonic)
        self.world.vouch = self.actors.vouch
        engine = self.world.start()
        self.bot = assemble(
            engine,
            self.web,
            self.notifier,
            self.actors,
            settings,
            self.web.me(),
            Running(self.errands, Inline(), clock.monotonic, self.secret),
        )

    # What people do, as payloads through `app.dispatch`.

    def dispatch(self, payload: Json) -> BoltResponse:
        """Hand a payload to the app, as the socket does."""
        return self.bot.app.dispatch(BoltRequest(mode="socket_mode", body=payload))

    def command(self, text: str, *, user: str = ANA, **over: object) -> str:
        """Type `/watch text`; returns the answer in the acknowledgement, as JSON."""
        payload = {"command": "/watch", "text": text, "user_id": user, "channel_id": CHANNEL, "team_id": TEAM}
        return str(self.dispatch({**payload, "api_app_id": APP, "token": "x", "trigger_id": "1", **over}).body)

    def click(self, message: Json, action_id: str, *, user: str = ANA, **over: object) -> BoltResponse:
        """Press a button."""
        return self.dispatch(click_payload(message, action_id, user=user, **over))

    def send(self, filled: Mapping[Field, str], *, user: str = ANA) -> Json:
        """Fill in the form that was opened last, and send it; returns the errors at its fields."""
        body = self.dispatch(form_payload(self.form, _named(filled), user=user)).body
        answer = json.loads(body) if body else {}
        return dict(answer.get("errors", {}))

    def offered(self, words: str, filled: Mapping[Field, str], *, user: str = ANA) -> list[str]:
        """What the list of runs offers for some words, in the form that was opened last."""
        payload = form_payload(self.form, _named(filled), user=user, kind="block_suggestion")
        body = self.dispatch({**payload, "action_id": CHOOSE_RUN, "block_id": "run", "value": words}).body
        return [option["text"]["text"] for option in json.loads(body)["options"]]

    def reply(self, text: str, *, user: str | None = ANA, **over: object) -> BoltResponse:
        """Write into the thread of the first card."""
        event: Json = {"type": "message", "channel": CHANNEL, "user": user, "text": text, "ts": "2000000000.000001"}
        event |= {"thread_ts": self.card["ts"], "team": TEAM, "channel_type": "channel", **over}
        return self.event({key: value for key, value in event.items() if value is not None})

    def event(self, event: Json, *, ident: str = "") -> BoltResponse:
        """Something happened in Slack."""
        body = {"type": "event_callback", "team_id": TEAM, "api_app_id": APP, "event": event, "token": "x"}
        return self.dispatch({**body, "event_id": ident or f"Ev{next(self._numbers)}", "event_time": 1})

    # What happens meanwhile.

    def work(self, seconds: int = 30) -> None:
        """Let the bot work for so many seconds."""
        for _ in range(seconds):
            self.bot.tick()
            self.world.dispatcher.drain()
            self.world.clock.advance(1.0)
        self.bot.tick()

    def watch(self, text: str = "lab/vision/r1 launch=pid:4211", *, user: str = ANA) -> Watch:
        """A watch registered by a command, with its first report."""
        self.command(text, user=user)
        self.work(8)
        return self.world.store.watches()[-1]

    def asked(self, text: str = "lab/vision/r1 launch=pid:4211", *, user: str = ANA) -> StopRequest:
        """A run that has gone bad, and the question that follows."""
        watch = self.watch(text, user=user)
        self.world.findings = BROKEN
        for _ in range(3):
            self.world.engine.watches.check_now(watch.id)
            self.work(8)
        requests = self.world.store.requests(watch_id=watch.id)
        assert len(requests) == 1, "the world is not broken enough"  # noqa: S101  # a test helper
        return requests[0]

    # What is seen.

    @property
    def card(self) -> Json:
        """The first card."""
        return next(m for m in self.slack.messages[CHANNEL] if not m.get("thread_ts") and "files" not in m)

    @property
    def form(self) -> Json:
        """The form that was opened last, as it is now."""
        return list(self.slack.views.values())[-1]

    @property
    def question(self) -> Json:
        """The newest question with the id of its request in it."""
        return next(m for m in reversed(self.slack.messages[CHANNEL]) if "fingerprint" in str(m.get("blocks")))

    def whispered(self, user: str) -> str:
        """All that one user alone was told."""
        return str(self.slack.messages[f"@{user}"])

    def refusals(self) -> list[str]:
        """What the audit says was refused."""
        return [row.detail for row in self.world.store.audited() if not row.allowed]


def _named(filled: Mapping[Field, str]) -> dict[str, str]:
    return {str(field): text for field, text in filled.items()}
