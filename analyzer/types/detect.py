"""What kind of file a content is, from its first bytes and one of its names.

The bytes decide wherever they can; the name is asked only what a text is a text *of*, and for the few
binary formats that have no mark. So two names of one content nearly always give one type.
"""

from __future__ import annotations

import re
from collections import defaultdict

from analyzer.types.names import DATA_EXTENSIONS, INTERPRETERS, TEXT_EXTENSIONS, TEXT_NAMES
from analyzer.types.signatures import INNER, PREFIXES
from analyzer.types.taxonomy import FileType, Group, Method

EMPTY = FileType(Group.EMPTY, "empty", Method.SIZE)
_DATA = FileType(Group.DATA, "data", Method.NONE)
_ASCII = FileType(Group.TEXT, "ascii", Method.TEXT)
_UTF8 = FileType(Group.TEXT, "utf8", Method.TEXT)
_UTF16 = FileType(Group.TEXT, "utf16", Method.TEXT)
_LATIN = FileType(Group.TEXT, "extended_ascii", Method.TEXT)
_OTHER_SCRIPT = FileType(Group.SCRIPT, "other", Method.SHEBANG)

# Control characters that texts have: BEL BS TAB LF VT FF CR ESC (as in file(1)).
_TEXT_CONTROLS = b"\a\b\t\n\v\f\r\x1b"
_NOT_TEXT = bytes(byte for byte in (*range(0x20), 0x7F) if byte not in _TEXT_CONTROLS)
_C1 = re.compile(rb"[\x80-\x9f]")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"

# First words of a text, in lower case.
_MARKUP = (
    (b"<?xml", Group.DOCUMENT, "xml"),
    (b"<!doctype html", Group.DOCUMENT, "html"),
    (b"<html", Group.DOCUMENT, "html"),
    (b"<svg", Group.IMAGE, "svg"),
    (b"<?php", Group.SCRIPT, "php"),
    (b"\\documentclass", Group.DOCUMENT, "latex"),
    (b"\\input texinfo", Group.DOCUMENT, "texinfo"),
)
_SVG = re.compile(rb"<svg[\s>]")
_INTERPRETER = re.compile(rb"#!\s*(?:\S*/)?(?:env(?:\s+-\S+|\s+\w+=\S*)*\s+(?:\S*/)?)?([^\s/]+)")
_VERSION = re.compile(rb"[-.0-9]+$")


def _by_first_byte() -> dict[int, list[tuple[bytes, FileType]]]:
    table: dict[int, list[tuple[bytes, FileType]]] = defaultdict(list)
    for magic in sorted(PREFIXES, key=len, reverse=True):
        table[magic[0]].append((magic, FileType(*PREFIXES[magic], Method.SIGNATURE)))
    return dict(table)


_PREFIXES = _by_first_byte()


def detect(head: bytes, name: bytes) -> FileType:
    """The type of a content whose first bytes (up to 4 KiB) are ``head``; ``name`` is a path or file name."""
    if not head:
        return EMPTY
    found = _by_signature(head)
    if found is None and head.startswith(b"#!"):
        found = _by_shebang(head)
    return found or _by_text(head, name)


def _by_signature(head: bytes) -> FileType | None:
    for magic, found in _PREFIXES.get(head[0], ()):
        if head.startswith(magic) and _is_confirmed(head, found.type):
            return found
    return None


def _is_confirmed(head: bytes, kind: str) -> bool:
    """The second look that short signatures need."""
    match kind:
        case "java_class":  # shared with fat Mach-O, which counts its few architectures there
            return int.from_bytes(head[4:8], "big") > 0x20
        case "truetype":  # a number of tables follows
            return head[:1] != b"\0" or 0 < int.from_bytes(head[4:6], "big") < 100
        case "pe" | "bzip2" | "type1" | "mp3" | "flash" | "au" | "dvi" | "pgp":
            return not _is_text(head)
        case _:
            return True


def _by_shebang(head: bytes) -> FileType | None:
    match = _INTERPRETER.match(head[:256])
    if match is None or not _is_text(head[:256]):
        return None
    known = INTERPRETERS.get(match[1]) or INTERPRETERS.get(_VERSION.sub(b"", match[1]))
    return FileType(*known, Method.SHEBANG) if known else _OTHER_SCRIPT


def _by_text(head: bytes, name: bytes) -> FileType:
    if not _is_text(head):
        return _by_inner(head) or _by_binary(head, name)
    if found := _by_markup(head):
        return found
    base = name[name.rfind(b"/") + 1 :]
    known = TEXT_NAMES.get(base) or TEXT_EXTENSIONS.get(_extension(base))
    if known is not None:
        return FileType(*known, Method.NAME)
    return _plain_text(head)


def _by_markup(head: bytes) -> FileType | None:
    start = head[:64].removeprefix(_UTF8_MARK).lstrip().lower()
    if start[:1] not in (b"<", b"\\"):
        return None
    for word, group, kind in _MARKUP:
        if start.startswith(word):
            if kind == "xml" and _SVG.search(head):
                return FileType(Group.IMAGE, "svg", Method.MARKUP)
            return FileType(group, kind, Method.MARKUP)
    return None


def _by_inner(head: bytes) -> FileType | None:
    for offset, magic, known in INNER:
        if head.startswith(magic, offset):
            return FileType(*known, Method.SIGNATURE)
    # Python writes a version of two bytes and CR LF, so that a text transfer would destroy it visibly.
    if head[2:4] == b"\r\n" and len(head) >= 8:
        return FileType(Group.EOL, "python_bytecode", Method.SIGNATURE)
    return None


def _by_binary(head: bytes, name: bytes) -> FileType:
    if head.startswith(_UTF16_MARKS):
        return _UTF16
    known = DATA_EXTENSIONS.get(_extension(name[name.rfind(b"/") + 1 :]))
    return FileType(*known, Method.NAME) if known else _DATA


def _plain_text(head: bytes) -> FileType:
    if head.isascii():
        return _ASCII
    return _UTF8 if _is_utf8(head) else _LATIN


def _extension(base: bytes) -> bytes:
    stem, dot, extension = base.rpartition(b".")
    return extension.lower() if dot and stem else b""


def _is_text(head: bytes) -> bool:
    """No control character but those of texts, and UTF-8 or an 8-bit code without C1 controls.

    For NUL the whole head is searched, for the rarer ones its first KiB: no binary format hides them longer.
    """
    start = head[:1024]
    if 0 in head or len(start.translate(None, _NOT_TEXT)) != len(start):
        return False
    return head.isascii() or _is_utf8(head) or not _C1.search(head)


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The head may end inside a character.
        return error.start >= len(head) - 3 and error.reason == "unexpected end of data"
    return True
