"""The form of a watch: opened at once, filled when W&B has answered, told what is wrong at the field."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import App

from bot.actors import Claim
from bot.blocks.answers import word_message
from bot.blocks.fields import View
from bot.blocks.form import edit_form, new_form, run_options
from bot.blocks.limits import Message
from bot.ids import CHOOSE_RUN, FORM, SHORTCUT, Field, in_slack
from bot.listeners.addresses import runs_in
from bot.listeners.context import NEEDS, require_own_command
from bot.listeners.desk import Desk, RefusedError
from bot.listeners.filling import changed, filled_in, filled_of, marks_of, misread, options_of, told_anew
from bot.listeners.parsing import Typed
from bot.listeners.payloads import claim_at, text_at
from bot.listeners.registering import begin
from bot.texts import text
from trainwatch_core.decision.authority import Verb
from trainwatch_core.model.errors import (
    JobNotFoundError,
    NotAllowedError,
    StopRefusedError,
    TrainwatchError,
)
from trainwatch_core.model.watch import Watch, WatchContext

_LOG = logging.getLogger(__name__)
_PATIENCE = 2.0
"""Seconds for W&B while a person looks at a list that Slack gives three seconds."""
_ERROR = 300
"""Characters of an error below a field."""

Body = Mapping[str, Any]
Ack = Callable[..., Any]
Errors = dict[Field, str]


def register(app: App, desk: Desk) -> None:
    """Listen to the form, its list of runs, and the shortcut that opens it."""

    @app.view(FORM)
    def sent(ack: Ack, body: Body) -> None:
        answer = desk.soon(lambda: _sent(desk, body), lambda late: _tell_late(desk, body, late))
        errors = answer if isinstance(answer, dict) else {}
        ack(**{"response_action": "errors", "errors": errors} if errors else {})
        if isinstance(answer, Message):
            _tell(desk, body, answer)

    @app.options(CHOOSE_RUN)
    def choose(ack: Ack, body: Body) -> None:
        ack(options=_offered(desk, body))

    @app.shortcut(SHORTCUT)
    def shortcut(ack: Ack, body: Body) -> None:
        claim, channel = claim_at(body), text_at(body, "channel", "id")
        found = runs_in(body.get("message"), desk.settings)
        run = str(found[0]) if found else ""
        told = desk.answer(lambda: open_new(desk, claim, text_at(body, "trigger_id"), channel, run))
        ack()
        if told is not None:
            desk.later(lambda: desk.whisper(channel, claim.user, told, None, text_at(body, "response_url")))


def open_new(desk: Desk, claim: Claim, trigger: str, channel: str, run: str = "") -> None:
    """Open the form of a new watch at once, and fill its lists when W&B has answered.

    Args:
        desk: What to work with.
        claim: Who asks.
        trigger: Slack's leave to open a form, for three seconds.
        channel: Where they asked; no channel of Slack's for nowhere.
        run: What they want to watch, if that is known.

    Raises:
        TrainwatchError: If it is not opened.
    """
    desk.admit(claim, Verb.WATCH, None)
    default = desk.settings.slack.channel or ""
    here = channel if in_slack(channel) and not channel.startswith("D") else ""

    def form(status: str, projects: tuple[str, ...] = ()) -> View:
        filled = {field: words for field, words in ((Field.TYPED, run), (Field.CHANNEL, here)) if words}
        return new_form(
            filled,
            status=text(status),
            projects=projects,
            asks_channel=not default,
            commands=desk.settings.slack.allow_chat_commands,
            carried={"channel": here},
        )

    view_id = desk.open_form(trigger, form("form-looking"))
    desk.later(lambda: _fill(desk, view_id, form))


def _fill(desk: Desk, view_id: str, form: Callable[..., View]) -> None:
    try:
        projects = tuple(desk.choices.projects())
        view = form("form-found" if projects else "form-no-project", projects)
    except TrainwatchError as error:
        _LOG.info("the form has no list of projects: %s", error)
        view = form("form-no-answer")
    # It may have been closed meanwhile: that is in the log, as with every errand.
    desk.update_form(view_id, view)


def open_edit(desk: Desk, claim: Claim, trigger: str, watch: Watch, channel: str) -> None:
    """Open the form of a watch that is there; arguments as for `open_new`.

    Raises:
        TrainwatchError: If it is not opened.
    """
    desk.admit(claim, Verb.EDIT, watch)
    filled = filled_of(watch.context, desk.settings)
    carried = {"channel": channel, "watch": watch.id, "was": marks_of(filled)}
    view = edit_form(str(watch.run), filled, commands=desk.settings.slack.allow_chat_commands, carried=carried)
    desk.open_form(trigger, view)


def _offered(desk: Desk, body: Body) -> list[Mapping[str, Any]]:
    """The runs of the chosen project that fit what was typed; none if they cannot be known in time."""
    project = filled_in(body.get("view") or {}).get(Field.PROJECT, "")
    try:
        desk.admit(claim_at(body), Verb.WATCH, None)
        choices = desk.choices.runs(project, text_at(body, "value")[:100], _PATIENCE) if project else ()
    except TrainwatchError as error:
        _LOG.info("no runs are offered: %s", error)
        choices = ()
    return list(run_options(choices))


def _sent(desk: Desk, body: Body) -> Message | Errors:
    """What comes of a form: errors at their fields, or what was done."""
    view = body.get("view") or {}
    carried, filled = _carried(view), filled_in(view)
    try:
        if "watch" in carried:
            return _edited(desk, claim_at(body), str(carried["watch"]), filled, carried.get("was"))
        return _begun(desk, claim_at(body), filled, str(carried.get("channel", "")))
    except _AtFieldsError as error:
        return error.errors
    except TrainwatchError as error:
        why = str(error)
    except Exception:  # noqa: BLE001  # who sends a form gets an answer, whatever happens here
        _LOG.exception("a form was not carried out")
        why = text("went-wrong")
    return {Field.LAUNCH if "watch" in carried else Field.TYPED: why}


class _AtFieldsError(Exception):
    """What is wrong, field by field."""

    def __init__(self, errors: Mapping[Field, TrainwatchError | str]) -> None:
        super().__init__(str(errors))
        self.errors: Errors = {field: _shortened(error) for field, error in errors.items()}


def _begun(desk: Desk, claim: Claim, filled: Mapping[Field, str], channel: str) -> Message:
    chosen, typed = filled.get(Field.RUN, ""), filled.get(Field.TYPED, "")
    at = Field.TYPED if typed or not chosen else Field.RUN
    if bool(chosen) == bool(typed):
        raise _AtFieldsError({Field.TYPED: text("form-two-runs" if chosen else "form-no-run")})
    _require_readable(desk, claim, filled, WatchContext())
    try:
        return begin(desk, claim, Typed(chosen or typed, options_of(filled)), filled.get(Field.CHANNEL, channel))
    except TrainwatchError as error:
        raise _AtFieldsError({_field_of(error, filled, at): error}) from error


def _edited(desk: Desk, claim: Claim, watch_id: str, filled: Mapping[Field, str], was: object) -> Message:
    watch = desk.engine.world.store.watch(watch_id)
    fields = changed(filled, was if isinstance(was, Mapping) else {})
    _require_readable(desk, claim, fields, watch.context)

    def make(known: WatchContext) -> WatchContext:
        context = told_anew(known, fields, desk.settings)
        require_own_command(context, watch.run, desk.settings)
        return context

    first = next(iter(fields), Field.EVERY)
    try:
        actor = desk.admit(claim, Verb.EDIT, watch)
        if fields:
            desk.engine.editing.edit(watch_id, actor, make)
    except TrainwatchError as error:
        raise _AtFieldsError({_field_of(error, fields, first): error}) from error
    desk.later(lambda: desk.refresh(watch_id))
    anew = (f"{field}={words}" if words else text("form-emptied", field=field) for field, words in fields.items())
    what = ", ".join(anew)
    return word_message(text("told", what=what) if fields else text("form-nothing"))


def _require_readable(desk: Desk, claim: Claim, fields: Mapping[Field, str], known: WatchContext) -> None:
    """Tell of everything that is wrong at once: what cannot be read, and what this person may not tell."""
    errors: dict[Field, TrainwatchError | str] = dict(misread(fields, known, desk.settings))
    for key in NEEDS:
        if fields.get(Field(key)):
            try:
                desk.admit(claim, NEEDS[key], None)
            except NotAllowedError as error:
                errors[Field(key)] = error
    if errors:
        raise _AtFieldsError(errors)


def _field_of(error: TrainwatchError, filled: Mapping[Field, str], otherwise: Field) -> Field:
    """The field that an error of the whole is about."""
    if isinstance(error, JobNotFoundError | StopRefusedError) and Field.LAUNCH in filled:
        return Field.LAUNCH
    if isinstance(error, RefusedError) and error.refusal.verb is Verb.GO_AUTOMATIC and Field.MODE in filled:
        return Field.MODE
    return otherwise


def _shortened(error: TrainwatchError | str) -> str:
    words = str(error)
    return words if len(words) <= _ERROR else words[: _ERROR - 1] + "…"


def _carried(view: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        carried = json.loads(text_at(view, "private_metadata") or "{}")
    except ValueError:
        carried = {}
    return carried if isinstance(carried, dict) else {}


def _tell_late(desk: Desk, body: Body, answer: Message | Errors | None) -> None:
    """The form is closed: what was wrong is said in words."""
    if isinstance(answer, dict):
        answer = word_message(" ".join(answer.values()))
    if answer is not None:
        _tell(desk, body, answer)


def _tell(desk: Desk, body: Body, told: Message) -> None:
    channel = str(_carried(body.get("view") or {}).get("channel", ""))
    if in_slack(channel):
        desk.later(lambda: desk.whisper(channel, claim_at(body).user, told, None, ""))
