"""The page as HTML: one file, which asks nothing of any other computer."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib import resources
from typing import TYPE_CHECKING

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from report.page.document import FigureBlock
from report.page.inline import inline

if TYPE_CHECKING:
    from report.page.document import Document

_ASSETS = resources.files("report.page") / "assets"


def render(document: Document) -> str:
    """The page of ``document``. All text is escaped; by its own policy no script runs but the page's."""
    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(_asset),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["figure"] = lambda block: isinstance(block, FigureBlock)
    script = _asset("sorting.js")
    return environment.get_template("index.html.j2").render(
        document=document,
        inline=inline,
        style=Markup(_asset("style.css")),  # noqa: S704 -- of this package
        script=Markup(script),  # noqa: S704 -- of this package
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
    )


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text("utf-8")
