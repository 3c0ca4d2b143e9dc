"""Settings of the analysis: documented, and wide enough for the largest layers known."""

from __future__ import annotations

from typing import Annotated, get_args, get_origin, get_type_hints

import msgspec

from analyzer.settings import AnalyzerSettings, LayerLimits


def test_every_setting_says_what_it_is() -> None:
    """Each setting has a description, a default and a plain type, and each number its unit."""
    hints = get_type_hints(AnalyzerSettings, include_extras=True)
    for field in msgspec.structs.fields(AnalyzerSettings):
        assert get_origin(hints[field.name]) is Annotated
        kind, meta = get_args(hints[field.name])
        assert kind in {int, bool, tuple[str, ...]}
        assert meta.description.endswith(".")
        assert kind is not int or meta.extra_json_schema["unit"]
        assert field.default is not msgspec.NODEFAULT


def test_the_largest_layers_of_the_paper_pass() -> None:
    """A tar of 29 GB, 826,196 files and 111,940 directories are within the default limits."""
    limits = LayerLimits()
    assert limits.max_tar_bytes > 29e9
    assert limits.max_entries > 826_196 + 111_940
    assert limits.max_path_bytes > (826_196 + 111_940) * 255
    assert limits.layer_timeout_s > 29e9 / 10e6  # from a disk of 10 MB/s


def test_a_worker_may_take_what_the_limits_of_a_layer_let_through() -> None:
    """Three quarters of its memory are more than paths, a window and a table of contents together."""
    settings = AnalyzerSettings()
    held = settings.max_path_bytes + settings.max_window_bytes + settings.max_toc_bytes
    assert 2 * held < settings.worker_memory_bytes * 3 / 4
