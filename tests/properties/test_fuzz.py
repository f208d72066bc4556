"""A few rounds of `make fuzz`, the same ones every time."""

from pathlib import Path

import fuzz
import pytest


@pytest.mark.slow
def test_whatever_is_damaged_every_command_ends_well_or_in_two_lines_and_all_can_be_repaired(
    tmp_path: Path,
) -> None:
    tally = fuzz.fuzz(30, tmp_path, seed=1)
    assert len(tally) == len(fuzz.BYTES) + 5, "every way of harm was taken"
