"""A question that still waits: whoever may answer it is called again, in the end somebody else too."""

from __future__ import annotations

from bot.blocks.limits import CONTEXT, Message, heading, message, own, said, small
from bot.blocks.words import Setting, linked, people, when
from bot.texts import text
from trainwatch_core.model.message import StopReminder


def reminder_message(reminder: StopReminder, setting: Setting, link: str) -> Message:
    """One reminder. It has no buttons: what is approved is read in the question first.

    Args:
        reminder: What is told.
        setting: The zone.
        link: The address of the question; empty if nobody knows it.
    """
    until = when(reminder.expires_at, setting.zone)
    name, could = linked(reminder.run, link), people(reminder.could)
    if not reminder.called:
        title = "⏰ " + text("reminder-head", run=name)
        small_print = text("reminder-can", people=could, when=until)
    else:
        title = "🚨 " + text("reminder-escalated", run=name)
        outside = any(user not in reminder.could for user in reminder.called)
        called = people(reminder.called)
        small_print = text("reminder-you", called=called, when=until)
        if outside:
            small_print = text("reminder-reach", called=called, people=could, when=until)
    blocks = [heading(title), said([reminder.reason], 600), small(own(small_print, CONTEXT))]
    return message(text("reminder-title", run=reminder.run, reason=reminder.reason), blocks)
