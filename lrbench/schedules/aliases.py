"""What others call a schedule that has another name here: for people who look for a curve, not for specs.

`lrbench schedulers d2z` explains linear; in a spec, `d2z` is an error that says what to write.
"""

import re

OTHER_NAMES = {  # in a spec, what to write for it; upper and lower case, blanks and signs do not matter
    "D2Z": "linear",
    "linear-to-zero": "linear",
    "poly": "polynomial",
    "power decay": "polynomial",
    "k-decay": "cosine(k=1.5)",
    "cosine annealing": "cosine",
    "tanh": "sigmoid(centre=70%, gamma=20)",
    "1/t": "inverse_time",
    "inv": "inverse_time",
    "Noam": "noam",
    "invsqrt": "inverse_sqrt",
    "power": "inverse_time",
    "power scheduling": "inverse_time",
    "power scheduler": "inverse_sqrt(power=0.51)",
    "hyperbolic": "inverse_time",
    "budgeted": "linear",
    "flat_cos": "cosine(hold=75%, floor=0.001%)",
    "tri-stage": "exponential(warmup=10%, warmup_start=1%, hold=50%, gamma=0.01, every=100%)",
    "infinite": (
        "join(cosine(floor=50%); constant(lr=50%); exponential(lr=50%, gamma=0.1, every=100%), "
        "at=30%;85%, warmup=1%)"
    ),
    "triangular": "cyclical",
    "triangular2": "cyclical(decay=half)",
    "exp_range": "cyclical(decay=exp)",
    "CLR": "cyclical",
    "SGDR": "restarts",
    "warm restarts": "restarts",
    "1cycle": "onecycle",
    "superconvergence": "onecycle",
    "trapezoid": "wsd",
    "trapezoidal": "wsd",
    "1-sqrt": "wsd(shape=sqrt)",
    "warmup-stable-decay": "wsd",
    "ReduceLROnPlateau": "plateau",
}


def other_name(word: str) -> tuple[str, str] | None:
    """Return the name as its inventors write it and the spec for it, or None if it is nobody's."""
    sought = _plain(word)
    return next(((name, spec) for name, spec in OTHER_NAMES.items() if _plain(name) == sought), None)


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())
