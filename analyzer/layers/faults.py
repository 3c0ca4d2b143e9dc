"""Why the reading of a layer stops: one exception, whose fields go into the profile."""

from __future__ import annotations

from corpus.profiles.layer import LayerReason, LayerStatus

_STATUS_OF = {
    LayerStatus.PARTIAL: (LayerReason.TRUNCATED, LayerReason.TIMEOUT, LayerReason.KILLED),
    LayerStatus.BOMB: (
        LayerReason.OUTPUT,
        LayerReason.ENTRIES,
        LayerReason.EXTENSION,
        LayerReason.EXTENSION_CHAIN,
        LayerReason.MAP,
        LayerReason.PATHS,
        LayerReason.EXPANSION,
        LayerReason.NAME,
        LayerReason.WORKER_MEMORY,
    ),
    LayerStatus.UNSUPPORTED: (
        LayerReason.WINDOW,
        LayerReason.DICTIONARY,
        LayerReason.MEMORY,
        LayerReason.SQUASHFS,
        LayerReason.EROFS,
        LayerReason.ENCRYPTED,
    ),
    LayerStatus.NOT_A_LAYER: (LayerReason.NOT_TAR,),
}


def status_of(reason: LayerReason) -> LayerStatus:
    """The status that a reason leads to; what is in no other class is corrupt."""
    for status, reasons in _STATUS_OF.items():
        if reason in reasons:
            return status
    return LayerStatus.CORRUPT


class LayerFault(Exception):  # noqa: N818 - not an error of ours: an outcome
    """The layer cannot be read further.

    Attributes:
        reason: Why.
        sniffed: ``group/type`` of the content, where the fault is that it is no tar.
        offset: Where in the blob, where that is not simply as far as it was read.
    """

    def __init__(self, reason: LayerReason, *, sniffed: str | None = None, offset: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sniffed = sniffed
        self.offset = offset
