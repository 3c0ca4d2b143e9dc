"""The letters of all figures: those of DejaVu Sans, which comes with matplotlib, without what is not needed.

A PDF holds the letters that it uses. To choose them out of the whole font, with its rules for many scripts,
takes four times as long as all the rest of a figure.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fontTools import subset
from matplotlib import font_manager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fontTools.ttLib import TTFont

FAMILY = "hubcrawl"
WHOLE_FAMILY = "DejaVu Sans"

# What a program that shows an SVG may have instead.
SVG_FAMILIES = b"'DejaVu Sans', Verdana, Helvetica, Arial, sans-serif"

# Latin with its accents, Greek and Cyrillic; punctuation, arrows, mathematical signs. Others are taken from
# the whole font.
_KEPT = (*range(0x20, 0x530), *range(0x2000, 0x2070), *range(0x2190, 0x2200), 0x2212, 0x2248, 0x2264, 0xFFFD)
_NAMES = (1, 3, 4, 6, 16)


@contextmanager
def lean_letters() -> Iterator[None]:
    """Within it matplotlib knows the family :data:`FAMILY`."""
    manager = font_manager.fontManager
    known = list(manager.ttflist)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{FAMILY}.ttf"
        _write(path)
        manager.addfont(path)
        try:
            yield
        finally:
            manager.ttflist[:] = known


def _write(path: Path) -> None:
    options = subset.Options(
        drop_tables=["GSUB", "GPOS", "GDEF", "kern", "FFTM"], hinting=False, notdef_outline=True
    )
    font: TTFont = subset.load_font(font_manager.findfont(WHOLE_FAMILY), options)
    with font:
        chooser = subset.Subsetter(options)
        chooser.populate(unicodes=_KEPT)
        chooser.subset(font)
        _rename(font)
        subset.save_font(font, str(path), options)


def _rename(font: TTFont) -> None:
    """What is not the whole font may not bear its name (and is not found by it)."""
    for record in font["name"].names:
        if record.nameID in _NAMES:
            record.string = FAMILY
