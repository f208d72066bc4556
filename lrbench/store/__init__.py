"""One results folder: what is done, what is damaged, and every write.

<results>/<experiment>/experiment.json         the setting, and where its first run was made
<results>/<experiment>/labels.json             what each label stands for
<results>/<experiment>/runs/<run-id>/epochs.csv
<results>/<experiment>/runs/<run-id>/run.json  written last: where it stands, the run is finished
<results>/<experiment>/runs/<run-id>/checkpoint.npz   where an unfinished run goes on
<results>/<experiment>/runs/<run-id>/failed-<time>.json   an earlier attempt that ended in an exception
<results>/<experiment>/epochs.csv              all runs in one table, made from the above
<results>/<experiment>/summary.csv             a line per schedule, made from the above
<results>/<experiment>/history/*.json         what was declared before it was trained
<results>/<experiment>/search-<digest>.json   what `lrbench tune` searches
<results>/<experiment>/quarantine/             what `lrbench run` or `doctor --repair` moved away
<results>/<experiment>/log.jsonl               a line per command
<results>/<experiment>/.locks/                 who is at work on what

All writes, moves and removals go through `lrbench.folders.Tree`, which follows no link in there.
"""

from lrbench.store.history import write_entry as note_in
from lrbench.store.read import find_experiments, find_setting, load, load_all
from lrbench.store.repair import Move, carry_out, find_moves
from lrbench.store.survey import Survey, survey
from lrbench.store.tables import table_of
from lrbench.store.write import Store

__all__ = [
    "Move",
    "Store",
    "Survey",
    "carry_out",
    "find_experiments",
    "find_moves",
    "find_setting",
    "load",
    "load_all",
    "note_in",
    "survey",
    "table_of",
]
