"""What was asked of an experiment, command by command: a line of JSON each, added and never changed.

It is for people. Nothing reads it back, so that no damage to it can harm what is stored beside it.
"""

import json
import os
from pathlib import Path
from typing import Any

from lrbench.files import sync_folder

LOG = "log.jsonl"


def append(folder: Path, entry: dict[str, Any]) -> None:
    """Add a line to the folder's log and see it to the disk. Only who holds the folder's lock may call this.

    A line that was cut off before stays as it is, and the new one begins below it. Raises OSError.
    """
    path = folder / LOG
    line = (json.dumps(entry, ensure_ascii=False) + "\n").encode(errors="backslashreplace")
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        end = os.lseek(handle, 0, os.SEEK_END)
        if end:
            os.lseek(handle, end - 1, os.SEEK_SET)
            line = line if os.read(handle, 1) == b"\n" else b"\n" + line
        left = memoryview(line)
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    if not end:
        sync_folder(folder)
