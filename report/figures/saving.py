"""A figure as files: SVG for the page and for editing, PDF for papers, PNG for slides.

The same figure gives the same bytes: no dates, no names of machines, no random identifiers.
"""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG

from report.figures.letters import FAMILY, SVG_FAMILIES, WHOLE_FAMILY
from report.files import put

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

SUFFIXES = ("svg", "pdf", "png")

_PNG_DPI = 300
_SVG_FONT = f"'{FAMILY}', '{WHOLE_FAMILY}'".encode()


def save(figure: Figure, folder: Path, name: str) -> str:
    """Write ``name.svg``, ``.pdf`` and ``.png`` into ``folder``, each whole or not at all; returns the SVG.

    Raises:
        OSError: They cannot be written.
    """
    with warnings.catch_warnings():
        # Names come in any script. What shows the SVG may have letters that the others lack.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        # Laid out once; `Figure.savefig` would do it for each file, and draw twice.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        svg = _svg(figure).replace(_SVG_FONT, SVG_FAMILIES)
        drawn = {"svg": svg, "pdf": _pdf(figure), "png": _png(figure)}
    for suffix, content in drawn.items():
        put(folder / f"{name}.{suffix}", content)
    return svg.decode()


def _svg(figure: Figure) -> bytes:
    buffer = BytesIO()
    metadata = {"Date": None, "Creator": "hubcrawl"}
    FigureCanvasSVG(figure).print_svg(buffer, metadata=metadata)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def _pdf(figure: Figure) -> bytes:
    buffer = BytesIO()
    metadata = {"CreationDate": None, "Creator": "hubcrawl", "Producer": None}
    FigureCanvasPdf(figure).print_pdf(buffer, metadata=metadata)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    figure.dpi = _PNG_DPI
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": "hubcrawl"})  # type: ignore[no-untyped-call]
    return buffer.getvalue()
