"""Everything that people look at: tables, progress, pictures."""

from typing import Literal

PlotFormat = Literal["png", "svg", "pdf"]
SummaryFormat = Literal["table", "csv", "json", "markdown"]
