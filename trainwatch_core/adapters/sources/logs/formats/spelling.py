"""One spelling for what libraries print around numbers and cells: `tensor(0.5, device='cuda:0')` is 0.5, `│` is `|`."""

from __future__ import annotations

import re

_VALUE = r"[-+]?(?:[0-9]++(?:\.[0-9]*+)?+(?:[eE][-+]?[0-9]++)?+|nan|inf)"
# PyTorch, JAX, numpy: one number, alone or in a list of one, and what follows it in the same brackets.
_WRAPPED = re.compile(
    r"\b(?:tensor|Tensor|array|Array|DeviceArray|(?:np|numpy|jnp)\.(?:float|int|bfloat)[0-9]{1,3})"
    rf"\(\s{{0,4}}(?:\[({_VALUE})\]|({_VALUE}))(?:,[^()]{{0,160}})?\)"
)
_BARS = str.maketrans("│┃║", "|||")


def spelled(line: str) -> str:
    """The line with numbers out of their wrapping, and bars of tables as ASCII."""
    if "(" in line:
        line = _WRAPPED.sub(lambda found: found[1] or found[2], line)
    if not line.isascii() and ("│" in line or "┃" in line or "║" in line):
        line = line.translate(_BARS)
    return line
