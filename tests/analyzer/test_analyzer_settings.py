"""Settings of the analysis: documented, and wide enough for the largest layers known."""

from __future__ import annotations

from typing import Annotated, get_args, get_origin, get_type_hints

import msgspec

from analyzer.settings import AnalyzerSettings, LayerLimits


def test_every_setting_says_what_it_is() -> None:
    """Each setting has a description, a unit, a default and a plain type."""
    hints = get_type_hints(AnalyzerSettings, include_extras=True)
    for field in msgspec.structs.fields(AnalyzerSettings):
        assert get_origin(hints[field.name]) is Annotated
        kind, meta = get_args(hints[field.name])
        assert kind is int
        assert meta.description.endswith(".")
        assert meta.extra_json_schema["unit"]
        assert field.default is not msgspec.NODEFAULT


def test_the_largest_layers_of_the_paper_pass() -> None:
    """A tar of 29 GB, 826,196 files and 111,940 directories are within the default limits."""
    limits = LayerLimits()
    assert limits.max_tar_bytes > 29e9
    assert limits.max_entries > 826_196 + 111_940
    assert limits.max_path_bytes > (826_196 + 111_940) * 255
