"""The rule of plateau as a class for Keras or PyTorch, as text: where the framework's own does not do the same."""

from lrbench.schedules import Horizon
from lrbench.schedules.base import number
from lrbench.schedules.feedback import Plateau, direction

KERAS_PLATEAU = '''

class Plateau(keras.callbacks.Callback):
    """Sets the rate before every update, and cuts it when {monitor} has not improved for a while.

    With a model that was loaded, it goes on at the rate that the optimizer was saved with. The rest of its state
    is in state_dict(), for load_state_dict() before the next fit.
    """

    scale, best, waited, cooling = None, math.inf, 0, 0

    def batches(self):
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        return int(optimizer._iterations)  # as Keras's own schedules count: gradients may be accumulated

    def set_rate(self):
        self.model.optimizer.learning_rate = rate(min(self.batches(), {last})) * self.scale

    def on_train_begin(self, logs=None):
        if self.scale is not None:
            return
        done, now = self.batches(), float(self.model.optimizer.learning_rate)
        scales = [max({factor}**cuts, {min_scale}) for cuts in range(done // {steps} + 2 if done else 0)]
        pairs = [(scale, rate(min(step, {last}))) for scale in scales for step in (done, done - 1)]
        self.scale = next((scale for scale, high in pairs if math.isclose(high * scale, now, rel_tol=1e-5)), 1.0)

    def on_train_batch_begin(self, batch, logs=None):
        self.set_rate()

    def on_epoch_end(self, epoch, logs=None):
        value = (logs or {{}}).get("{monitor}")
        if value is None:
            warnings.warn("plateau counts no epoch without {monitor}", stacklevel=2)
            return
{rule}
        self.set_rate()

    def state_dict(self):
        return {{"scale": self.scale, "best": self.best, "waited": self.waited, "cooling": self.cooling}}

    def load_state_dict(self, state):
        vars(self).update(state)

'''
TORCH_PLATEAU = '''

class Plateau:
    """Sets the rate of every update, and cuts it when {monitor} has not improved for a while.

    Store its state_dict() beside the optimizer's, and load it after that one.
    """

    scale, best, waited, cooling, updates = 1.0, math.inf, 0, 0, 0

    def __init__(self, optimizer):
        self.optimizer = optimizer
        self.peaks = [group.setdefault("initial_lr", group["lr"]) for group in optimizer.param_groups]
        self.set_rate()

    def set_rate(self):
        share = self.scale * rate(min(self.updates, {last})) / {lr}
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * share

    def step(self):
        self.updates += 1
        self.set_rate()

    def after_epoch(self, value):
{rule}
        self.set_rate()

    def state_dict(self):
        return {{key: getattr(self, key) for key in ("scale", "best", "waited", "cooling", "updates", "peaks")}}

    def load_state_dict(self, state):
        vars(self).update(state)
        self.set_rate()

'''
RULE = """\
        cost = {cost}
        if self.cooling:
            self.cooling, self.waited = self.cooling - 1, 0
        to_beat = {to_beat}
        if cost < to_beat:
            self.best, self.waited = cost, 0
        elif not self.cooling:
            self.waited += 1
            if self.waited >= {patience}:
                self.scale = max(self.scale * {factor}, {min_scale})
                self.waited, self.cooling = 0, {cooldown}"""


def keras_class(rule: Plateau, horizon: Horizon) -> list[str]:
    """Return the lines of a callback, around a function `rate(step)`. Raises BadSpec."""
    return KERAS_PLATEAU.format(**_numbers(rule, horizon), steps=horizon.steps_per_epoch).split("\n")


def torch_class(rule: Plateau, horizon: Horizon, lr: str) -> list[str]:
    """Return the lines of a scheduler for an optimizer of the peak rate `lr`. Raises BadSpec."""
    return TORCH_PLATEAU.format(**_numbers(rule, horizon), lr=lr).split("\n")


def _numbers(rule: Plateau, horizon: Horizon) -> dict[str, str | int]:
    delta = number(rule.min_delta)
    of_size = f"self.best - {delta} * abs(self.best) if self.best < math.inf else math.inf"
    factor, min_scale = number(rule.factor), number(rule.min_scale)
    counted = RULE.format(
        cost="-value" if direction(rule) == "higher" else "value",
        to_beat=f"self.best - {delta}" if rule.threshold == "absolute" else of_size,
        patience=rule.patience,
        factor=factor,
        min_scale=min_scale,
        cooldown=rule.cooldown,
    )
    last = horizon.steps - 1
    return {"monitor": rule.monitor, "last": last, "factor": factor, "min_scale": min_scale, "rule": counted}
