"""Keras on TensorFlow, brought into this process so that it computes what lrbench promises."""

from lrbench.backend.imports import bring_in, threads_of_others

__all__ = ["bring_in", "threads_of_others"]
