"""Settings of the analysis, each with its unit, its default and the reason for it."""

from __future__ import annotations

from typing import Annotated

import msgspec

_GIB = 1024**3
_MIB = 1024**2


def _about(description: str, unit: str, least: int = 1) -> msgspec.Meta:
    return msgspec.Meta(ge=least, description=description, extra_json_schema={"unit": unit})


class LayerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one layer may cost. Reaching a limit ends the layer as ``bomb``, its rows kept.

    The largest layers of the paper (a tar of 29 GB, 826,196 files, 111,940 directories) pass all of them.
    """

    max_tar_bytes: Annotated[
        int,
        _about(
            "Bytes of decoded tar per layer. The largest tar of the paper has 29 GB; a ratio is no bound, "
            "because real layers reach the 1,029 to 1 of deflate.",
            "B",
        ),
    ] = 128 * _GIB
    max_entries: Annotated[
        int, _about("Entries per layer. The paper's largest layer has 826,196 files.", "1")
    ] = 10_000_000
    max_path_bytes: Annotated[
        int,
        _about(
            "Memory for the distinct paths of a layer, implied directories included: their bytes, and "
            "besides them 110 for each, 350 for a directory.",
            "B",
        ),
    ] = _GIB
    max_extension_bytes: Annotated[
        int,
        _about("Bytes of one pax header, GNU long name or sparse map; as in Go and libarchive.", "B"),
    ] = _MIB
    max_extensions: Annotated[
        int, _about("Extension headers before one entry; writers use one or two.", "1")
    ] = 64
    max_hole_bytes: Annotated[
        int,
        _about(
            "Bytes of holes per layer that are hashed as zeros (about 2 GB/s); beyond them the digest of a "
            "sparse file is that of its stored bytes.",
            "B",
        ),
    ] = 4 * _GIB
    max_window_bytes: Annotated[
        int, _about("Window of a zstd frame, held in memory; zstd's own default limit.", "B")
    ] = 128 * _MIB


class AnalyzerSettings(LayerLimits, frozen=True, kw_only=True):
    """The settings of the stage: its limits per layer, and its parallelism."""

    processes: Annotated[
        int, _about("Worker processes; 0 is one per processor, since the work is bound by it.", "1", least=0)
    ] = 0
