"""What can be trained, a file each: data, model, loss and figures."""

from lrbench.problems import mnist  # they register themselves
from lrbench.problems.base import PROBLEMS, Examples, Problem, Sizes, Splits, find, resolve_sizes, split

__all__ = ["PROBLEMS", "Examples", "Problem", "Sizes", "Splits", "find", "mnist", "resolve_sizes", "split"]
