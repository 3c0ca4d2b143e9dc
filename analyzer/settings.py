"""Settings of the analysis, each with its unit, its default and the reason for it."""

from __future__ import annotations

from typing import Annotated

import msgspec

_GIB = 1024**3
_MIB = 1024**2


def _about(description: str, unit: str, least: int = 1) -> msgspec.Meta:
    return msgspec.Meta(ge=least, description=description, extra_json_schema={"unit": unit})


class LayerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one layer may cost. Reaching a limit ends the layer as ``bomb`` (time: ``partial``), rows kept.

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
    max_expansion: Annotated[
        int,
        _about(
            "Decoded bytes per byte of the blob, beyond what unjudged_tar_bytes allows. Real layers reach "
            "1,026 and deflate cannot pass 1,032, so that only zstd, xz and bzip2 can reach it.",
            "1",
        ),
    ] = 1100
    unjudged_tar_bytes: Annotated[
        int,
        _about(
            "Decoded bytes up to which expansion is not judged: a ratio alone proves nothing, and the "
            "largest tar of the paper has 29 GB.",
            "B",
            least=0,
        ),
    ] = 32 * _GIB
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
    max_name_bytes: Annotated[
        int,
        _about(
            "Bytes of a name or link target. Linux knows no path above 4,096; longer ones are only flagged, "
            "up to the size that an extension header may have.",
            "B",
            least=256,  # what a header holds without extension is never refused
        ),
    ] = _MIB
    max_toc_bytes: Annotated[
        int,
        _about(
            "Bytes of the table of contents of a seekable layer, held in memory to be compared with the tar "
            "(some 350 per file); a larger one is left unread.",
            "B",
        ),
    ] = 32 * _MIB
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
    layer_timeout_s: Annotated[
        int,
        _about(
            "Time for one layer, or for one batch of small ones or of images. The other limits bound the "
            "work, so that only a disk that does not answer, or a fault of this program, takes so long: the "
            "largest tar of the paper, 29 GB, would have to come at 8 MB/s.",
            "s",
        ),
    ] = 3600


class AnalyzerSettings(LayerLimits, frozen=True, kw_only=True):
    """The settings of the stage: its limits per layer, and its parallelism."""

    processes: Annotated[
        int, _about("Worker processes; 0 is one per processor, since the work is bound by it.", "1", least=0)
    ] = 0
    worker_memory_bytes: Annotated[
        int,
        _about(
            "Memory of a worker process: a bound for what the other limits let through, not what a "
            "layer takes (3 million entries: some 300 MB). Three quarters of it are for the reading, the "
            "rest for bringing a layer to its end that met the limit.",
            "B",
            least=256 * _MIB,
        ),
    ] = 4 * _GIB
    max_image_paths: Annotated[
        int,
        _about(
            "Paths of the merged file system of an image, and of its layers together; beyond them the image "
            "has no merged view. Each takes some 0.8 to 1.2 KB. The paper's largest image has 8.5 million "
            "files, the 90th percentile 64,780.",
            "1",
        ),
    ] = 2_000_000
    retry_failed: Annotated[
        bool,
        msgspec.Meta(
            description=(
                "Profile the layers and images again that a worker was lost over: time, memory, or killed. "
                "Without it they are settled, until profiles get a new version."
            )
        ),
    ] = False
    analysers: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            min_length=1,
            description=(
                "Analysers that look into the files of layers, by name (see docs/analysers.md): `all` that "
                "are installed, or `none`. What one found stays when it is left out later."
            ),
        ),
    ] = ("all",)
