"""Stateful operations in a model's training step: what no reset of its variables would undo.

A run must depend on its seed alone, on any number of jobs and after any interruption. So whatever changes while a
model trains has to be one of its variables. TensorFlow is imported in functions only.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from traceback import FrameSummary
from typing import Any

HARMLESS = {  # stateful in TensorFlow's sense, but they change nothing
    "Assert",
    "LookupTableFindV2",
    "LookupTableSizeV2",
    "ReadVariableOp",
    "ResourceGather",
    "ResourceGatherNd",
    "VarIsInitializedOp",
    "VariableShape",
}
UPDATES = re.compile(r"Assign(Add|Sub)?VariableOp|ResourceScatter\w+|ResourceStridedSliceAssign")  # of variables
CALLS = {"Case", "If", "PartitionedCall", "StatefulPartitionedCall", "While"}  # of functions that are looked into
CUDNN = re.compile(r"CudnnRNN\w*")  # stateful for its dropout, which Keras never asks of it
PYTHON = re.compile(r"(Eager)?PyFunc\w*")
RANDOM = re.compile(r"Random|Normal|Uniform|Multinomial|Binomial|Poisson|Gamma|Rng|Shuffle|CandidateSampler")


@dataclass(frozen=True, slots=True)
class Trace:
    """What a traced function holds that is none of a model's variables."""

    operation: str  # the type of a stateful operation, such as "RandomUniform"; "": there is none
    place: str  # its name in the graph, which tells its layer
    frames: tuple[FrameSummary, ...]  # of the Python code that made it
    variable: str  # the name of a variable that is not the model's; "": there is none

    @property
    def why(self) -> tuple[str, str]:
        """Return what is wrong with it, and what to do."""
        if PYTHON.fullmatch(self.operation):
            return (
                f"runs Python code in each step ({self.operation}, of tf.py_function or tf.numpy_function)",
                "Write it with operations of keras.ops or TensorFlow.",
            )
        if RANDOM.search(self.operation):
            return (
                f"draws random numbers that are not reset with the model ({self.operation})",
                "Use a layer such as Dropout or RandomFlip, or keras.random with a SeedGenerator that the layer "
                "holds: self.seeds = keras.random.SeedGenerator().",
            )
        if self.operation:
            return (
                f"has the stateful operation {self.operation}, whose effect is not reset with the model",
                "Remove it, or keep its state in a variable of the layer: self.add_weight(...).",
            )
        return (
            f"keeps state that its model does not list ({self.variable}): a run would depend on those before it",
            "Draw random numbers by a keras.random.SeedGenerator of the layer, make variables with add_weight.",
        )


def foreign_state(step: Callable[..., Any], inputs: tuple[Any, ...], variables: list[Any]) -> Trace | None:
    """Trace a function of `inputs`; return the first state in it that is none of Keras's `variables`, if any.

    Tables that are only looked up and assertions are allowed. Whatever the function raises goes through.
    """
    import tensorflow as tf

    traced = tf.function(step, autograph=False).get_concrete_function(*inputs)
    library = {
        function.signature.name: function.node_def for function in traced.graph.as_graph_def().library.function
    }
    for operation in traced.graph.get_operations():
        for node in _within(operation.node_def, library):
            if _is_foreign(node.op):
                return Trace(node.op, f"{operation.name}/{node.name}", tuple(operation.traceback), "")
    own = {id(variable.value.handle) for variable in variables}
    for handle in traced.captured_inputs:
        if handle.dtype == tf.resource and id(handle) not in own and "lookup::" not in str(handle):
            return Trace("", "", (), _name_of(handle, traced.graph.variables))
    return None


def _within(node: Any, library: Mapping[str, Any]) -> Iterator[Any]:
    """Yield a node, and those of the functions that it calls."""
    yield node
    for value in node.attr.values():
        for called in [value.func, *value.list.func]:
            for inner in library.get(called.name, ()):
                yield from _within(inner, library)


def _is_foreign(operation: str) -> bool:
    """Return whether an operation keeps or changes state that is no variable."""
    from tensorflow.python.framework import op_def_registry  # tf has no public way to ask

    if PYTHON.fullmatch(operation):
        return True
    definition = op_def_registry.get(operation)
    if definition is None or not definition.is_stateful:
        return False
    allowed = operation in HARMLESS or operation in CALLS or CUDNN.fullmatch(operation)
    return not (allowed or UPDATES.fullmatch(operation))


def _name_of(handle: Any, variables: tuple[Any, ...]) -> str:
    names = [variable.name for variable in variables if variable.handle is handle]
    return names[0].partition(":")[0] if names else "a resource of TensorFlow's"
