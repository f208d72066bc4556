"""What was asked of an experiment, command by command: a line of JSON each, added and never changed.

It is for people. Nothing reads it back, so that no damage to it can harm what is stored beside it.
"""

import json
from pathlib import Path
from typing import Any

from lrbench.folders import Tree

LOG = "log.jsonl"


def append(folder: Path, entry: dict[str, Any]) -> None:
    """Add a line to the folder's log and see it to the disk. Only who holds the folder's lock may call this.

    A line that was cut off before stays as it is, and the new one begins below it. Raises OSError.
    """
    line = (json.dumps(entry, ensure_ascii=False) + "\n").encode(errors="backslashreplace")
    Tree(folder).append(folder / LOG, line)
