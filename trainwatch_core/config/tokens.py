"""The secrets of the Slack app: from the environment, or from the file that `trainwatch init` writes."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from trainwatch_core.model.errors import ConfigError

ENV_FILE = "trainwatch.env"
BOT_TOKEN, APP_TOKEN, API_URL = "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_API_URL"
SIGNING_SECRET = "SLACK_SIGNING_SECRET"  # noqa: S105  # a name
_PREFIXES = {BOT_TOKEN: "xoxb-", APP_TOKEN: "xapp-"}
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
PUBLIC_API = "https://slack.com/api/"
_LARGEST = 1 << 16
_TODO = "Run `trainwatch init`, or set SLACK_BOT_TOKEN and SLACK_APP_TOKEN"
_TODO_HTTP = "Copy it from Basic Information > App Credentials of the app"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What opens the Slack app. Not part of its repr.

    Attributes:
        bot: Bot User OAuth Token, `xoxb-...`.
        app: App-level token with connections:write, `xapp-...`; empty if Slack comes by HTTP.
        api_url: Address of the Web API, with a slash at the end.
        signing_secret: What Slack signs its requests with; empty if it comes by the socket.
    """

    bot: str = field(repr=False)
    app: str = field(repr=False)
    api_url: str = PUBLIC_API
    signing_secret: str = field(default="", repr=False)


def read_tokens(environ: Mapping[str, str], folder: Path, *, http: bool | None = False) -> Tokens:
    """The tokens of the environment; what it lacks is taken from `trainwatch.env`.

    Args:
        environ: The environment; an empty variable counts as not set.
        folder: Where `trainwatch.env` lies: beside the configuration file, or the working directory if there is none.
        http: Whether Slack comes by HTTP, which needs the signing secret in place of the app token; None for whichever
            of the two is there.

    Raises:
        ConfigError: If one is missing or is of the other kind, or the file can be read by others.
    """
    file = folder / ENV_FILE
    known = {**_lines(file), **{name: value for name, value in environ.items() if value}}
    api_url = known.get(API_URL, PUBLIC_API).rstrip("/") + "/"
    if http is None:
        http = SIGNING_SECRET in known and APP_TOKEN not in known
    other = SIGNING_SECRET if http else APP_TOKEN
    found = [token_problem(name, known.get(name, "")) for name in (BOT_TOKEN, other)]
    problems = tuple(problem for problem in (*found, _address_problem(api_url)) if problem)
    if problems:
        raise ConfigError(f"environment, {file}", problems)
    if http:
        return Tokens(known[BOT_TOKEN], "", api_url, known[SIGNING_SECRET])
    return Tokens(known[BOT_TOKEN], known[APP_TOKEN], api_url)


def env_text(bot: str, app: str) -> str:
    """The content of `trainwatch.env`, as `docker run --env-file` reads it too."""
    return (
        f"# Secret: opens the Slack app. Read by trainwatch; never commit it.\n{BOT_TOKEN}={bot}\n{APP_TOKEN}={app}\n"
    )


def token_problem(name: str, value: str) -> str:
    """What is wrong with a token, never repeating it; empty if nothing."""
    if not value:
        return f"{name} is not set. {_TODO_HTTP if name == SIGNING_SECRET else _TODO}"
    if name == SIGNING_SECRET:
        # A short one could be guessed, and every request with it.
        fine = re.fullmatch(r"[A-Za-z0-9]{32,128}", value)
        return "" if fine else f"{name} does not look like one: it has 32 letters and digits. Copy it again"
    prefix = _PREFIXES[name]
    if not re.fullmatch(f"{prefix}[A-Za-z0-9-]+", value):
        return f"{name} does not look like one: it begins with {prefix}, then letters, digits and dashes. Copy it again"
    return ""


def _address_problem(api_url: str) -> str:
    try:
        url = urlsplit(api_url)
        sound = url.hostname and "@" not in url.netloc and not url.query and not url.fragment
    except ValueError:
        return f"{API_URL} is no address"
    # In the clear the tokens could be read on the way.
    if sound and (url.scheme == "https" or (url.scheme == "http" and url.hostname in _THIS_MACHINE)):
        return ""
    return f"{API_URL} must be an https address (or http of this machine). Unset it for Slack itself"


def _lines(file: Path) -> dict[str, str]:
    try:
        # Without O_NONBLOCK a pipe in the file's place would hold us up for ever.
        with open(file, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)) as stream:
            found = os.fstat(stream.fileno())
            content = stream.read(_LARGEST).decode("utf-8", "replace") if stat.S_ISREG(found.st_mode) else ""
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(str(file), (f"it cannot be read: {error.strerror}. Check its permissions",)) from None
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(str(file), (f"others on this machine may read the tokens in it. Do: chmod 600 {file}",))
    pairs = (line.partition("=") for line in content.splitlines() if not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}
