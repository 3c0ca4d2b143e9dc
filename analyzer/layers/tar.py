"""A streaming tar reader: every entry with its digest, in constant memory.

It follows Go's ``archive/tar``, which container runtimes use, so that what is counted here is what a
container would see; where another reader would see something else, the entry has a flag. It chooses
otherwise than Go only where Go stays silent about a loss: an extension header that describes no entry, and
(in :mod:`analyzer.layers.numbers`) a time beyond 64 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from analyzer.layers.extensions import LOCAL, NO_OVERLAY, PAX_GLOBAL, Extensions, Overlay, apply_pax
from analyzer.layers.faults import LayerFault
from analyzer.layers.headers import BLOCK_BYTES, ZERO_BLOCK, Header, parse_header, parse_plain_header
from analyzer.layers.pax import SPARSE_MAP, parse_pax
from analyzer.layers.sparse import SparseMap, check_map, read_old_gnu_map, read_pax_map
from analyzer.layers.windows import NO_PAYLOAD, Payload, TarStream
from corpus.profiles.layer import EntryFlag, LayerReason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.analysers.collection import Collection
    from analyzer.settings import LayerLimits

REGULAR, OLD_REGULAR, CONTIGUOUS, GNU_SPARSE = b"0", b"\0", b"7", b"S"
HARD_LINK, SYMLINK, CHARACTER, BLOCK, DIRECTORY, FIFO = b"1", b"2", b"3", b"4", b"5", b"6"
# Entries of these types have no payload, whatever their size says.
_HEADER_ONLY = frozenset({HARD_LINK, SYMLINK, CHARACTER, BLOCK, DIRECTORY, FIFO})
_NEEDS_A_LOOK = frozenset({OLD_REGULAR, GNU_SPARSE})
# Bytes of holes per layer, 64 TiB: far above any real one, and so little that the sums over the layers of
# an image, which anybody can inflate with a few hundred bytes of map, stay within the 64 bits of a database.
_MAX_HOLES_BYTES = 1 << 46


class Member(msgspec.Struct, gc=False):
    """One entry: its header with all extensions applied, and what is kept of its payload.

    ``header.size`` is the apparent size, ``stored`` the bytes of content in the tar. ``payload`` is ``None``
    where there is none, and where the input ended inside it.
    """

    header: Header
    offset: int
    stored: int = 0
    payload: Payload | None = None
    flags: tuple[EntryFlag, ...] = ()
    overlay: Overlay = NO_OVERLAY


class TarReader:
    """Iterates the members of a tar; may be iterated once.

    Attributes:
        stream: Where it reads.
        entries: Members delivered so far.
        has_end_blocks: Whether the two zero blocks that end a tar were there.
    """

    def __init__(
        self, windows: Iterator[bytes], limits: LayerLimits, collection: Collection | None = None
    ) -> None:
        self.stream = TarStream(windows)
        self._limits = limits
        self._collection = collection
        self._holes_left = limits.max_hole_bytes
        self._holes = 0
        self.entries = 0
        self.has_end_blocks = False

    @property
    def entries_left(self) -> int:
        """How many more the limit allows."""
        return self._limits.max_entries - self.entries

    @property
    def offset(self) -> int:
        """Offset in the tar of what is read next."""
        return self.stream.offset

    def __iter__(self) -> Iterator[Member]:
        """Yield every member; :class:`LayerFault` where the tar cannot be read further.

        A member whose payload is cut is yielded before the fault, with the flag ``incomplete``.
        """
        extensions = Extensions(self._limits.max_extensions)
        while block := self._header_block():
            header = parse_plain_header(block) or parse_header(block)
            if header.size < 0 and header.typeflag not in _HEADER_ONLY:
                raise LayerFault(LayerReason.NEGATIVE_SIZE)
            if header.typeflag in LOCAL:
                extensions.add(header.typeflag, self._extension_body(header.size))
                continue
            if self.entries_left <= 0:
                raise LayerFault(LayerReason.ENTRIES)
            member = Member(header, self.stream.offset - BLOCK_BYTES)
            sparse = None
            if header.typeflag == PAX_GLOBAL:
                self._read_global(member)
            elif extensions or header.typeflag in _NEEDS_A_LOOK:
                sparse = self._extend(member, block, extensions)
            if extensions:
                extensions = Extensions(self._limits.max_extensions)
            self.entries += 1
            try:
                self._read_payload(member, sparse)
            except LayerFault:
                member.flags += (EntryFlag.INCOMPLETE,)
                yield member
                raise
            yield member
        if extensions:
            raise LayerFault(LayerReason.DANGLING_EXTENSION)

    def rest(self) -> Iterator[bytes]:
        """What lies behind the end of the tar, or behind a fault in it."""
        return self.stream.rest()

    def _header_block(self) -> bytes:
        """The next header block, ``b""`` at the end of the tar: two zero blocks, or the end of the input."""
        block = self.stream.block()
        if block != ZERO_BLOCK:
            return block
        block = self.stream.block()
        if block and block != ZERO_BLOCK:
            raise LayerFault(LayerReason.ZERO_BLOCK)
        self.has_end_blocks = bool(block)
        return b""

    def _extension_body(self, size: int) -> bytes:
        if size > self._limits.max_extension_bytes:
            raise LayerFault(LayerReason.EXTENSION)
        return self.stream.body(size)

    def _read_global(self, member: Member) -> None:
        """A pax global header is an entry of its own: shown, applied to itself only (as in Go)."""
        pax = parse_pax(self._extension_body(member.header.size))
        member.overlay = apply_pax(member.header, pax)
        self._check_name(member.header)
        member.header.size = 0  # its payload is behind us, whatever a record says: the next block is a header

    def _extend(self, member: Member, block: bytes, extensions: Extensions) -> SparseMap | None:
        """Apply the extensions, settle the type and size, and read the map if the file is sparse."""
        header = member.header
        member.overlay = extensions.apply(header)
        self._check_name(header)
        if header.typeflag == OLD_REGULAR:
            header.typeflag = DIRECTORY if header.name.endswith(b"/") else REGULAR
        if header.typeflag in _HEADER_ONLY:
            if SPARSE_MAP in member.overlay.records:
                raise LayerFault(LayerReason.SPARSE_MAP)
            return None
        if header.size < 0:
            raise LayerFault(LayerReason.NEGATIVE_SIZE)
        return self._sparse_map(member, block)

    def _sparse_map(self, member: Member, block: bytes) -> SparseMap | None:
        header, stored, limit = member.header, member.header.size, self._limits.max_extension_bytes
        if header.typeflag == GNU_SPARSE:
            if header.dialect != "gnu":
                raise LayerFault(LayerReason.SPARSE_MAP)  # star has the type too, with another layout
            sparse = read_old_gnu_map(block, self.stream.sure_block, limit)
        else:
            records = member.overlay.records
            found = read_pax_map(records, stored, self.stream.sure_block, limit)
            if found is None:
                return None
            sparse = found
            header.name = records.get(b"GNU.sparse.name") or header.name
            self._check_name(header)
        member.stored = stored - (0 if header.typeflag == GNU_SPARSE else sparse.map_bytes)
        check_map(sparse, member.stored)
        self._holes += sparse.size - member.stored
        if self._holes > _MAX_HOLES_BYTES:
            raise LayerFault(LayerReason.MAP)
        header.size = sparse.size
        return sparse

    def _check_name(self, header: Header) -> None:
        """Refuse a name or link target that is longer than allowed: only extensions can make it so."""
        if max(len(header.name), len(header.link)) > self._limits.max_name_bytes:
            raise LayerFault(LayerReason.NAME)

    def _read_payload(self, member: Member, sparse: SparseMap | None) -> None:
        header = member.header
        if header.typeflag in _HEADER_ONLY:
            if header.size:
                header.size = 0
                member.flags += (EntryFlag.IGNORED_SIZE,)
        elif sparse is not None:
            self._read_sparse(member, sparse)
        elif header.size:
            member.stored = header.size
            member.payload = self.stream.payload(header.size, keep=self._is_wanted(header))
        elif header.typeflag != PAX_GLOBAL:
            member.payload = NO_PAYLOAD

    def _read_sparse(self, member: Member, sparse: SparseMap) -> None:
        """Hash a sparse file with its holes as zeros, as long as the budget for holes allows."""
        holes = sparse.size - member.stored
        with_holes = holes <= self._holes_left
        self._holes_left -= holes if with_holes else 0
        member.flags += (EntryFlag.SPARSE,) if with_holes else (EntryFlag.SPARSE, EntryFlag.DIGEST_OF_STORED)
        keep = with_holes and self._is_wanted(member.header)
        member.payload = self.stream.sparse_payload(sparse, member.stored, with_holes=with_holes, keep=keep)

    def _is_wanted(self, header: Header) -> bool:
        """Whether an analyser asks for the whole content; most are sent away after the look at the name."""
        collection, name = self._collection, header.name
        if collection is None:
            return False
        first = collection.interest
        if name[-first.ending_bytes :] in first.endings or name[: first.beginning_bytes] in first.beginnings:
            return collection.asks_for(name, header.size)
        return False
