"""The layer profile: every fact of one layer blob, as published.

The definitions of sizes, files, directories and depth are those of the paper (section 2 of its fact
sheet); where the authors' programs did otherwise, the definition wins.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from corpus.profiles.units import count, described, levels, ratio, seconds, size

LAYER_FORMAT = "hubcrawl.layer-profile"
LAYER_VERSION = 2


class LayerStatus(StrEnum):
    """How far the reading of a layer came. The rows of whatever could be read are always kept."""

    COMPLETE = "complete"
    PARTIAL = "partial"  # the input, or the time for it, ended
    CORRUPT = "corrupt"  # the bytes are wrong
    BOMB = "bomb"  # a budget was used up
    UNSUPPORTED = "unsupported"  # a layer of a kind that is not read here
    NOT_A_LAYER = "not_a_layer"  # something else than a file system


class LayerReason(StrEnum):
    """Why a layer is not ``complete``."""

    # partial
    TRUNCATED = "truncated"
    TIMEOUT = (
        "timeout"  # the time for one layer is over; written by the engine where the worker had to be ended
    )
    KILLED = "killed"  # written by the engine
    # corrupt: the compression
    GZIP_HEADER = "gzip_header"
    DEFLATE = "deflate"
    CRC = "crc"
    ISIZE = "isize"
    ZSTD_FRAME = "zstd_frame"
    ZSTD_CHECKSUM = "zstd_checksum"
    BZIP2 = "bzip2"
    XZ = "xz"
    # corrupt: the tar
    CHECKSUM = "checksum"
    NUMBER = "number"
    NEGATIVE_SIZE = "neg_size"
    SPARSE_MAP = "sparse_map"
    PAX_RECORD = "pax_record"
    DANGLING_EXTENSION = "dangling_ext"
    ZERO_BLOCK = "zero_block"  # one zero block, then more data
    # bomb
    OUTPUT = "output"
    ENTRIES = "entries"
    EXTENSION = "extension"  # one extension body too large
    EXTENSION_CHAIN = "extension_chain"  # too many extension headers before one entry
    MAP = "map"  # a sparse map, or the holes it makes, too large
    PATHS = "paths"  # the distinct paths take too much memory
    EXPANSION = "expansion"  # more output than the input can be believed to hold
    NAME = "name"  # a name or link target too long
    WORKER_MEMORY = "worker_memory"  # all that was gathered takes more memory than a worker may have
    # unsupported
    WINDOW = "window"
    DICTIONARY = "dictionary"
    MEMORY = "memory"
    SQUASHFS = "squashfs"
    EROFS = "erofs"
    ENCRYPTED = "encrypted"
    # not a layer
    NOT_TAR = "not_tar"


# What tells of the worker and not of the layer: another try may end otherwise.
REASONS_OF_WORKERS = (LayerReason.TIMEOUT, LayerReason.KILLED, LayerReason.WORKER_MEMORY)


class Compression(StrEnum):
    """The form of the blob, by its own bytes."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"
    BZIP2 = "bzip2"
    XZ = "xz"


class Producer(StrEnum):
    """What wrote the compressed data, guessed from the habits of writers; no program is proven by it."""

    GO = "go"  # Go's compress/gzip and its forks: Docker, BuildKit, containerd, Kaniko
    PGZIP = "pgzip"  # klauspost/pgzip for Go, in parallel: Podman, Buildah, Skopeo
    GZIP = "gzip"  # gzip or zlib on Unix, in one piece
    PIGZ = "pigz"  # the same in pieces: pigz, or gzip --rsyncable
    PYTHON = "python"  # Python's gzip and tarfile
    JAVA = "java"  # GZIPOutputStream before JDK 16
    GO_ZSTD = "go_zstd"  # klauspost/compress for Go
    LIBZSTD = "libzstd"  # the zstd library
    UNKNOWN = "unknown"  # its bytes do not tell


class Seekable(StrEnum):
    """How a layer lets readers fetch single files: its footer leads to a table of contents (TOC)."""

    ESTARGZ = "estargz"  # footer of 51 bytes; the TOC is the last entry of the tar
    STARGZ = "stargz"  # the same with the older footer of 47 bytes
    ZSTD_CHUNKED = "zstd:chunked"  # the TOC is in a skippable frame, outside of the tar


class LayerFlag(StrEnum):
    """Something odd about a layer as a whole."""

    MEDIA_TYPE_LIE = "media_type_lie"  # the media type names another compression than the bytes
    TRAILING_ZEROS = "trailing_zeros"  # zero bytes behind the compressed data
    TRAILING_GARBAGE = "trailing_garbage"  # other bytes behind the compressed data
    DATA_AFTER_END = "data_after_end"  # bytes that are not zero behind the end of the tar
    NO_END_BLOCKS = "no_end_blocks"  # the tar ends without its two zero blocks
    TOC_MISMATCH = "toc_mismatch"  # the table of contents says otherwise than the tar
    TOC_UNREAD = "toc_unread"  # the table of contents is damaged or too large: not compared


class Kind(StrEnum):
    """What an entry is."""

    FILE = "file"
    HARD_LINK = "hard_link"
    SYMLINK = "symlink"
    DIRECTORY = "directory"
    CHARACTER_DEVICE = "character_device"
    BLOCK_DEVICE = "block_device"
    FIFO = "fifo"
    WHITEOUT = "whiteout"  # .wh.NAME: hides NAME of the layers below
    OPAQUE = "opaque"  # .wh..wh..opq: hides all that the layers below hold in this directory
    AUFS_META = "aufs_meta"  # .wh..wh.*: bookkeeping of an old storage driver
    SEEK_META = "seek_meta"  # bookkeeping of a seekable layer: its TOC, landmarks of what to fetch first
    GLOBAL_HEADER = "global_header"  # pax global header: shown, never applied (as Go does)
    OTHER = "other"  # any other type of entry, with its payload


class EntryFlag(StrEnum):
    """Something odd or worth knowing about one entry; evidence, never obeyed."""

    ABSOLUTE = "absolute"  # the name begins with '/'
    DOTDOT = "dotdot"  # a component of the name is '..'
    LINK_ESCAPE = "link_escape"  # the link target climbs above the root
    NOT_UTF8 = "not_utf8"
    CONTROL = "control"  # control characters in the name
    LONG_PATH = "long_path"  # more than 4096 bytes (PATH_MAX)
    DEEP = "deep"  # beyond the limits of depth or length: not in the directory table
    DUPLICATE = "duplicate"  # an earlier entry has the same path; the last one counts
    SETUID = "setuid"
    SETGID = "setgid"
    WORLD_WRITABLE = "world_writable"  # a file, or a directory without the sticky bit
    UNKNOWN_TYPE = "unknown_type"
    IGNORED_SIZE = "ignored_size"  # a size on an entry that has no payload
    INCOMPLETE = "incomplete"  # the input ended inside it; not counted anywhere
    SPARSE = "sparse"
    DIGEST_OF_STORED = "digest_of_stored"  # too large a hole: the digest is of the stored bytes
    PAX_REPEATED = "pax_repeated"  # a pax key twice in one header: the last one counts
    PAX_GNU_MIX = "pax_gnu_mix"  # a pax and a GNU long name: the GNU one counts (as in Go)
    TIME_CLAMPED = "time_clamped"  # a time outside 64 bits
    DEVICE_0_0 = "device_0_0"  # character device 0:0: the whiteout of overlayfs, not of the image format
    WHITEOUT_NOT_EMPTY = "whiteout_not_empty"
    WHITEOUT_NOT_REGULAR = "whiteout_not_regular"
    WHITEOUT_BARE = "whiteout_bare"  # hides nothing that can exist: '.wh.', '.wh..', '.wh...'


class Entry(msgspec.Struct, omit_defaults=True, gc=False):
    """One entry of the tar, in order of appearance. A field that has its default is left out."""

    path: Annotated[
        str,
        described(
            "Normalised path below the root, without leading or trailing slash ('' is the root). "
            "'.', '..' and empty components are resolved, never above the root. Bytes that are not UTF-8, "
            "control characters and backslashes are escaped as \\xHH and \\\\."
        ),
    ]
    kind: Annotated[Kind, described("What the entry is. A regular file that marks a deletion is a whiteout.")]
    size_bytes: Annotated[int, size("Apparent size of the content, holes included; 0 for links.")] = 0
    mode: Annotated[
        int, described("Mode as stored: permission bits and whatever else the writer put there.")
    ] = 0
    uid: Annotated[int, described("Numeric owner.")] = 0
    gid: Annotated[int, described("Numeric group.")] = 0
    mtime_s: Annotated[int, seconds("Time of last modification, whole seconds (floor).")] = 0
    offset_bytes: Annotated[int, size("Offset of the entry's own header block in the tar.")] = 0
    sha256: Annotated[
        str | None,
        described(
            "SHA-256 of the content, holes read as zeros, lower-case hexadecimal. Null where there is no "
            "content (a hard link's is that of its target) and where it is incomplete."
        ),
    ] = None
    group: Annotated[str | None, described("Group of the file type; only for files.")] = None
    type: Annotated[str | None, described("Type within the group; only for files.")] = None
    method: Annotated[
        str | None, described("How the type was found: signature, shebang, name, text, ...")
    ] = None
    mime: Annotated[str | None, described("MIME type that belongs to the type; only for files.")] = None
    link: Annotated[str | None, described("Target of a link as stored, escaped like path. Only data.")] = None
    flags: Annotated[tuple[EntryFlag, ...], described("What is odd about the entry.")] = ()
    stored_bytes: Annotated[
        int | None, size("Bytes of payload in the tar where they differ from size_bytes (sparse).")
    ] = None
    mtime_ns: Annotated[int, described("Nanoseconds to add to mtime_s, 0 to 999999999.", "ns")] = 0
    uname: Annotated[str, described("Name of the owner as stored, escaped like path.")] = ""
    gname: Annotated[str, described("Name of the group as stored, escaped like path.")] = ""
    device: Annotated[
        tuple[int, int] | None, described("Major and minor number of a character or block device.")
    ] = None
    xattrs: Annotated[
        dict[str, str] | None, described("Extended attributes by name, values escaped like path.")
    ] = None
    pax: Annotated[
        dict[str, str] | None, described("Pax records that have no field of their own, escaped like path.")
    ] = None
    name: Annotated[
        str | None,
        described("Name as stored, escaped like path; left out when it is path, or path and a final slash."),
    ] = None
    dialect: Annotated[str, described("Form of the header: v7, ustar, pax, gnu or star.")] = "ustar"


class Directory(msgspec.Struct, omit_defaults=True, gc=False):
    """One distinct directory: the root, explicit ones, and the implied parents of entries."""

    path: Annotated[str, described("Path, written as in the entries ('' is the root).")]
    depth: Annotated[int, levels("Components below the root: '' is 0, 'usr' is 1.")]
    is_explicit: Annotated[bool, described("Whether the tar has an entry for it; otherwise implied.")] = False
    files: Annotated[int, count("Files (regular and hard links) directly in it.")] = 0
    bytes: Annotated[int, size("Apparent sizes of the regular files directly in it.")] = 0
    directories: Annotated[int, count("Directories directly in it.")] = 0
    recursive_files: Annotated[int, count("Files in it and below.")] = 0
    recursive_bytes: Annotated[int, size("Apparent sizes of the regular files in it and below.")] = 0
    recursive_directories: Annotated[int, count("Directories below it.")] = 0


class LayerCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many of what. Everything but ``entries`` counts distinct paths, where the last entry wins."""

    entries: Annotated[int, count("Rows of the entry table.")] = 0
    files: Annotated[int, count("Files: regular files and hard links.")] = 0
    regular_files: Annotated[int, count("Regular files.")] = 0
    hard_links: Annotated[int, count("Hard links.")] = 0
    symlinks: Annotated[int, count("Symbolic links.")] = 0
    directories: Annotated[int, count("Directories below the root, implied parents included.")] = 0
    explicit_directories: Annotated[int, count("Directories below the root that have an entry.")] = 0
    character_devices: Annotated[int, count("Character devices.")] = 0
    block_devices: Annotated[int, count("Block devices.")] = 0
    fifos: Annotated[int, count("Named pipes.")] = 0
    whiteouts: Annotated[int, count("Whiteouts (.wh.NAME).")] = 0
    opaques: Annotated[int, count("Opaque markers (.wh..wh..opq).")] = 0
    others: Annotated[int, count("Entries of any other kind.")] = 0
    duplicate_entries: Annotated[int, count("Rows whose path an earlier row has too.")] = 0
    flagged_entries: Annotated[int, count("Rows with at least one flag.")] = 0
    contents: Annotated[int, count("Regular-file rows with a digest.")] = 0
    distinct_contents: Annotated[int, count("Distinct digests among them.")] = 0
    duplicate_content_bytes: Annotated[
        int, size("Sizes of the regular-file rows whose content an earlier row has too.")
    ] = 0


class LayerDepth(msgspec.Struct, frozen=True, kw_only=True):
    """Depth of the directories below the root; all 0 when there is none."""

    max: Annotated[int, levels("Deepest directory: the depth of the layer.")] = 0
    min: Annotated[int, levels("Shallowest directory below the root.")] = 0
    mean: Annotated[float, levels("Arithmetic mean.")] = 0.0
    median: Annotated[float, levels("Median; between two middle values their mean.")] = 0.0


class LayerSummary(msgspec.Struct, frozen=True, kw_only=True):
    """All of a layer profile but its rows: the first line of the document."""

    format: Annotated[str, described("Name of this format.")] = LAYER_FORMAT
    version: Annotated[int, described("Version of this format; it changes when a field changes.")] = (
        LAYER_VERSION
    )
    digest: Annotated[str, described("Digest the blob is stored under.")]
    media_type: Annotated[str, described("Media type as the manifest lists it; nothing is decided by it.")]
    compression: Annotated[Compression, described("Compression by the bytes themselves.")] = Compression.NONE
    status: Annotated[LayerStatus, described("How far the reading came.")]
    reason: Annotated[LayerReason | None, described("Why it is not complete; null when it is.")] = None
    sniffed: Annotated[
        str | None, described("'group/type' of the content where it is not a tar; else null.")
    ] = None
    error_compressed_offset_bytes: Annotated[
        int | None, size("Bytes of the blob that were read by the decompressor when the reading stopped.")
    ] = None
    error_tar_offset_bytes: Annotated[int | None, size("Offset in the tar where the reading stopped.")] = None
    error_entry: Annotated[int | None, count("Number of entries before the one where it stopped.")] = None
    blob_ok: Annotated[
        bool | None,
        described("Whether the bytes have the blob's digest; null if its algorithm is not known."),
    ] = None
    diffid: Annotated[
        str | None,
        described(
            "DiffID: 'sha256:' and the digest of the whole tar; null if it was not decoded to its end."
        ),
    ] = None
    flags: Annotated[tuple[LayerFlag, ...], described("What is odd about the layer.")] = ()
    producer: Annotated[
        Producer | None,
        described("What wrote the gzip or zstd data, by the habits of writers; null for other forms."),
    ] = None
    seekable: Annotated[
        Seekable | None, described("Form of a layer with a table of contents, by its footer; else null.")
    ] = None
    toc_bytes: Annotated[
        int, size("The JSON of the table of contents; 0 if there is none or it is unread.")
    ] = 0
    toc_entries: Annotated[int, count("Entries of the table of contents, chunks of files included.")] = 0
    toc_mismatches: Annotated[
        int,
        count(
            "Entries of the tar that the table of contents lacks or describes otherwise (type, size, digest, "
            "link target, permission bits, owner), and of the table that a complete tar lacks."
        ),
    ] = 0
    members: Annotated[int, count("Gzip members, zstd frames (skippable ones not), bzip2 or xz streams.")] = 0
    trailing_bytes: Annotated[int, size("Bytes of the blob behind its compressed data.")] = 0
    data_after_end_bytes: Annotated[int, size("Bytes other than zero behind the end of the tar.")] = 0
    cls_bytes: Annotated[int, size("CLS, compressed layer size: the blob as served.")] = 0
    als_bytes: Annotated[
        int, size("ALS, archival layer size: the decoded tar, padding included; so far, if not complete.")
    ] = 0
    fls_bytes: Annotated[
        int, size("FLS, sum of the apparent sizes of the regular files; a hard link adds 0.")
    ] = 0
    stored_bytes: Annotated[
        int,
        size(
            "Bytes stored in the tar for all regular-file rows: sparse files less than in FLS, repeats too."
        ),
    ] = 0
    fls_cls_ratio: Annotated[float | None, ratio("FLS / CLS; null if CLS is 0.")] = None
    als_cls_ratio: Annotated[
        float | None, ratio("ALS / CLS; null if CLS is 0. To be compared with the published ratio.")
    ] = None
    counts: Annotated[LayerCounts, described("How many of what.")] = LayerCounts()
    depth: Annotated[LayerDepth, described("Depth of the directories.")] = LayerDepth()
    oldest_mtime_s: Annotated[int | None, seconds("Smallest mtime_s of all entries; null if none.")] = None
    newest_mtime_s: Annotated[int | None, seconds("Largest mtime_s of all entries; null if none.")] = None
    is_empty: Annotated[bool, described("Whether the layer has no entry at all.")] = False


class LayerProfile(LayerSummary, frozen=True, kw_only=True):
    """The whole document: the summary, then one line per entry, then one line per directory."""

    entries: Annotated[
        tuple[Entry, ...], described("Every entry of the tar, in order, duplicates included.")
    ] = ()
    directories: Annotated[
        tuple[Directory, ...], described("Every distinct directory, ordered by the bytes of its path.")
    ] = ()
