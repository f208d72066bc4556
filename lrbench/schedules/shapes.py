"""How a rate goes from one level to another: s(z), which rises from 0 at z = 0 to 1 at z = 1.

`linear` z; `cosine` (1 - cos(pi * z)) / 2; `sqrt` sqrt(z), steep at first; `exponential` 2 - 2 * 0.5^z, less so;
`square` z^2, steep at the end; `inverse-linear` 10z / (1 + 9z): 1 / rate rises in a straight line to ten times its
first value, and what is left then is taken off. A fall takes any of them, a climb the first two.

Sources: `sqrt` and `square` Hägele et al. 2024, https://arxiv.org/abs/2405.18392, who write them 1 - sqrt and
1 - z^2; `cosine` and `exponential` (there 2 * 0.5^z - 1) the decay styles of Megatron-LM's parameter scheduler;
`inverse-linear` Wen et al. 2024, https://arxiv.org/abs/2410.05192 (WSD-S), whose rate ends at a tenth of its
first: that is wsd(shape=inverse-linear, floor=10%).
"""

from typing import Any, Literal

import numpy as np

from lrbench.schedules.base import Rates

Climb = Literal["linear", "cosine"]
Fall = Literal["linear", "sqrt", "cosine", "exponential", "square", "inverse-linear"]


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
        case "square":
            way = z**2
        case "inverse-linear":
            way = 10 * z / (1 + 9 * z)
    return np.asarray(way, float)
