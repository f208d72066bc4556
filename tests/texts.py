"""Where a figure's texts stand when it is drawn."""

from itertools import combinations

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from lrbench.show import canvas


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
