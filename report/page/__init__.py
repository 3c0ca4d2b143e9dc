"""The document ``index.html``: one page that explains itself, without a network and without a program."""

from __future__ import annotations

from report.page.document import Cell, Document, FigureBlock, Link, Panel, Section, TableBlock, Tile
from report.page.render import render

__all__ = ["Cell", "Document", "FigureBlock", "Link", "Panel", "Section", "TableBlock", "Tile", "render"]
