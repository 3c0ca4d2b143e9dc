"""A saved SVG as part of the page: in the page's colours, by day and by night, and in its letters."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from markupsafe import Markup

from report.figures import style

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"

# What belongs to a file only: its metadata, and a style that would be that of the whole page.
_LEFT_OUT = frozenset({f"{_SVG}metadata", f"{_SVG}style"})

# What the style sheet has a light and a dark value for.
_VARIABLES = {
    style.INK: "--ink",
    style.MUTED: "--muted",
    style.GRID: "--grid",
    style.PAPER: "--card",
    style.BLUE: "--blue",
    style.VERMILLION: "--vermillion",
    style.GREEN: "--green",
    style.PURPLE: "--purple",
    style.ORANGE: "--orange",
    style.SKY: "--sky",
}
_COLOUR = re.compile("|".join(_VARIABLES))
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
# The text is in the font of the page.
_FONT_FAMILY = re.compile(r"font-family:[^;]*;?\s*")


def inline(svg: str, name: str, description: str) -> Markup:
    """The drawing ``name`` as an element of HTML; it is read as XML and written anew, so that it is whole.

    Args:
        svg: A file that :func:`report.figures.save` wrote.
        name: Made part of every identifier within, since a page may use each only once.
        description: What is read out instead of the drawing.
    """
    root = ET.fromstring(svg)  # noqa: S314 -- of our own making
    for element in root.iter():
        for child in list(element):
            if child.tag in _LEFT_OUT:
                element.remove(child)
        _adopt(element, name)
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.set("role", "img")
    root.set("aria-label", description)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 -- written by a writer that escapes


def _adopt(element: ET.Element, name: str) -> None:
    element.tag = element.tag.removeprefix(_SVG)
    element.text = element.text if element.text and element.text.strip() else None
    element.tail = None
    identifier = element.get("id")
    if identifier:
        element.set("id", f"{name}-{identifier}")
    reference = element.attrib.pop(_HREF, None)
    if reference:
        element.set("href", f"#{name}-{reference.removeprefix('#')}")
    clip = element.get("clip-path")
    if clip:
        element.set("clip-path", _REFERENCE.sub(rf"url(#{name}-\1)", clip))
    look = element.get("style")
    if look:
        element.set("style", _FONT_FAMILY.sub("", _COLOUR.sub(_variable, look)))


def _variable(match: re.Match[str]) -> str:
    return f"var({_VARIABLES[match[0]]})"
