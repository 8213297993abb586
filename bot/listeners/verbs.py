"""What can be done to a watch, however it was asked for: by a word in the thread, a button, the menu."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from bot.actors import Claim
from bot.blocks.answers import help_message, status_message, tried_message, why_message, word_message
from bot.blocks.limits import Message
from bot.blocks.words import when
from bot.ids import Place
from bot.listeners.context import require_own_command, settled
from bot.listeners.desk import Desk
from bot.listeners.parsing import Expected, Word, read_expected, read_told
from bot.texts import text
from trainwatch_core.decision.authority import Verb
from trainwatch_core.engine.drytest import dry_test
from trainwatch_core.model.actor import Actor
from trainwatch_core.model.announcement import parse_step
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.numbers import say_step
from trainwatch_core.model.quiet import snooze_until
from trainwatch_core.model.round import Round
from trainwatch_core.model.watch import Mode, Watch, WatchContext

Act = Callable[[Desk, Watch, Actor, str], Message]
"""Does what a word asks for: (desk, watch, who, all that was said) -> what they are told."""

_NEEDS: Mapping[Word, Verb] = {
    Word.CHECK: Verb.CHECK,
    Word.STATUS: Verb.SEE,
    Word.WHY: Verb.SEE,
    Word.PAUSE: Verb.PAUSE,
    Word.RESUME: Verb.RESUME,
    Word.END: Verb.END,
    Word.AUTO: Verb.GO_AUTOMATIC,
    Word.ASK: Verb.EDIT,
    Word.EXPECTED: Verb.EDIT,
    Word.FALSE_ALARM: Verb.EDIT,
    Word.TEST: Verb.CHECK,
    Word.SNOOZE: Verb.SNOOZE,
    Word.WAKE: Verb.SNOOZE,
    Word.EVERY: Verb.EDIT,
    Word.BASELINE: Verb.EDIT,
    Word.ROUNDS: Verb.EDIT,
    Word.LAUNCH: Verb.EDIT,
    Word.NOTE: Verb.NOTE,
    Word.STOP: Verb.STOP,
    Word.HELP: Verb.SEE,
}


def obey(desk: Desk, word: Word, watch_id: str, claim: Claim, said_at: Place | None, said: str = "") -> Message | None:
    """Do what a word asks for; returns what its author alone is told.

    Args:
        desk: What to work with.
        word: What.
        watch_id: To which watch.
        claim: Who asks.
        said_at: The message with the word, to put 👀 on it; None for a button.
        said: All that was said, where it is more than the word; empty for a button.

    Raises:
        TrainwatchError: If it is not done.
    """
    watch = desk.engine.world.store.watch(watch_id)
    actor = desk.admit(claim, _NEEDS[word], watch)
    told = _ACTS[word](desk, watch, actor, said)
    desk.later(lambda: desk.refresh(watch_id))
    if word is Word.TEST:
        desk.later(lambda: try_out(desk, watch_id, claim.user))
    if word is Word.CHECK and said_at is not None:
        desk.later(lambda: desk.react(said_at, "eyes"))
        return None
    return told


def try_out(desk: Desk, watch_id: str, user: str) -> None:
    """Make the dry test, which takes its time, and tell the person who asked, in the watch's thread."""
    place = desk.card_at(watch_id)
    watch = desk.engine.world.store.watch(watch_id)
    if place is not None:
        told = tried_message(dry_test(desk.engine.world, watch))
        desk.whisper(place.channel, user, told, place.ts, "")


def newest(desk: Desk, watch_id: str) -> Round | None:
    """The last round of a watch."""
    rounds = desk.engine.world.store.rounds(watch_id, limit=1)
    return rounds[-1] if rounds else None


def _check(desk: Desk, watch: Watch, _actor: Actor, _said: str) -> Message:
    desk.engine.watches.check_now(watch.id)
    desk.later(desk.knock)
    return word_message(text("looking-now"))


def _pause(desk: Desk, watch: Watch, actor: Actor, _said: str) -> Message:
    desk.engine.watches.pause(watch.id, actor)
    return word_message(text("paused"))


def _resume(desk: Desk, watch: Watch, actor: Actor, _said: str) -> Message:
    desk.engine.watches.resume(watch.id, actor)
    desk.later(desk.knock)
    return word_message(text("resumed"))


def _end(desk: Desk, watch: Watch, actor: Actor, _said: str) -> Message:
    desk.engine.watches.end(watch.id, actor)
    return word_message(text("watch-ended"))


def _auto(desk: Desk, watch: Watch, actor: Actor, _said: str) -> Message:
    require_own_command(replace(watch.context, mode=Mode.AUTO), watch.run, desk.settings)
    switched = desk.engine.switching.switch(watch.id, actor, Mode.AUTO)
    if switched.context.mode is not Mode.AUTO:
        needed = desk.engine.world.terms.auto_requires
        return word_message(text("agreed-automatic", count=len(desk.engine.switching.agreed(switched)), needed=needed))
    return word_message(text("now-automatic"))


def _ask(desk: Desk, watch: Watch, actor: Actor, _said: str) -> Message:
    desk.engine.switching.switch(watch.id, actor, Mode.ASK)
    return word_message(text("now-asking"))


def _expected(desk: Desk, watch: Watch, actor: Actor, said: str) -> Message:
    change = read_expected(said) or Expected()
    at = parse_step(change.at) if change.at else None
    noted = desk.engine.announcing.expect(watch.id, actor, change.what, at=at)
    return word_message(text("change-noted", step=say_step(noted.step)))


def _false_alarm(desk: Desk, watch: Watch, actor: Actor, _said: str) -> Message:
    noted = desk.engine.announcing.false_alarm(watch.id, actor)
    return word_message(text("false-alarm-noted", step=say_step(noted.step)))


def _snooze(desk: Desk, watch: Watch, actor: Actor, said: str) -> Message:
    until = snooze_until(read_told(said), desk.engine.world.clock.now(), desk.setting.zone)
    desk.engine.editing.snooze(watch.id, actor, until)
    return word_message(text("snoozed", when=when(until, desk.setting.zone)))


def _wake(desk: Desk, watch: Watch, actor: Actor, _said: str) -> Message:
    desk.engine.editing.snooze(watch.id, actor, None)
    return word_message(text("awake"))


def _told(key: str) -> Act:
    """Change one thing of the context, read as after `/watch`."""

    def act(desk: Desk, watch: Watch, actor: Actor, said: str) -> Message:
        told = read_told(said)
        if not told:
            raise InvalidInputError(text("tell-more"), todo=text("example", example=text(f"tell-{key}")))

        def make(known: WatchContext) -> WatchContext:
            return settled({key: told}, known, desk.settings)

        edited = desk.engine.editing.edit(watch.id, actor, make)
        what = f"{key}={told}"
        if edited.identity is not None and edited.identity != watch.identity:
            what = text("told-job", what=what, job=edited.identity.label)
        return word_message(text("told", what=what))

    return act


def _note(desk: Desk, watch: Watch, actor: Actor, said: str) -> Message:
    desk.engine.editing.note(watch.id, actor, read_told(said))
    return word_message(text("noted") if watch.context.notes_path else text("noted-audit"))


def _stop(desk: Desk, watch: Watch, actor: Actor, _said: str) -> Message:
    desk.engine.asking.ask(watch.id, actor)
    desk.later(desk.knock)
    return word_message(text("stop-asked"))


def _status(desk: Desk, watch: Watch, _actor: Actor, _said: str) -> Message:
    return status_message(desk.card(watch), desk.setting, desk.silence())


def _why(desk: Desk, watch: Watch, _actor: Actor, _said: str) -> Message:
    return why_message(newest(desk, watch.id))


_ACTS: Mapping[Word, Act] = {
    Word.CHECK: _check,
    Word.STATUS: _status,
    Word.WHY: _why,
    Word.PAUSE: _pause,
    Word.RESUME: _resume,
    Word.END: _end,
    Word.AUTO: _auto,
    Word.ASK: _ask,
    Word.EXPECTED: _expected,
    Word.SNOOZE: _snooze,
    Word.WAKE: _wake,
    Word.EVERY: _told("every"),
    Word.BASELINE: _told("baseline"),
    Word.ROUNDS: _told("rounds"),
    Word.LAUNCH: _told("launch"),
    Word.NOTE: _note,
    Word.STOP: _stop,
    Word.FALSE_ALARM: _false_alarm,
    Word.TEST: lambda _desk, _watch, _actor, _said: word_message(text("trying")),
    Word.HELP: lambda _desk, _watch, _actor, _said: help_message(),
}
