"""Reading a run by W&B's own `wandb.Api`, in a process of its own that is killed at the deadline.

For servers that are older than our query. The SDK retries for days and starts a process of its own, so nothing of it
may run in ours.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from trainwatch_core.adapters import shell
from trainwatch_core.adapters.clock import SystemClock
from trainwatch_core.adapters.sources.wandb.asking import Spec
from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.adapters.sources.wandb.transport import MAX_ANSWER
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.run import RunRef

ASKED, ANSWERED = "asked.json", "answered.json"
_READER = "trainwatch_core.adapters.sources.wandb.sdk_reader"


def read_by_sdk(
    endpoint: Endpoint, ref: RunRef, specs: Sequence[Spec], *, seconds: float, viewer: bool = False
) -> bytes:
    """The body that the server would have answered, had it known the query.

    Args:
        endpoint: The server.
        ref: The run.
        specs: The series that are asked for.
        seconds: How long it may take.
        viewer: Whether to ask as well whose key it is.

    Raises:
        SourceUnavailableError: If there is none in time.
    """
    with tempfile.TemporaryDirectory(prefix="trainwatch-wandb-") as name:
        folder = Path(name)
        asked = {"run": ref.target, "seconds": seconds, "viewer": viewer, "specs": [asdict(spec) for spec in specs]}
        (folder / ASKED).write_text(json.dumps(asked))
        argv = [sys.executable, "-m", _READER, name]
        try:
            ran = shell.run(
                argv, clock=SystemClock(), timeout=max(seconds, 0.0), environment=_environment(endpoint, name)
            )
            answer = (folder / ANSWERED).read_bytes() if ran.exit_code == 0 else b""
        except OSError as error:
            raise SourceUnavailableError(f"wandb.Api cannot be used: {error.strerror}", where=endpoint.host) from None
    if ran.exit_code is None:
        raise SourceUnavailableError("wandb.Api did not answer in time", where=endpoint.host)
    if not answer or len(answer) > MAX_ANSWER:
        last = ran.output.decode("utf-8", "replace").strip().rpartition("\n")[2]
        kind = last.partition(":")[0]  # the name of the error; what follows may quote anything
        said = f" ({kind})" if kind.isidentifier() or kind.replace(".", "").isidentifier() else ""
        raise SourceUnavailableError(f"wandb.Api gave no answer{said}", where=endpoint.host)
    return answer


def _environment(endpoint: Endpoint, folder: str) -> dict[str, str]:
    """All of the reader's environment: this server and this key, and no place to write but its own folder."""
    where = dict.fromkeys(
        ("HOME", "TMPDIR", "WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"), folder
    )
    proxies = {f"{scheme.upper()}_PROXY": proxy for scheme, proxy in endpoint.proxies.items()}
    key = {"WANDB_API_KEY": endpoint.api_key} if endpoint.api_key else {}
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": ":".join(part for part in sys.path if part),
        "WANDB_BASE_URL": endpoint.base_url,
        "WANDB_SILENT": "true",
        "WANDB_ERROR_REPORTING": "false",
        **proxies,
        **key,
        **where,
    }
