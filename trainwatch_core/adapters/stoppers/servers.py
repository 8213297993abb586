"""Servers that are asked by HTTP: one request, one deadline, no redirect, no proxy, a bounded answer."""

from __future__ import annotations

import json
import stat
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from trainwatch_core.model.errors import HostUnreachableError, StopRefusedError
from trainwatch_core.report.redact import clean, redact

ASK_WITHIN = 15.0
"""Seconds that one request may take."""
OK, NOT_FOUND = 200, 404
_MOST = 4 << 20


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token is sent to the server that it was given for, and to no other."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:  # noqa: ANN401  # as urllib calls it
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said.

    Attributes:
        status: HTTP status.
        body: The JSON of the answer; None if it is none.
    """

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Server:
    """A server and the token that it wants.

    Attributes:
        url: Its address, without a slash at the end.
        token: Sent as `Authorization: <scheme> <token>`; empty if it wants none. Never shown.
        scheme: Word in front of the token.
    """

    url: str
    token: str = ""
    scheme: str = "token"

    def ask(self, method: str, path: str) -> Answer:
        """One request.

        Raises:
            HostUnreachableError: If no answer came in time.
            StopRefusedError: If the server does not know our token.
        """
        request = urllib.request.Request(f"{self.url}{path}", method=method, data=b"" if method == "POST" else None)  # noqa: S310  # http and https only, as the configuration reads it
        if self.token:
            request.add_header("Authorization", f"{self.scheme} {self.token}")
        try:
            with _OPENER.open(request, timeout=ASK_WITHIN) as response:
                return Answer(response.status, _json(response.read(_MOST)))
        except urllib.error.HTTPError as error:
            with error:
                answer = Answer(error.code, _json(error.read(_MOST)))
        except (TimeoutError, OSError, HTTPException, ValueError) as error:
            why = clean(redact(str(getattr(error, "reason", error))), 200)
            raise HostUnreachableError(f"The server gives no answer: {why}", where=clean(self.url, 200)) from None
        if answer.status in {401, 403}:
            raise StopRefusedError(
                "The server does not know our token",
                where=clean(self.url, 200),
                todo="Put it into the token_file of the server in [servers]",
            )
        return answer


def read_token(path: str | None) -> str:
    """The token in a file that only its owner may read; empty without a file.

    Raises:
        StopRefusedError: If it cannot be read, or others may read it too.
    """
    if path is None:
        return ""
    file = Path(path)
    try:
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise StopRefusedError("Others may read this token", where=path, todo=f"chmod 600 {path}")
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StopRefusedError("The token of the server cannot be read", where=path) from error


def _json(data: bytes) -> Any:  # noqa: ANN401  # JSON is anything
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
