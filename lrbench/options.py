"""Every wish that is asked for in more than one place, declared once: its name, default, examples and help.

From this table come the fields of `Config`, the options of the commands and what their help says of the default.
The library names a wish as Python does, `margin=-1`; `as_options` turns that into what is typed, `--margin -1`.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lrbench.errors import BadConfig

MOST_DIGITS = 19  # of a whole number


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One thing that a user can ask for."""

    name: str  # in Python, in configuration files and in the environment: batch_size
    help: str
    metavar: str = ""  # what is typed; empty for a switch
    default: object = None
    said: str = ""  # the default in words, where its own value does not say it
    examples: tuple[str, ...] = ()
    short: str = ""
    flag: str = ""  # where it is not the name: --all-pairs
    opposite: str = ""  # of a switch that has one
    instead_of: str = ""  # the wish whose place it takes: both at once are an error

    @property
    def long(self) -> str:
        """What is typed: `--batch-size`."""
        return self.flag or f"--{self.name.replace('_', '-')}"

    @property
    def described(self) -> str:
        """The help with its default, as `[32]`; a switch that is off has none."""
        default = ",".join(map(str, self.default)) if isinstance(self.default, tuple) else self.default
        text = self.said or ("" if default is None or default is False else str(default))
        return f"{self.help} [{text}]" if text else self.help


def _table(*wishes: Wish) -> dict[str, Wish]:
    return {each.name: each for each in wishes}


TRAINING = _table(
    Wish(
        name="schedulers",
        short="-s",
        metavar="LIST",
        help="Schedules, separated by commas.",
        default=("constant", "step", "exponential", "cosine", "cyclical", "plateau"),
        examples=("step,cosine", "step(every=5 epochs, gamma=0.1)"),
    ),
    Wish(
        name="seeds",
        metavar="N|LIST",
        help="A number of seeds, or a list: 0,3,7.",
        default=(0,),
        said="1, that is seed 0",
        examples=("5", "0,3,7"),
    ),
    Wish(
        name="epochs",
        metavar="N|LIST",
        help="Passes over the training set; several horizons are an experiment each: 2,5,15.",
        default=15,
        examples=("15", "2,5,15"),
    ),
    Wish(name="batch_size", metavar="N", help="Examples per update.", default=32, examples=("32",)),
    Wish(
        name="lr",
        metavar="RATE",
        help="The peak rate of every schedule that names none.",
        said="by the optimizer: sgd 0.1, adam 0.001, …",
        examples=("0.1",),
    ),
    Wish(
        name="optimizer",
        metavar="NAME",
        help='sgd, adam, …; with parameters: "sgd(momentum=0.9)".',
        default="sgd",
        examples=("sgd(momentum=0.9)", "adam"),
    ),
    Wish(
        name="optimizers",
        metavar="LIST",
        help="Several optimizers instead of one, separated by commas: an experiment of each, in turn.",
        said="none",
        instead_of="optimizer",
        examples=("sgd,adam", "sgd(momentum=0.9),adamw"),
    ),
    Wish(
        name="problem",
        metavar="NAME",
        help="What is trained: mnist, fashion-mnist, mnist-lenet, mnist-logistic, line; or my.py:FUNCTION.",
        default="mnist",
        examples=("mnist", "mnist(hidden=256)"),
    ),
    Wish(
        name="hidden",
        metavar="N|LIST",
        help="Short for the problem's parameter: units of each hidden layer.",
        said="128",
        examples=("128", "512,512"),
    ),
    Wish(
        name="activation",
        metavar="NAME",
        help="Short for the problem's parameter: what hidden layers apply.",
        said="relu",
        examples=("relu", "tanh"),
    ),
    Wish(
        name="data",
        metavar="FILE",
        help="What your own model is trained on: an .npz file with x_train, y_train, …, or mnist.",
        said="the problem's own",
        examples=("data.npz", "mnist"),
    ),
    Wish(
        name="loss",
        metavar="NAME",
        help="Of your own model: one of Keras's losses.",
        said="told from the targets",
        examples=("mse", "huber"),
    ),
    Wish(
        name="metric",
        metavar="NAME",
        help="Of your own model: what is measured beside the loss.",
        said="accuracy of classes, mae of numbers",
        examples=("accuracy", "mae"),
    ),
    Wish(
        name="data_dir",
        metavar="DIR",
        help="Where the files of fashion-mnist are.",
        said="Keras's cache, or Debian's package",
        examples=("datasets/fashion-mnist",),
    ),
    Wish(
        name="memory_share",
        metavar="SHARE",
        help="How much of this machine's memory your data may need.",
        default=0.5,
        examples=("0.5",),
    ),
    Wish(
        name="train_size",
        metavar="N",
        help="Train on N examples only.",
        said="all that remain",
        examples=("2000",),
    ),
    Wish(
        name="val_size",
        metavar="N",
        help="Examples taken off the training set for validation; 0 for none.",
        said="a twelfth: 5000 of mnist",  # or 0, where the test set is validated on
        examples=("5000",),
    ),
    Wish(
        name="validate_on",
        metavar="split|test",
        help="test: train on all, validate on the test set, as tutorials do.",
        default="split",
        examples=("split", "test"),
    ),
    Wish(
        name="engine",
        metavar="NAME",
        help="compiled, or fit (Keras's Model.fit), or fake (made-up figures).",
        default="compiled",
        examples=("compiled", "fit"),
    ),
    Wish(
        name="jit",
        metavar="auto|on|off",
        help="Whether XLA compiles the epoch; auto: all but convolutions and Dropout on a CPU.",
        default="auto",
        examples=("auto", "off"),
    ),
    Wish(
        name="jobs",
        short="-j",
        metavar="N",
        help="Runs that train side by side.",
        said="one per core",
        examples=("2",),
    ),
    Wish(
        name="checkpoint_every",
        metavar="N",
        help="Epochs from one checkpoint of a run to the next.",
        said="a checkpoint a second",
        examples=("5",),
    ),
    Wish(
        name="shard",
        metavar="K/N",
        help="Only the Kth of N equal shares of the runs; auto: as a task of a Slurm job array.",
        said="all",
        examples=("2/8",),
    ),
    Wish(
        name="executor",
        metavar="local|ray",
        help="Where runs train: in this process, or on the nodes of a Ray cluster.",
        default="local",
        examples=("local", "ray"),
    ),
    Wish(
        name="address",
        metavar="ADDRESS",
        help="Of the Ray cluster: auto, HOST:6379 or ray://HOST:10001.",
        said="a cluster of this machine alone",
        examples=("auto", "ray://head:10001"),
    ),
    Wish(
        name="runs_per_node",
        metavar="N",
        help="Runs that train side by side on each node.",
        said="one per core of it",
        examples=("4",),
    ),
    Wish(
        name="gpus_per_run",
        metavar="SHARE",
        help="How much of a GPU each run takes on its node.",
        said="none",
        examples=("0.1", "1"),
    ),
    Wish(
        name="out",
        short="-o",
        metavar="DIR",
        help="The results folder.",
        default="results",
        examples=("results",),
    ),
    Wish(
        name="name",
        metavar="NAME",
        help="The experiment's folder in it.",
        said="made from the setting",
        examples=("my-comparison",),
    ),
)
TUNING = _table(
    Wish(
        name="lrs",
        metavar="GRID",
        help="Peak rates that every schedule is tried at: 0.003..3:log:7, around:0.12, or a list.",
        said="seven, half a decade apart around --lr",
        examples=("0.003..3:log:7", "around:0.12", "0.01,0.03,0.1"),
    ),
    Wish(
        name="tune_seeds",
        metavar="N",
        help="Seeds that rates are chosen by; they report nothing.",
        default=3,
        examples=("3",),
    ),
    Wish(
        name="refine",
        metavar="N",
        help="More rates around each schedule's own best; 0 for none.",
        default=4,
        examples=("4",),
    ),
    Wish(
        name="max_extend",
        metavar="N",
        help="How often the grid may grow, for all, where a best rate lies at its edge.",
        default=2,
        examples=("2",),
    ),
)
SETTLING = _table(
    Wish(
        name="until_settled",
        help="Train seed by seed until every verdict is settled; looking after each keeps the 5 %.",
        default=False,
    ),
    Wish(
        name="max_seeds",
        metavar="N",
        help="With --until-settled: the largest number of seeds, from 0 on.",
        default=50,
        examples=("50",),
    ),
)
QUESTION = _table(
    Wish(
        name="baseline",
        metavar="LABEL",
        help="Compare with this schedule.",
        said="constant, else the best by validation",
        examples=("cosine",),
    ),
    Wish(name="every_pair", flag="--all-pairs", help="Compare every two schedules.", default=False),
    Wish(
        name="metric",
        metavar="NAME",
        help="The final figure to compare: test_accuracy, val_loss, …",
        said="the problem's own: test_accuracy",
        examples=("val_loss",),
    ),
    Wish(
        name="lower_is_better",
        opposite="--higher-is-better",
        help="Of a table's figure.",
        said="by its name",
    ),
    Wish(
        name="margin",
        metavar="D",
        help="What counts as no difference: 0.001 is 0.1 points of accuracy.",
        examples=("0.001",),
    ),
    Wish(
        name="design",
        metavar="KIND",
        help="Of a table: looked at once (fixed), after every seed up to N (sequential:N), or anyhow (open).",
        said="fixed; of stored runs it is known",
        examples=("fixed", "sequential:50", "open"),
    ),
    Wish(
        name="target",
        metavar="A",
        help="Also say when validation accuracy reached this: 0.97.",
        examples=("0.97",),
    ),
)
LOOKING = _table(
    Wish(
        name="steps_per_epoch",
        metavar="N",
        help="Updates per epoch.",
        default=1719,  # of the default comparison: 55,000 images in batches of 32
        examples=("1719",),
    ),
)
SWEEPING = _table(
    replace(TRAINING["seeds"], default=tuple(range(5)), said="5"),
    Wish(
        name="sweep",
        metavar="exponential|linear",
        help="How the rate rises: by the same factor each step, or by the same amount.",
        default="exponential",
        examples=("exponential", "linear"),
    ),
    Wish(name="lowest", flag="--from", metavar="RATE", help="Where it begins.", default=1e-6, examples=("1e-6",)),
    Wish(name="highest", flag="--to", metavar="RATE", help="Where it ends.", default=10.0, examples=("10",)),
    Wish(
        name="steps",
        metavar="N",
        help="Updates of a sweep; passes over the training set begin again as often as needed.",
        said="one pass, and at least 100",
        examples=("200",),
    ),
    Wish(
        name="smooth",
        metavar="SHARE",
        help="What each step keeps of the mean of the losses before it.",
        said="so much that the mean remembers a fiftieth of the sweep, 0.98 of 2,500 steps",
        examples=("0.98",),
    ),
)
DRAWING = _table(
    Wish(
        name="log_rate",
        opposite="--linear-rate",
        help="The axis of the rates.",
        said="linear, unless that lays a whole curve flat",
    ),
)
WISHES: Mapping[str, Wish] = SWEEPING | TRAINING | TUNING | SETTLING | QUESTION | LOOKING | DRAWING


def unfit(name: str, value: object, problem: str) -> BadConfig:
    """Return the error for a value that a wish cannot have: `margin=-1 is not above 0.`, and what it can be."""
    examples = " or ".join(f"{name}={example}" for example in WISHES[name].examples)
    return BadConfig(f"{name}={shown(value)} {problem}.", f"Write, for example, {examples}.")


def shown(value: object) -> str:
    """Return a value as its user wrote it, cut off where it is long."""
    return (f"{value:g}" if isinstance(value, float) else str(value) or "''")[:80]


def in_file(example: str) -> str:
    """Write an example as a configuration file has it: words stand in quotes."""
    return example if re.fullmatch(r"[0-9][0-9.e+-]*", example) else f'"{example}"'


def number(name: str, value: object) -> float:
    """Read a number, or its text. Raises BadConfig; nan is no number."""
    try:
        read = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]  # anything may come
    except (TypeError, ValueError):
        read = math.nan
    if math.isnan(read):
        raise unfit(name, value, "is no number")
    return read


def is_whole(text: str) -> bool:
    """Whether a text is a whole number of a usual size: thousands of digits are none."""
    digits = text.strip().removeprefix("-")
    return digits.isdecimal() and len(digits) < MOST_DIGITS


def whole_number(name: str, value: str) -> int:
    """Read the text of a whole number above 0. Raises BadConfig."""
    if not is_whole(value):
        raise unfit(name, value, "is no whole number")
    if int(value) < 1:
        raise unfit(name, value, "is below 1")
    return int(value)


def as_options(text: str) -> str:
    """Turn every `margin=0.1` of a message into `--margin 0.1`; what stands in parentheses is a schedule's own."""

    def typed(match: re.Match[str]) -> str:
        before = text[: match.start()]
        wish = WISHES.get(match[1])
        if wish is None or before.count("(") > before.count(")"):
            return match[0]
        if wish.metavar:
            return f"{wish.long} "
        return wish.long if match[2] == "True" else wish.opposite or wish.long

    return re.sub(r"(?<!\S)([a-z_]+)=(?=\S|$)(True\b|False\b)?", typed, text)
