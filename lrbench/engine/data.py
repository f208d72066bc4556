"""The examples of a setting: numpy only, so that they can be read while TensorFlow is imported."""

from lrbench import problems
from lrbench.runs import Setting


def load_splits(setting: Setting) -> problems.Splits:
    """Load what the setting trains on, validates on and is tested on. Raises BadData."""
    sizes = problems.Sizes(setting.train_size, setting.val_size, setting.validate_on)
    return problems.split(problems.find(setting.subject.spec), sizes)
