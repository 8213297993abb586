"""Where the W&B server is and what opens it, as the wandb SDK itself finds it: settings, environment, netrc."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from trainwatch_core.model.errors import SourceUnavailableError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A W&B server. What could open it is not part of its repr.

    Attributes:
        base_url: Of the API, without a trailing slash.
        app_url: Of the pages for people.
        api_key: Empty if none is configured; public runs can be read without.
        proxies: Scheme (`http`, `https`) to proxy address, as set for wandb; others come from the environment.
        headers: Further headers that the server's gateway wants.
    """

    base_url: str
    app_url: str
    api_key: str = field(default="", repr=False)
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        parts = urlsplit(self.base_url)
        return f"{parts.hostname}:{parts.port}" if parts.port else f"{parts.hostname}"


def load_endpoint(base_url: str | None = None) -> Endpoint:
    """The server and the key that `wandb` would use in this process. Asks nobody and changes nothing.

    Args:
        base_url: The server, if the operator named one; its key is found as wandb finds it.

    Raises:
        SourceUnavailableError: If the SDK is missing or refuses its own settings.
    """
    try:
        # Half a second and 60 MB: only when a server is asked.
        from wandb import env  # noqa: PLC0415  # see above
        from wandb.errors import Error  # noqa: PLC0415  # see above
        from wandb.sdk import wandb_setup  # noqa: PLC0415  # see above
        from wandb.sdk.lib import wbauth  # noqa: PLC0415  # see above
    except ImportError as error:
        raise SourceUnavailableError(f"W&B's package cannot be loaded: {error}", todo="Install wandb") from error
    try:
        settings = wandb_setup.singleton().settings
        host = wbauth.HostUrl(base_url or env.get_base_url(settings.base_url) or settings.base_url)
        auth = wbauth.authenticate_session(host=host, source="trainwatch", prompt=False, update_session=False)
    except Error as error:
        raise SourceUnavailableError(f"wandb refuses its credentials: {error}", todo="Run `wandb login`") from None
    except (ValueError, OSError) as error:
        # Not its text: a validation error quotes the value it refuses, which may be the key.
        raise SourceUnavailableError(
            f"wandb refuses its own settings ({type(error).__name__})",
            todo="Look at WANDB_BASE_URL, the other WANDB_ variables and the settings file of wandb",
        ) from None
    if auth is not None and not isinstance(auth, wbauth.AuthApiKey):
        raise SourceUnavailableError(
            "wandb is set up with an identity token, which trainwatch cannot use", todo="Set WANDB_API_KEY instead"
        )
    mine = auth is not None and auth.host.is_same_url(host)
    proxies = {"http": settings.http_proxy, "https": settings.https_proxy}
    return Endpoint(
        base_url=host.url,
        app_url=host.app_url,
        api_key=auth.api_key if auth is not None and mine else "",
        proxies={scheme: proxy for scheme, proxy in proxies.items() if proxy},
        headers=dict(settings.x_extra_http_headers or {}),
    )
