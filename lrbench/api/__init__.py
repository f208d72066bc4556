"""The commands as Python calls, and their results as one object; see `lrbench.compare` and `lrbench.load`."""

from lrbench.api.problems import problem
from lrbench.api.questions import judge, judge_all, summarize
from lrbench.api.results import Results, load
from lrbench.api.training import compare

__all__ = ["Results", "compare", "judge", "judge_all", "load", "problem", "summarize"]
