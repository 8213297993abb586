"""`/path` and `host:/path`."""

from __future__ import annotations

import pytest

from trainwatch_core.model.places import remote_part


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gpu1:/mnt/x.log", ("gpu1", "/mnt/x.log")),
        ("gpu-1.lab:/a b:/c", ("gpu-1.lab", "/a b:/c")),
        ("/mnt/gpu1:/x.log", None),
        ("./gpu1:/x.log", None),
        ("gpu1:x.log", None),
        ("https://wandb.ai/a/b/runs/c", None),
        ("lab/vision/r1", None),
        ("-oProxyCommand=x:/y", None),
        ("", None),
    ],
)
def test_a_host_stands_before_an_absolute_path(text: str, expected: tuple[str, str] | None) -> None:
    """As scp has it; addresses, runs and paths of this machine are none, and no option of ssh either."""
    assert remote_part(text) == expected
