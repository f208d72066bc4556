"""The script that takes a schedule home, to Keras or PyTorch: it runs as it is and needs no lrbench.

For Keras it calls a schedule of Keras's own where that has the same rates within float32 rounding, else it writes
the functions of lrbench/show/formulas.py. lrbench/show/page/preview.js writes the same text for Keras.
"""

from collections.abc import Callable, Mapping
from typing import Any

from lrbench.errors import BadSpec
from lrbench.schedules import Horizon, Schedule
from lrbench.schedules.base import number
from lrbench.schedules.feedback import Plateau, better
from lrbench.schedules.modifiers import modifiers_of
from lrbench.show.formulas import Numbers, lines_of

EXACT = 2**24  # steps that float32 tells apart; Keras counts in it
SGD = "optimizer = keras.optimizers.SGD(learning_rate={})"
FIRST = {
    "keras": 'print("first rate:", float(optimizer.learning_rate))',
    "torch": 'print("first rate:", optimizer.param_groups[0]["lr"])',
}
TABLE = '''

@keras.saving.register_keras_serializable()
class Rates(keras.optimizers.schedules.LearningRateSchedule):
    """The rate of every update; after the last one it stays."""

    def __init__(self):
        self.table = keras.ops.convert_to_tensor([rate(step) for step in range({total})], "float32")

    def __call__(self, step):
        return keras.ops.take(self.table, keras.ops.minimum(keras.ops.cast(step, "int32"), {last}))

    def get_config(self):
        return {{}}

'''
PLATEAU = '''

class Plateau(keras.callbacks.Callback):
    """Sets the rate before every update, and cuts it when {monitor} has not improved for a while."""

    scale, best, waited, cooling = 1.0, math.inf, 0, 0

    def on_train_batch_begin(self, batch, logs=None):
        step = min(int(self.model.optimizer.iterations), {last})
        self.model.optimizer.learning_rate = rate(step) * self.scale

    def on_epoch_end(self, epoch, logs=None):
        cost = {cost}
        if self.cooling:
            self.cooling, self.waited = self.cooling - 1, 0
        if cost < {to_beat}:
            self.best, self.waited = cost, 0
        elif not self.cooling:
            self.waited += 1
            if self.waited >= {patience}:
                self.scale = max(self.scale * {factor}, {min_scale})
                self.waited, self.cooling = 0, {cooldown}

'''


def script(schedule: Schedule, kind: str, horizon: Horizon) -> str:
    """Return a script for `keras` or `torch` without lrbench. Raises BadSpec for what cannot be written there."""
    if schedule.is_users_own:
        lines_of(schedule, horizon)  # refuses it
    rule = schedule.feedback(horizon)
    head = [
        f"# {schedule.spec}",
        f"# for {horizon.epochs} epochs of {horizon.steps_per_epoch:,} updates, {horizon.steps:,} in all",
    ]
    if kind == "torch":
        lines = _torch_plateau(schedule, rule, head) if rule else _torch(schedule, horizon, head)
    elif rule:
        lines = _keras_plateau(schedule, rule, horizon, head)
    else:
        lines = _keras(schedule, horizon, head)
    return "\n".join([*lines, FIRST[kind], ""])


def script_with_lrbench(schedule: Schedule, kind: str, horizon: Horizon) -> str:
    """Return a script that imports lrbench: the words stay, and a function of the user's own can be one."""
    rule = schedule.feedback(horizon)
    lines = [
        "from lrbench.schedules import Horizon, parse",
        "",
        f"# {horizon.epochs} epochs of {horizon.steps_per_epoch:,} updates; put in your own numbers",
        f"horizon = Horizon(epochs={horizon.epochs}, steps_per_epoch={horizon.steps_per_epoch})",
        f"schedule = parse({str(schedule)!r})",
        "",
    ]
    if kind == "torch" and rule:
        lines = _torch_plateau(schedule, rule, [f"# {schedule.spec}"])
    elif kind == "torch":
        lines = [
            "import torch",
            *lines,
            *_torch_model("schedule.lr"),
            "scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule.to_lambda(horizon))",
            *_torch_use(),
        ]
    elif rule:
        lines = [
            "import keras",
            *lines,
            SGD.format("schedule.lr"),
            "callback = schedule.to_keras(horizon)",
            *_keras_use(),
        ]
    else:
        lines = ["import keras", *lines, SGD.format("schedule.to_keras(horizon)")]
    return "\n".join([*lines, FIRST[kind], ""])


def _keras(schedule: Schedule, horizon: Horizon, head: list[str]) -> list[str]:
    own = keras_own(schedule, horizon)
    if own:
        return ["import keras", "", *head, *_call("schedule", own[0], own[1]), SGD.format("schedule")]
    if schedule.words == "constant":
        return ["import keras", "", *head, SGD.format(_rate(schedule.lr))]
    functions = lines_of(schedule, horizon)
    table = TABLE.format(total=horizon.steps, last=horizon.steps - 1).split("\n")
    return [*_imports("keras", functions), *head, *functions, *table, SGD.format("Rates()")]


def _torch(schedule: Schedule, horizon: Horizon, head: list[str]) -> list[str]:
    functions = lines_of(schedule, horizon)
    factor = f"lambda step: rate(min(step, {horizon.steps - 1})) / {number(schedule.lr)}"
    return [
        *_imports("torch", functions),
        *head,
        *functions,
        "",
        "",
        *_torch_model(number(schedule.lr)),
        f"scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, {factor})",
        *_torch_use(),
    ]


def keras_own(schedule: Schedule, horizon: Horizon) -> tuple[str, dict[str, str]] | None:
    """Return the name and the arguments of Keras's own schedule with the same rates, or None if it has none."""
    values, own = schedule.parameters, modifiers_of(schedule.entry)
    modified = {key for key, each in own.items() if key in values and values[key] != each.default}
    numbers = Numbers(values, horizon, schedule.lr)
    if horizon.steps > EXACT or schedule.name not in OWN:
        return None
    if schedule.name == "cosine" and "warmup" in modified and modified <= {"warmup", "warmup_start"}:
        return _cosine_warmed_up(numbers)
    return None if modified else OWN[schedule.name](numbers)


def _decay(kind: str) -> Callable[[Numbers], Any]:
    """ExponentialDecay or InverseTimeDecay; stairs that are no whole steps can be one late there."""

    def made(x: Numbers) -> tuple[str, dict[str, str]] | None:
        length, staircase = x.span("every"), x.values.get("staircase", kind == "ExponentialDecay")
        if x.values.get("power", 1) != 1 or (staircase and not length.is_integer()):
            return None
        arguments = {"decay_steps": number(length), "decay_rate": number(x.values["gamma"])}
        return kind, {
            "initial_learning_rate": _rate(x.lr),
            **arguments,
            **({"staircase": "True"} if staircase else {}),
        }

    return made


def _piecewise_constant(x: Numbers) -> tuple[str, dict[str, str]]:
    """Keras stays until its boundary has passed, and lrbench until it is reached."""
    boundaries = [-int(-each.steps(x.horizon) // 1) - 1 for each in x.values["at"]]
    if "rates" in x.values:
        rates = [each.of(x.lr) for each in x.values["rates"]]
    else:
        rates = [x.lr * x.values["gamma"] ** passed for passed in range(len(boundaries) + 1)]
    return "PiecewiseConstantDecay", {
        "boundaries": str(boundaries),
        "values": f"[{', '.join(map(_rate, rates))}]",
    }


def _polynomial(x: Numbers) -> tuple[str, dict[str, str]] | None:
    """Below a power of 1 the end is so steep that float32 is too coarse."""
    power = x.values.get("power", 1.0)
    if x.values.get("k", 1) != 1 or power < 1:
        return None
    return "PolynomialDecay", {
        "initial_learning_rate": _rate(x.lr),
        "decay_steps": x.total,
        "end_learning_rate": number(x.rate("to")),
        "power": number(power),
    }


def _cosine(x: Numbers) -> tuple[str, dict[str, str]] | None:
    if x.values["k"] != 1:
        return None
    alpha = number(x.rate("floor") / x.lr)
    return "CosineDecay", {"initial_learning_rate": _rate(x.lr), "decay_steps": x.total, "alpha": alpha}


def _cosine_warmed_up(x: Numbers) -> tuple[str, dict[str, str]] | None:
    """Keras climbs from its first rate at step 0: one step up from 0, for lrbench's warm-up."""
    climb = round(x.span("warmup"))
    own = _cosine(Numbers(x.values, x.horizon.after(climb), x.lr))
    if own is None or not climb:
        return None
    start = x.lr / (climb + 1) if x.values["warmup_start"] is None else x.rate("warmup_start")
    arguments = {**own[1], "initial_learning_rate": _rate(start)}
    return own[0], {**arguments, "warmup_target": _rate(x.lr), "warmup_steps": str(climb)}


def _restarts(x: Numbers) -> tuple[str, dict[str, str]] | None:
    """Cycles that grow are found by a logarithm there, whose float32 can be a step late."""
    length, shrink = x.span("first"), x.values["shrink"]
    if x.values["mult"] != 1 or not length.is_integer() or (shrink != 1 and x.rate("floor")):
        return None
    return "CosineDecayRestarts", {
        "initial_learning_rate": _rate(x.lr),
        "first_decay_steps": number(length),
        "t_mul": "1.0",
        "m_mul": number(shrink),
        "alpha": number(x.rate("floor") / x.lr),
    }


OWN: dict[str, Callable[[Numbers], tuple[str, dict[str, str]] | None]] = {
    "step": _decay("ExponentialDecay"),
    "exponential": _decay("ExponentialDecay"),
    "inverse_time": _decay("InverseTimeDecay"),
    "multistep": _piecewise_constant,
    "piecewise": _piecewise_constant,
    "linear": _polynomial,
    "polynomial": _polynomial,
    "cosine": _cosine,
    "restarts": _restarts,
}


def _keras_plateau(schedule: Schedule, rule: Plateau, horizon: Horizon, head: list[str]) -> list[str]:
    """ReduceLROnPlateau, unless there is a warm-up to scale, or a threshold that Keras does not have."""
    higher = better(rule.monitor) == "higher"
    optimizer = SGD.format(_rate(schedule.lr))
    if rule.threshold == "absolute" and not schedule.parameters["warmup"].value:
        arguments = {
            "monitor": f'"{rule.monitor}"',
            "factor": number(rule.factor),
            "patience": str(rule.patience),
            "mode": '"max"' if higher else '"min"',
            "min_delta": number(rule.min_delta),
            "cooldown": str(rule.cooldown),
            "min_lr": number(rule.min_scale * schedule.lr),
        }
        callback = _call("callback", "ReduceLROnPlateau", arguments, "keras.callbacks")
        return ["import keras", "", *head, optimizer, *callback, *_keras_use()]
    share = f"(1 {'+' if higher else '-'} {number(rule.min_delta)})"
    to_beat = f"self.best - {number(rule.min_delta)}" if rule.threshold == "absolute" else f"self.best * {share}"
    callback = PLATEAU.format(
        monitor=rule.monitor,
        cost=f'{"-" if higher else ""}logs["{rule.monitor}"]',
        to_beat=to_beat,
        last=horizon.steps - 1,
        patience=rule.patience,
        factor=number(rule.factor),
        min_scale=number(rule.min_scale),
        cooldown=rule.cooldown,
    ).split("\n")
    functions = lines_of(schedule, horizon)
    return [
        *_imports("keras", [*functions, *callback]),
        *head,
        *functions,
        *callback,
        optimizer,
        "callback = Plateau()",
        *_keras_use(),
    ]


def _torch_plateau(schedule: Schedule, rule: Plateau, head: list[str]) -> list[str]:
    if schedule.parameters["warmup"].value:
        raise BadSpec(f"PyTorch has no {schedule.words}.", "Leave warmup out, or write it by hand.")
    arguments = {
        "mode": '"max"' if better(rule.monitor) == "higher" else '"min"',
        "factor": number(rule.factor),
        "patience": str(rule.patience - 1),
        "threshold": number(rule.min_delta),
        "threshold_mode": f'"{rule.threshold[:3]}"',
        "cooldown": str(max(rule.cooldown - 1, 0)),
        "min_lr": number(rule.min_scale * schedule.lr),
    }
    return [
        "import torch",
        "",
        *head,
        *_torch_model(number(schedule.lr)),
        "# PyTorch counts patience and cooldown one epoch longer",
        *_call("scheduler", "ReduceLROnPlateau", arguments, "torch.optim.lr_scheduler", "optimizer"),
        "",
        f"# after every epoch: scheduler.step({rule.monitor})",
    ]


def _rate(value: float) -> str:
    """A rate as Keras wants it: `1.0`, for of `1` it makes a whole number."""
    return repr(float(value))


def _call(
    name: str,
    function: str,
    arguments: Mapping[str, str],
    module: str = "keras.optimizers.schedules",
    *first: str,
) -> list[str]:
    """`name = module.function(...)`, an argument a line."""
    inside = [*first, *(f"{key}={value}" for key, value in arguments.items())]
    return [f"{name} = {module}.{function}(", *(f"    {each}," for each in inside), ")"]


def _imports(framework: str, functions: list[str]) -> list[str]:
    needs_math = any("math." in line for line in functions)
    return [*(["import math", ""] if needs_math else []), f"import {framework}", ""]


def _keras_use() -> list[str]:
    return ["", "# model.fit(..., validation_data=..., callbacks=[callback])"]


def _torch_model(lr: str) -> list[str]:
    return [
        "model = torch.nn.Linear(784, 10)  # yours",
        f"optimizer = torch.optim.SGD(model.parameters(), lr={lr})",
    ]


def _torch_use() -> list[str]:
    return ["", "# after every update: optimizer.step(), then scheduler.step()"]
