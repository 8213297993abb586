"""A person at the look-alike's page, worked by Playwright in a headless browser."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from trainwatch_core.demo.lookalike import Lookalike
from trainwatch_core.model.errors import TrainwatchError

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

_DESKTOP, _PHONE = (1280, 900), (400, 860)
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Without these a browser of root does not start, or asks hosts of its maker that nobody here wants asked.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_ROOM = ".topbar,.sidebar{display:none!important} .thread-pane{width:100%!important}"
"""The look-alike is made for wide screens: on a narrow one only the conversation is shown, as on a phone."""
_BREAKS = ".bk-section,.bk-context{white-space:pre-line}"
"""Slack breaks lines of plain text where they break; the look-alike writes them in a row."""
_ALL_READ = "() => [...document.querySelectorAll('.thread-pane img')].every(i => i.complete && i.naturalWidth > 0)"
_OVERFLOW = """() => [...document.querySelectorAll('.msg *')]
    .some(e => e.getBoundingClientRect().right > window.innerWidth + 1)"""


def missing() -> str:
    """What this machine lacks for it; empty if nothing."""
    if importlib.util.find_spec("playwright") is None:
        return "Playwright is not installed here"
    return "" if _browser() else "no Chromium is installed here"


class Person:
    """Reads the page and works it, as somebody who sees only the page.

    Args:
        page: The page, opened.
        patience: Seconds to wait for what should appear.
        pictures: Where screenshots go.
    """

    def __init__(self, page: Page, patience: float, pictures: Path) -> None:
        self._page = page
        self._pictures = pictures
        self._patience = patience * 1000
        page.set_default_timeout(self._patience)

    def type(self, text: str) -> None:
        """Type into the channel's box and press Enter."""
        self._send(self._page.locator(".main .composer-input"), text)

    def act_as(self, name: str) -> None:
        """Become another person of the workspace."""
        self._page.locator(".actas select").select_option(label=name)

    def go_to(self, channel: str) -> None:
        """Open a channel by its name."""
        self._page.locator(".sidebar-item", has_text=channel).click()

    def open_thread(self) -> None:
        """Open the thread below the newest message that has one."""
        self._page.locator(".main .thread-summary").last.click()
        self._page.locator(".thread-pane").wait_for()

    def close_thread(self) -> None:
        """Close the thread: the channel has the window."""
        self._page.locator(".thread-pane").get_by_role("button", name="\N{MULTIPLICATION X}").first.click()
        self._page.locator(".thread-pane").wait_for(state="detached")

    def reply(self, text: str) -> None:
        """Type into the thread's box and press Enter."""
        self._send(self._page.locator(".thread-pane .composer-input"), text)

    def press(self, label: str) -> None:
        """Press the newest button of the thread with this text."""
        self._page.locator(".thread-pane .bk-button", has_text=label).last.click()

    def fill(self, label: str, text: str) -> None:
        """Type into a field of the form that is open, or choose from its list by the words shown."""
        control = self._field(label)
        if control.evaluate("e => e.tagName") == "SELECT":
            control.select_option(label=text)
        else:
            control.fill(text)

    def send_form(self, label: str) -> None:
        """Press the button of the form that is open."""
        self._page.locator(".modal button", has_text=label).last.click()

    def filled(self, label: str) -> str:
        """What stands in a field of the form that is open."""
        return self._field(label).input_value()

    def sees_in_form(self, pattern: str) -> str:
        """Wait for words in the form that is open; returns all of its text.

        Raises:
            TrainwatchError: If they do not appear.
        """
        return self._wait(self._page.locator(".modal").filter(has_text=re.compile(pattern)), pattern, 1)

    def sees_no_form(self) -> None:
        """Wait until no form is open."""
        self._page.locator(".modal").wait_for(state="detached")

    def choose(self, words: str, of: str) -> None:
        """Choose from the menu of the newest message or entry that has some words in it."""
        entry = self._page.locator(".msg, .home .bk-section").filter(has_text=re.compile(of))
        entry.last.locator("select.bk-overflow").last.select_option(label=words)

    def open_home(self, app: str) -> None:
        """Open the home of an app."""
        self._page.locator(".sidebar-item", has_text=app).last.click()
        self._page.locator(".home").wait_for()

    def sees_at_home(self, pattern: str) -> str:
        """Wait for words on the home that is open; returns all of its text.

        Raises:
            TrainwatchError: If they do not appear.
        """
        return self._wait(self._page.locator(".home").filter(has_text=re.compile(pattern)), pattern, 1)

    def press_at_home(self, label: str) -> None:
        """Press a button of the home that is open."""
        self._page.locator(".home .bk-button", has_text=label).click()

    def sees(self, pattern: str, *, times: int = 1) -> str:
        """Wait for so many messages of the thread that match; returns the text of the last one.

        Raises:
            TrainwatchError: If they do not appear.
        """
        return self._wait(self._page.locator(".thread-pane .msg").filter(has_text=re.compile(pattern)), pattern, times)

    def sees_in_channel(self, pattern: str, *, within: float | None = None) -> str:
        """Wait for a message of the channel, `within` seconds instead of the usual patience; returns its text.

        Raises:
            TrainwatchError: If it does not appear.
        """
        self._page.set_default_timeout((within or 0.0) * 1000 or self._patience)
        try:
            return self._wait(self._page.locator(".main .msg").filter(has_text=re.compile(pattern)), pattern, 1)
        finally:
            self._page.set_default_timeout(self._patience)

    def sees_picture(self, *, times: int = 1) -> None:
        """Wait for so many pictures in the thread, wholly loaded.

        Raises:
            TrainwatchError: If they do not appear.
        """
        pictures = self._page.locator(".thread-pane .msg:has(.file-image img)")
        self._wait(pictures, "a picture", times)
        self._page.wait_for_function(_ALL_READ)
        pictures.last.scroll_into_view_if_needed()

    def shrink(self) -> None:
        """Go on in a window as wide as a phone's."""
        self._page.set_viewport_size({"width": _PHONE[0], "height": _PHONE[1]})
        self._page.add_style_tag(content=_ROOM)

    @contextlib.contextmanager
    def on_phone(self, height: int = _PHONE[1]) -> Iterator[None]:
        """Look at a window as wide as a phone's while the block lasts; a taller one shows more of a thread."""
        self._page.set_viewport_size({"width": _PHONE[0], "height": height})
        style = self._page.add_style_tag(content=_ROOM)
        try:
            yield
        finally:
            style.evaluate("e => e.remove()")
            self._page.set_viewport_size({"width": _DESKTOP[0], "height": _DESKTOP[1]})

    def wide(self) -> bool:
        """Whether something of the conversation is wider than the window."""
        return bool(self._page.evaluate(_OVERFLOW))

    def offered(self, label: str) -> bool:
        """Whether a button with this text stands in the thread."""
        return self._page.locator(".thread-pane .bk-button", has_text=label).count() > 0

    def screenshot(self, name: str) -> Path:
        """Keep what the page shows."""
        self._pictures.mkdir(parents=True, exist_ok=True)
        kept = self._pictures / f"{name}.png"
        self._page.screenshot(path=kept)
        return kept

    def keep_in(self, pictures: Path) -> None:
        """Keep what is photographed from now on in another folder."""
        self._pictures = pictures

    def scroll_form(self, pattern: str) -> None:
        """Bring words of the form that is open into view."""
        self._page.locator(".modal").get_by_text(re.compile(pattern)).last.scroll_into_view_if_needed()

    def scroll_to(self, pattern: str) -> None:
        """Bring the newest matching message of the thread into view."""
        self._page.locator(".thread-pane .msg").filter(has_text=re.compile(pattern)).last.scroll_into_view_if_needed()

    def _field(self, label: str) -> Locator:
        field = self._page.locator(".modal .bk-input").filter(has=self._page.get_by_text(label, exact=True))
        return field.locator("input, textarea, select")

    def _send(self, box: Locator, text: str) -> None:
        box.fill(text)
        box.press("Enter")

    def _wait(self, found: Locator, pattern: str, times: int) -> str:
        from playwright.sync_api import TimeoutError as PlaywrightTimeout  # noqa: PLC0415  # only with the browser

        try:
            found.nth(times - 1).wait_for()
        except PlaywrightTimeout:
            kept = self.screenshot("not-seen")
            raise TrainwatchError(
                f"This did not appear on the page within {self._patience / 1000:.0f} s: {pattern}", where=str(kept)
            ) from None
        return found.last.inner_text()


@contextlib.contextmanager
def person(shown: Lookalike, pictures: Path, *, patience: float = 120.0) -> Iterator[Person]:
    """Open the look-alike's page in a headless browser while the block lasts."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # only for those who have it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_browser(), args=list(_FLAGS))
        try:
            page = browser.new_page(viewport={"width": _DESKTOP[0], "height": _DESKTOP[1]}, device_scale_factor=2)
            page.goto(shown.address)
            page.locator(".composer-input").wait_for()
            page.add_style_tag(content=_BREAKS)
            yield Person(page, patience, pictures)
        finally:
            browser.close()


def _browser() -> str | None:
    return next((path for name in _BROWSERS if (path := shutil.which(name))), None)
