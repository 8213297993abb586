"""The few questions that set-up asks Slack's Web API. The bot has its own ways; this room needs no Slack package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from trainwatch_core.model.errors import TrainwatchError

_LARGEST = 4 << 20
_WITHIN = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What Slack said.

    Attributes:
        ok: Whether it did what was asked.
        error: Slack's word for why not.
        data: The whole answer.
        scopes: What the token may do; None if Slack did not say.
    """

    ok: bool
    error: str
    data: Mapping[str, Any]
    scopes: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class SlackWeb:
    """Asks with one token.

    Attributes:
        api_url: With a slash at the end.
        token: Not part of the repr.
    """

    api_url: str
    token: str = field(repr=False)

    def ask(self, method: str, **parameters: str) -> Answer:
        """Call a method.

        Raises:
            TrainwatchError: If no answer of Slack's came.
        """
        request = Request(  # noqa: S310  # https, or http on this machine: read_tokens sees to it
            f"{self.api_url}{method}",
            data=urlencode(parameters).encode(),
            headers={"Authorization": f"Bearer {self.token}", "User-Agent": "trainwatch"},
            method="POST",
        )
        try:
            with build_opener(_Stay).open(request, timeout=_WITHIN) as response:
                return _read(response.read(_LARGEST), response.headers)
        except HTTPError as error:
            with error:
                raise self._unreachable(f"it answered with status {error.code}") from None
        except URLError as error:
            raise self._unreachable(str(getattr(error.reason, "strerror", None) or error.reason)) from None
        except (OSError, HTTPException, ValueError, RecursionError) as error:
            raise self._unreachable(type(error).__name__) from None

    def _unreachable(self, why: str) -> TrainwatchError:
        host = urlsplit(self.api_url).hostname or ""
        return TrainwatchError(
            f"Slack cannot be reached: {why}", where=host, todo="Is the network, or the proxy, there?"
        )


class _Stay(HTTPRedirectHandler):
    """Follows no redirect: the token would go along."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """None: not followed."""
        del req, fp, code, msg, headers, newurl


def _read(body: bytes, headers: HTTPMessage) -> Answer:
    data = json.loads(body)
    if not isinstance(data, dict):
        raise ValueError("no object")  # noqa: TRY004  # answered like any other text that is not Slack's
    said = headers.get("x-oauth-scopes")
    scopes = None if said is None else frozenset(word.strip() for word in said.split(",") if word.strip())
    return Answer(data.get("ok") is True, str(data.get("error", "")), data, scopes)
