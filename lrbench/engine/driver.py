"""Who drives compiled programs on one network, whatever they train."""

from abc import ABC, abstractmethod
from functools import cached_property

import tensorflow as tf

from lrbench.engine.network import Network
from lrbench.engine.programs import Programs, SharedPrograms


class Driver(ABC):
    """One network, and a setting's programs at work on it."""

    def __init__(self, network: Network, shared: SharedPrograms) -> None:
        self.network = network
        self._shared = shared
        self._compiled = False
        self._seed = 0

    @cached_property
    def _programs(self) -> Programs:
        return self._shared.on(self.network)

    @property
    def remark(self) -> str:
        if not self._shared.refusal:
            return ""
        return f"XLA cannot compile this model, so it trains as a plain graph: {self._shared.refusal}"

    def compile(self) -> None:
        """Trace and compile. `reset` undoes what that leaves in the variables.

        No training is in its time, but waiting for another replica is.
        """
        if self._compiled:
            return
        try:
            self._try_all()
        except tf.errors.OpError as error:  # refused; if the model is at fault, the graph says so as well
            if not self._programs.jit:
                raise
            self._shared.give_up_xla(_reason(error))
            del self._programs
            self._try_all()
        self._compiled = True

    def reset(self, seed: int) -> None:
        self._seed = seed
        self.network.reset(seed)

    @abstractmethod
    def _try_all(self) -> None:
        """Call each of the programs, to train nothing."""


def _reason(error: tf.errors.OpError) -> str:
    """Return what XLA says of the operations that it lacks, without the stacks below."""
    lines = [line.strip() for line in str(error.message).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
