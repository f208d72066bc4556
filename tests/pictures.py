"""An answer's pictures, and where the texts of one stand when it is drawn."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from lrbench.judging.questions import Answer
from lrbench.show import canvas, plots


class Pictures(Mapping[str, Figure]):
    """By name; each is drawn when it is asked for, and then stands there."""

    def __init__(self, answer: Answer, **options: Any) -> None:
        self._drawn = plots.figures(answer, **options)
        self._there: dict[str, Figure] = {}

    def __getitem__(self, name: str) -> Figure:
        if name not in self._there:
            with mpl.rc_context(canvas.STYLE):
                self._there[name] = self._drawn[name]()
        return self._there[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._drawn)

    def __len__(self) -> int:
        return len(self._drawn)


def drawn_texts(figure: Figure) -> list[tuple[str, Bbox]]:
    """Return the visible texts that a figure draws, with their boxes in pixels, laid out as in a file."""
    drawn: list[Text] = []
    plain = Text.draw

    def note(text: Text, renderer: object, *args: object, **options: object) -> None:
        drawn.append(text)
        plain(text, renderer, *args, **options)

    with pytest.MonkeyPatch.context() as patch, mpl.rc_context(canvas.STYLE):
        figure.draw_without_rendering()  # the layout moves what was drawn before
        layout = figure.get_layout_engine()
        figure.set_layout_engine("none")
        patch.setattr(Text, "draw", note)
        figure.draw_without_rendering()
        figure.set_layout_engine(layout)
    seen = [text for text in dict.fromkeys(drawn) if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent()) for text in seen]


def collisions(figure: Figure) -> list[str]:
    """Name the texts that overlap by more than a pixel, and those that leave the figure."""
    texts = drawn_texts(figure)
    width, height = figure.bbox.width, figure.bbox.height
    outside = [
        f"{text!r} leaves the figure"
        for text, box in texts
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1
    ]
    return outside + [
        f"{one!r} overlaps {other!r}"
        for (one, a), (other, b) in combinations(texts, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
    ]
