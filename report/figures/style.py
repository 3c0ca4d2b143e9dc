"""One look for all figures: for print first, safe for the colour-blind, with room around.

The colours are those of Okabe and Ito (Color Universal Design, 2008), which people with any kind of
colour vision tell apart. Ink, grid and paper are named, since a page may show them in the dark.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from report.figures.letters import FAMILY, WHOLE_FAMILY, lean_letters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

INK = "#1a1f26"
MUTED = "#5d6875"
GRID = "#e3e7ec"
PAPER = "#fefefe"

BLUE = "#0072b2"
VERMILLION = "#d55e00"
GREEN = "#009e73"
PURPLE = "#cc79a7"
ORANGE = "#e69f00"
SKY = "#56b4e9"
SERIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)

# The shapes tell the curves apart where there is no colour.
MARKERS = ("o", "s", "^", "D", "v", "P")

PUBLISHED = "2017, draft curve (S18)"

NOTHING = "nothing of this kind was profiled yet"

# A column of a two-column paper is 3.5 inches wide.
COLUMN_IN = 3.5
HEIGHT_IN = 2.55

_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": PAPER,
    "font.family": [FAMILY, WHOLE_FAMILY],  # what comes with matplotlib: the same everywhere
    "font.size": 8,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.5,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.5,
    "lines.solid_capstyle": "round",
    "path.simplify_threshold": 0.2,
    "pdf.fonttype": 42,  # TrueType: publishers refuse type 3
    "savefig.facecolor": PAPER,
    "svg.fonttype": "none",  # text stays text: searched, copied, edited, and in the page's own font
    "svg.hashsalt": "hubcrawl",  # the same figure has the same names inside
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 7,
    "xtick.major.size": 3,
    "xtick.major.width": 0.6,
    "xtick.minor.size": 0,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 7,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
}


@contextmanager
def looking_alike() -> Iterator[None]:
    """Within it figures are drawn and saved in the one look."""
    with lean_letters(), mpl.rc_context(_STYLE):
        yield


def canvas(height_in: float = HEIGHT_IN) -> tuple[Figure, Axes]:
    """An empty figure of one column, and its axes."""
    figure = Figure(figsize=(COLUMN_IN, height_in), layout=ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06))
    return figure, figure.add_subplot()


def colour(place: int) -> str:
    """The colour at a place of the palette; there are six."""
    return SERIES[place % len(SERIES)]


def no_data(why: str = NOTHING) -> Figure:
    """What is shown instead of an empty axis."""
    figure, axes = canvas()
    axes.set_axis_off()
    axes.text(0.5, 0.54, "no data", ha="center", va="center", size=12, color=MUTED, transform=axes.transAxes)
    axes.text(0.5, 0.42, why, ha="center", va="center", size=7, color=MUTED, transform=axes.transAxes)
    return figure
