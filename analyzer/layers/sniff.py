"""What a blob is by its own bytes, and whether that is what its media type says."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from analyzer.layers.faults import LayerFault
from analyzer.layers.headers import BLOCK_BYTES, ZERO_BLOCK, has_valid_checksum
from analyzer.layers.windows import HEAD_BYTES
from analyzer.types.detect import detect
from corpus.profiles.groups import Group
from corpus.profiles.layer import Compression, LayerReason

if TYPE_CHECKING:
    from collections.abc import Iterator

# How media types end (image-spec layer.md, Docker's schema 2); any other ending announces nothing.
_ANNOUNCED = {
    ".tar": Compression.NONE,
    ".tar.gzip": Compression.GZIP,
    "+gzip": Compression.GZIP,
    "+zstd": Compression.ZSTD,
}
_ENCRYPTED = "+encrypted"
_FILE_SYSTEMS = {"squashfs": LayerReason.SQUASHFS, "erofs": LayerReason.EROFS}
# Types that say nothing: the tar reader gives the better reason.
_UNTOLD = frozenset({Group.DATA, Group.EMPTY})


def is_announced(media_type: str, compression: Compression) -> bool:
    """Whether ``compression`` is what the media type announces, or it announces none."""
    announced = [kind for ending, kind in _ANNOUNCED.items() if media_type.endswith(ending)]
    return not announced or compression in announced


def peek(windows: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes of the decoded blob, ``b""`` if decoding fails so soon, and all windows again."""
    head = b""
    try:
        while len(head) < HEAD_BYTES and (window := next(windows, None)) is not None:
            head += window
    except LayerFault as fault:
        return b"", chain([head], _raising(fault))
    return head, chain([head], windows)


def check_is_tar(head: bytes, media_type: str) -> None:
    """Refuse what is clearly something else than a tar; a tar that is only damaged passes.

    Raises:
        LayerFault: ``NOT_TAR`` with what it is, or the kind of file system it is.
    """
    block = head[:BLOCK_BYTES]
    if not head or block == ZERO_BLOCK or (len(block) == BLOCK_BYTES and has_valid_checksum(block)):
        return
    if media_type.endswith(_ENCRYPTED):
        raise LayerFault(LayerReason.ENCRYPTED)
    found = detect(head[:HEAD_BYTES], b"")
    if found.type in _FILE_SYSTEMS:
        raise LayerFault(_FILE_SYSTEMS[found.type])
    if found.group not in _UNTOLD and found.type != "tar":
        raise LayerFault(LayerReason.NOT_TAR, sniffed=f"{found.group}/{found.type}")


def _raising(fault: LayerFault) -> Iterator[bytes]:
    raise fault
    yield b""
