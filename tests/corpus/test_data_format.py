"""`docs/data-format.md` says of every field what it is."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from corpus.profiles import EntryFlag, Kind, LayerFlag, LayerStatus, profile_schema

TEXT = (Path(__file__).parent.parent.parent / "docs" / "data-format.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """A chapter of the text, with its parts."""
    return re.split(r"^## ", TEXT.partition(f"\n## {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def fields(schema: dict[str, Any]) -> set[str]:
    return {name for part in schema["$defs"].values() for name in part.get("properties", ())}


@pytest.mark.parametrize(
    ("document", "title"),
    [("layer-profile", "Layer profile"), ("findings", "Findings"), ("image-profile", "Image profile")],
)
def test_every_field_is_explained(document: str, title: str) -> None:
    """By its name, in the chapter of its document."""
    text = section(title)
    assert {name for name in fields(profile_schema()[document]) if f"`{name}`" not in text} == set()


@pytest.mark.parametrize("flags", [LayerFlag, EntryFlag, LayerStatus, Kind])
def test_every_word_is_explained(flags: type[StrEnum]) -> None:
    """Flags, kinds and states of layers."""
    text = section("Layer profile")
    assert {str(flag) for flag in flags if f"`{flag}`" not in text} == set()
