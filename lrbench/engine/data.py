"""The examples of a setting: numpy only, so that they can be read while TensorFlow is imported."""

from lrbench import datasets, problems
from lrbench.plan import Setting


def load_splits(setting: Setting) -> datasets.Splits:
    """Load what the setting trains on, validates on and is tested on. Raises BadData."""
    return datasets.split(problems.find(setting.problem).dataset, setting.sizes)
