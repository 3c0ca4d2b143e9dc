"""What the page says, as plain values: nothing in here knows of HTML.

Every text may hold names that strangers chose. The one thing that is not text is ``Panel.svg``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a table, and by what it is sorted: ``2.6 TiB`` by its bytes."""

    text: str
    sort_by: float | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A file beside the page; ``href`` is relative to it."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Tile:
    """One number that sums much up, what it was in 2017, and the figure that shows more."""

    label: str
    value: str
    then: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One drawing: the SVG as it was saved, and what it shows in words."""

    name: str
    svg: str
    title: str
    description: str
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class TableBlock:
    """A table; the first column names the rows; what has something to sort by is a number."""

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    finding: str = ""
    definition: str = ""
    notes: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class FigureBlock:
    """A figure with its finding; ``number`` says which of the paper it is."""

    key: str
    title: str
    finding: str
    panels: tuple[Panel, ...]
    numbers: TableBlock
    number: str = ""
    then: str = ""
    definition: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter of the page."""

    key: str
    title: str
    blocks: tuple[FigureBlock | TableBlock, ...]
    introduction: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """The whole page."""

    title: str
    subtitle: str
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]
    notices: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
