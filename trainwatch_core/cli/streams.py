"""The standard streams, fit for whatever must be shown."""

from __future__ import annotations

import os
import sys

UNSHOWABLE = "backslashreplace"
"""What becomes of characters that an encoding lacks: no message is lost for one of them, and nothing is hidden."""


def use_standard_streams() -> None:
    """Make the streams of this process usable also where they are closed or not UTF-8."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            # Closed by whoever started us. Its number must not go to a file of ours, which would be read or written.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115  # open to the end
        elif mode == "w":
            stream.reconfigure(errors=UNSHOWABLE)
