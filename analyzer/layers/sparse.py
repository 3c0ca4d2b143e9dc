"""Sparse files: which parts of the content are stored, in the four forms tar has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analyzer.layers.faults import LayerFault
from analyzer.layers.headers import BLOCK_BYTES
from analyzer.layers.numbers import parse_decimal, parse_numeric
from analyzer.layers.pax import SPARSE_MAP
from corpus.profiles.layer import LayerReason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PAIR_BYTES = 24
_HEADER_SLOTS = slice(386, 482)  # four pairs, then the flag of extension blocks
_REAL_SIZE = slice(483, 495)
_EXTENSION_SLOTS = slice(0, 504)  # 21 pairs, then the flag


class Fragment(NamedTuple):
    """A stored part of a sparse file: where it lies in the content, and its length, in bytes."""

    offset: int
    length: int


class SparseMap(NamedTuple):
    """The fragments of a sparse file, its apparent size, and bytes of the payload the map itself took."""

    fragments: tuple[Fragment, ...]
    size: int
    map_bytes: int = 0


def read_old_gnu_map(block: bytes, next_block: Callable[[], bytes], max_bytes: int) -> SparseMap:
    """The map of an entry of type ``S``: four pairs in its header, more in the blocks behind it."""
    size = parse_numeric(block[_REAL_SIZE])
    fragments = _parse_slots(block[_HEADER_SLOTS])
    is_extended = block[482]
    map_bytes = 0
    while is_extended:
        map_bytes += BLOCK_BYTES
        if map_bytes > max_bytes:
            raise LayerFault(LayerReason.MAP)
        extension = next_block()
        fragments += _parse_slots(extension[_EXTENSION_SLOTS])
        is_extended = extension[504]
    return SparseMap(tuple(fragments), size)


def _parse_slots(slots: bytes) -> list[Fragment]:
    fragments = []
    for start in range(0, len(slots), _PAIR_BYTES):
        if not slots[start]:
            break  # as in GNU and BSD tar: the first empty slot ends the block
        fragments.append(
            Fragment(
                parse_numeric(slots[start : start + 12]),
                parse_numeric(slots[start + 12 : start + _PAIR_BYTES]),
            )
        )
    return fragments


def read_pax_map(
    records: Mapping[bytes, bytes], size: int, next_block: Callable[[], bytes], max_bytes: int
) -> SparseMap | None:
    """The map that pax records announce: in a record (formats 0.0, 0.1) or in the payload (1.0).

    ``size`` is the size of the entry as its header says. ``None`` if the entry is not sparse.
    """
    version = records.get(b"GNU.sparse.major", b""), records.get(b"GNU.sparse.minor", b"")
    is_in_payload = version == (b"1", b"0")
    is_in_records = version in ((b"0", b"0"), (b"0", b"1")) or (
        version == (b"", b"") and bool(records.get(SPARSE_MAP))  # before 1.0 the version was not written
    )
    if not is_in_payload and not is_in_records:
        return None
    real_size = records.get(b"GNU.sparse.size") or records.get(b"GNU.sparse.realsize")
    if real_size:
        size = parse_decimal(real_size, LayerReason.SPARSE_MAP)
    if is_in_payload:
        return _read_payload_map(size, next_block, max_bytes)
    text = records.get(SPARSE_MAP)
    numbers = text.split(b",") if text else []
    count = parse_decimal(records.get(b"GNU.sparse.numblocks", b""), LayerReason.SPARSE_MAP)
    if len(numbers) != 2 * count:
        raise LayerFault(LayerReason.SPARSE_MAP)
    return SparseMap(_fragments(numbers), size)


def _read_payload_map(size: int, next_block: Callable[[], bytes], max_bytes: int) -> SparseMap:
    """Format 1.0: decimal lines at the start of the payload, the first of them the number of pairs."""
    blocks: list[bytes] = []
    lines = pairs = 0
    while lines < 1 + 2 * pairs:
        if len(blocks) * BLOCK_BYTES >= max_bytes:
            raise LayerFault(LayerReason.MAP)
        blocks.append(next_block())
        is_first_line = not lines
        lines += blocks[-1].count(b"\n")
        if is_first_line and lines:
            pairs = _announced_pairs(b"".join(blocks))
    numbers = b"".join(blocks).split(b"\n")[1 : 1 + 2 * pairs]
    return SparseMap(_fragments(numbers), size, len(blocks) * BLOCK_BYTES)


def _announced_pairs(text: bytes) -> int:
    count = parse_decimal(text.partition(b"\n")[0], LayerReason.SPARSE_MAP)
    if count < 0:
        raise LayerFault(LayerReason.SPARSE_MAP)
    return count


def _fragments(numbers: list[bytes]) -> tuple[Fragment, ...]:
    values = [parse_decimal(number, LayerReason.SPARSE_MAP) for number in numbers]
    return tuple(map(Fragment, values[::2], values[1::2]))


def check_map(sparse: SparseMap, stored: int) -> None:
    """Refuse a map that overlaps, leaves the file, or does not account for the ``stored`` bytes.

    Raises:
        LayerFault: As Go refuses it, some when the header is read and some when the content is.
    """
    position = 0
    for offset, length in sparse.fragments:
        if offset < position or length < 0 or offset + length > sparse.size:
            raise LayerFault(LayerReason.SPARSE_MAP)
        position = offset + length
    if sparse.size < 0 or sum(fragment.length for fragment in sparse.fragments) != stored:
        raise LayerFault(LayerReason.SPARSE_MAP)
