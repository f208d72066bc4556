"""How a rate goes from one level to another: s(z), which rises from 0 at z = 0 to 1 at z = 1.

`linear` z; `cosine` (1 - cos(pi * z)) / 2; `sqrt` sqrt(z), steep at first; `exponential` 2 - 2 * 0.5^z, less so.
A fall takes any of them, a climb the first two.

Sources: `sqrt` Hägele et al. 2024, https://arxiv.org/abs/2405.18392, who write it 1 - sqrt; `cosine` and
`exponential` (there 2 * 0.5^z - 1) the decay styles of Megatron-LM's parameter scheduler.
"""

from typing import Any, Literal

import numpy as np

from lrbench.schedules.base import Rates

Climb = Literal["linear", "cosine"]
Fall = Literal["linear", "sqrt", "cosine", "exponential"]


def passed(shape: Fall, z: Any) -> Rates:
    """Return s(z), the part of the way that is behind, for shares z of the time: both between 0 and 1."""
    match shape:
        case "linear":
            way = z
        case "sqrt":
            way = np.sqrt(z)
        case "cosine":
            way = 0.5 * (1 - np.cos(np.pi * z))
        case "exponential":
            way = 2 - 2 * 0.5**z
    return np.asarray(way, float)
