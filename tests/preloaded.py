"""What every process of `processes.py` has imported, once for all of them."""

import os

import noisy  # noqa: F401 # a problem that draws random numbers
import processes
import scipy.stats  # noqa: F401

import lrbench.backend
import lrbench.runner.conduct
import lrbench.show.plots
import lrbench.summary

if processes.WITH_TENSORFLOW in os.environ:
    lrbench.backend.bring_in()
    import lrbench.engine.compiled
