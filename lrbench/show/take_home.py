"""The script that takes a schedule home, to Keras or PyTorch: it runs as it is and needs no lrbench.

For Keras it calls a schedule of Keras's own where that has the same rates within float32 rounding, else it writes
the functions of lrbench/show/formulas.py. lrbench/show/page/preview.js writes the same text for Keras.
"""

from collections.abc import Mapping

from lrbench.schedules import Horizon, Schedule
from lrbench.schedules.base import number
from lrbench.schedules.feedback import Plateau, direction
from lrbench.show.formulas import lines_of
from lrbench.show.keras_own import keras_own, keras_rate
from lrbench.show.plateau_classes import keras_class, torch_class

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
        lines = _torch_plateau(schedule, rule, horizon, head) if rule else _torch(schedule, horizon, head)
    elif rule:
        lines = _keras_plateau(schedule, rule, horizon, head)
    else:
        lines = _keras(schedule, horizon, head)
    return "\n".join([*lines, FIRST[kind], ""])


def script_with_lrbench(schedule: Schedule, kind: str, horizon: Horizon) -> str:
    """Return a script that imports lrbench: the words stay, and a function of the user's own can be one."""
    rule = schedule.feedback(horizon)
    if rule:
        direction(rule)  # says what the script could not tell
    lines = [
        "from lrbench.schedules import Horizon, parse",
        "",
        f"# {horizon.epochs} epochs of {horizon.steps_per_epoch:,} updates; put in your own numbers",
        f"horizon = Horizon(epochs={horizon.epochs}, steps_per_epoch={horizon.steps_per_epoch})",
        f"schedule = parse({str(schedule)!r})",
        "",
    ]
    if kind == "torch" and rule:
        lines = _torch_plateau(schedule, rule, horizon, [f"# {schedule.spec}"])
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
        return ["import keras", "", *head, SGD.format(keras_rate(schedule.lr))]
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


def _keras_plateau(schedule: Schedule, rule: Plateau, horizon: Horizon, head: list[str]) -> list[str]:
    """ReduceLROnPlateau, unless there is a warm-up to scale, or a threshold that Keras does not have."""
    higher = direction(rule) == "higher"
    optimizer = SGD.format(keras_rate(schedule.lr))
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
    callback = keras_class(rule, horizon)
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


def _torch_plateau(schedule: Schedule, rule: Plateau, horizon: Horizon, head: list[str]) -> list[str]:
    """ReduceLROnPlateau, unless there is a warm-up to scale, or a relative threshold: wrong there below 0."""
    if schedule.parameters["warmup"].value or rule.threshold == "relative":
        return _torch_plateau_written(schedule, rule, horizon, head)
    arguments = {
        "mode": '"max"' if direction(rule) == "higher" else '"min"',
        "factor": number(rule.factor),
        "patience": str(rule.patience - 1),
        "threshold": number(rule.min_delta),
        "threshold_mode": '"abs"',
        "cooldown": str(max(rule.cooldown - 1, 0)),
        "min_lr": number(rule.min_scale * schedule.lr),
        "eps": "0",
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


def _torch_plateau_written(schedule: Schedule, rule: Plateau, horizon: Horizon, head: list[str]) -> list[str]:
    lr, functions = number(schedule.lr), lines_of(schedule, horizon)
    written = torch_class(rule, horizon, lr)
    return [
        *_imports("torch", [*functions, *written]),
        *head,
        *functions,
        *written,
        *_torch_model(lr),
        "scheduler = Plateau(optimizer)",
        *_torch_use(),
        f"# after every epoch: scheduler.after_epoch({rule.monitor})",
    ]


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
    needed = [f"import {name}" for name in ("math", "warnings") if any(f"{name}." in line for line in functions)]
    return [*needed, *([""] if needed else []), f"import {framework}", ""]


def _keras_use() -> list[str]:
    return ["", "# model.fit(..., validation_data=..., callbacks=[callback])"]


def _torch_model(lr: str) -> list[str]:
    return [
        "model = torch.nn.Linear(784, 10)  # yours",
        f"optimizer = torch.optim.SGD(model.parameters(), lr={lr})",
    ]


def _torch_use() -> list[str]:
    return ["", "# after every update: optimizer.step(), then scheduler.step()"]
