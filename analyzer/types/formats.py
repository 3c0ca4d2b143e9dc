"""Formats whose first bytes are short, shared or say too little: what a second look at the head tells.

Each function takes the head of a content that begins with one of its marks, and returns the type, or None
where it is something else. Sources: the formats' specifications, named where they are not common, and
the list of ``file(1)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    Found = str | None

_ELF_TYPES = {1: "elf_object", 2: "elf_executable", 3: "elf_library", 4: "elf_core"}
_PT_LOAD, _PT_INTERP = 1, 3

# An index of JARs comes first in a JAR, the type of the document first in the others.
_ZIP_FIRST = (
    (b"META-INF/", "jar"),
    (b"[Content_Types].xml", "ooxml"),
    (b"mimetypeapplication/vnd.oasis.opendocument.", "opendocument"),
    (b"mimetypeapplication/epub+zip", "epub"),
)
_RIFF = {
    b"WEBP": "webp",
    b"WAVE": "wav",
    b"AVI ": "avi",
    b"ACON": "ani",
}
_ARMOUR = {
    b"PUBLIC KEY": "pgp",
    b"PRIVATE KEY": "pgp",
    b"SIGNATURE": "pgp_signature",
    b"MESSAGE": "pgp_message",
}
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")  # a block, and the end of a stream without any
_BMP_HEADER_BYTES = (12, 40, 52, 56, 64, 108, 124)
_PGP_ALGORITHMS = (1, 2, 3, 16, 17, 18, 19, 22)  # RFC 4880, section 9.1, and EdDSA
_FAR = 1 << 16  # no DOS stub is longer
_UNKNOWN_SIZE = b"\xff" * 8


def _elf(head: bytes) -> Found:
    """By e_type (gABI 4); a shared object that names an interpreter is an executable."""
    order: Literal["big", "little"] = "big" if head[5:6] == b"\x02" else "little"
    kind = _ELF_TYPES.get(int.from_bytes(head[16:18], order), "elf")
    if kind == "elf_library" and _has_interpreter(head, order):
        kind = "elf_pie"
    return kind


def _has_interpreter(head: bytes, order: Literal["big", "little"]) -> bool:
    """Whether PT_INTERP is among the first program headers; it comes before any PT_LOAD (gABI 5)."""
    is_64 = head[4:5] == b"\x02"
    at, step = (64, 56) if is_64 else (52, 32)
    for offset in range(at, at + 4 * step, step):
        kind = int.from_bytes(head[offset : offset + 4], order)
        if kind in {_PT_INTERP, _PT_LOAD}:
            return kind == _PT_INTERP
    return False


def _exe(head: bytes) -> Found:
    """PE, where the DOS header leads to its mark or behind the head; else DOS, unless it is a text."""
    at = int.from_bytes(head[60:64], "little")
    if head[at : at + 4] == b"PE\0\0" or len(head) <= at < _FAR:
        return "pe"
    return "dos_executable" if 0 in head[:64] else None


def _cafebabe(head: bytes) -> Found:
    """A Java class, whose version is 45 or more, or a universal Mach-O file, which has few parts."""
    count = int.from_bytes(head[4:8], "big")
    return "java_class" if count > 0x2B else "mach_o" if count else None


def _coff(head: bytes) -> Found:
    """Sections, symbols within 16 MiB, no optional header, and no flag of a DLL (PE/COFF, section 3.3)."""
    sections = int.from_bytes(head[2:4], "little")
    is_one = (
        len(head) >= 20
        and 0 < sections < 256
        and 0 in head[8:12]
        and head[16:18] == b"\0\0"
        and not head[19] & 0x20
    )
    return "coff" if is_one else None


def _zip(head: bytes) -> Found:
    start = head[30:96]
    for name, kind in _ZIP_FIRST:
        if start.startswith(name):
            return kind
    return "zip"


def _bzip2(head: bytes) -> Found:
    return "bzip2" if head[4:10] in _BZIP2_BLOCKS else None


def _lzma(head: bytes) -> Found:
    """Properties 5D, a dictionary that is a power of two, and a size that is unknown or below 2^40."""
    is_one = (
        len(head) >= 13 and head[1:3] == b"\0\0" and (head[5:13] == _UNKNOWN_SIZE or head[10:13] == b"\0\0\0")
    )
    return "lzma" if is_one else None


def _zlib(head: bytes) -> Found:
    """Two bytes whose sum is a multiple of 31 (RFC 1950); no text has the bytes of a compressed one."""
    is_one = len(head) > 8 and head[1] in b"\x01\x5e\x9c\xda" and not head[2:64].isascii()
    return "zlib" if is_one else None


def _riff(head: bytes) -> Found:
    return _RIFF.get(head[8:12])


def _bmp(head: bytes) -> Found:
    is_one = head[6:10] == bytes(4) and int.from_bytes(head[14:18], "little") in _BMP_HEADER_BYTES
    return "bmp" if is_one else None


def _ico(head: bytes) -> Found:
    """Some images, the first with a reserved byte 0."""
    return "ico" if head[4:5] > b"\0" and head[5:6] == b"\0" == head[9:10] else None


def _netpbm(head: bytes) -> Found:
    is_one = (
        head[1:2] in b"123456" and head[2:3] in (b"\n", b" ") and (head[3:4].isdigit() or head[3:4] == b"#")
    )
    return "netpbm" if is_one else None


def _mpeg_frame(head: bytes) -> Found:
    """A frame of MPEG audio: its bit rate and sampling rate are not the forbidden ones."""
    is_one = (
        len(head) > 3 and head[1] in b"\xfb\xfa\xf3\xf2" and 0x10 <= head[2] < 0xF0 and head[2] & 0x0C != 0x0C
    )
    return "mp3" if is_one else None


def _id3(head: bytes) -> Found:
    return "mp3" if head[3:4] in (b"\2", b"\3", b"\4") else None


def _flash(head: bytes) -> Found:
    """A version, and a length below 16 MiB."""
    return "flash" if b"\0" < head[3:4] < b"\x40" and head[7:8] == b"\0" else None


def _au(head: bytes) -> Found:
    return "au" if head[4:6] == b"\0\0" else None


def _dvi(head: bytes) -> Found:
    return "dvi" if head[2:6] == b"\x01\x83\x92\xc0" else None


def _truetype(head: bytes) -> Found:
    """A few tables follow."""
    return "truetype" if head[4:5] == b"\0" < head[5:6] < b"\x40" else None


def _type1(head: bytes) -> Found:
    """The binary form begins with a segment of text (Adobe technical note 5040)."""
    return "type1" if head[6:8] == b"%!" else None


def _pgp_key(head: bytes) -> Found:
    """A key of version 4 of a known algorithm, behind one or two bytes of length (RFC 4880, section 5.5)."""
    at = 3 if head[0] & 1 else 2
    is_one = len(head) > at + 5 and head[at] == 4 and head[at + 5] in _PGP_ALGORITHMS
    return "pgp" if is_one else None


def _armour(head: bytes) -> Found:
    """PEM (RFC 7468), or what OpenPGP writes like it."""
    if head[11:15] != b"PGP ":
        return "pem"
    if head.startswith(b"SIGNED MESSAGE", 15):
        return "pgp_signed"
    return next((kind for word, kind in _ARMOUR.items() if word in head[15:32]), "pgp")


def _der(head: bytes) -> Found:
    """A certificate: a sequence in a sequence, and the version (RFC 5280, section 4.1)."""
    is_one = head[4:6] == b"\x30\x82" and head[8:11] == b"\xa0\x03\x02"
    return "der" if is_one else None


def _dbase(head: bytes) -> Found:
    """The date of the last change, a header of whole descriptions, and records of some length."""
    if len(head) < 32 or not (1 <= head[2] <= 12 and 1 <= head[3] <= 31):
        return None
    header, record = int.from_bytes(head[8:10], "little"), int.from_bytes(head[10:12], "little")
    is_one = (
        header > 32
        and header % 32 in {0, 1, 2, 8}
        and record
        and head[12:14] == b"\0\0"
        and head[30:32] == b"\0\0"
    )
    return "dbase" if is_one else None


# By the first bytes that call for the look.
FORMATS: dict[bytes, Callable[[bytes], Found]] = {
    b"\x7fELF": _elf,
    b"MZ": _exe,
    b"\xca\xfe\xba\xbe": _cafebabe,
    b"\x4c\x01": _coff,
    b"\x64\x86": _coff,
    b"PK\x03\x04": _zip,
    b"BZh": _bzip2,
    b"\x5d\0\0": _lzma,
    b"x\x01": _zlib,
    b"x^": _zlib,
    b"x\x9c": _zlib,
    b"x\xda": _zlib,
    b"RIFF": _riff,
    b"BM": _bmp,
    b"\0\0\x01\0": _ico,
    b"\0\0\x02\0": _ico,
    **dict.fromkeys((b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"), _netpbm),
    **dict.fromkeys((b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2"), _mpeg_frame),
    b"ID3": _id3,
    b"FWS": _flash,
    b"CWS": _flash,
    b"ZWS": _flash,
    b".snd": _au,
    b"\xf7\x02": _dvi,
    b"\0\x01\0\0": _truetype,
    b"\x80\x01": _type1,
    **{bytes((tag, length)): _pgp_key for tag in (0x94, 0x95, 0x98, 0x99) for length in range(0x100)},
    b"-----BEGIN ": _armour,
    b"\x30\x82": _der,
    **{bytes((mark, year)): _dbase for mark in (0x03, 0x83, 0x8B, 0xF5, 0x30) for year in range(0x82)},
}
