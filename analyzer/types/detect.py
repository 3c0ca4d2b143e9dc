"""What kind of file a content is, from its first bytes and one of its names.

The bytes decide wherever they can; the name is asked only what a text is a text *of*, and for the few
binary formats that have no mark. So two names of one content nearly always give one type.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from analyzer.types.formats import FORMATS
from analyzer.types.mimes import types_by
from analyzer.types.names import DATA_EXTENSIONS, INTERPRETERS, MODES, TEXT_EXTENSIONS, TEXT_NAMES
from analyzer.types.signatures import FIRST_WORDS, INNER, PREFIXES
from analyzer.types.taxonomy import Method

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from analyzer.types.taxonomy import FileType
    from corpus.profiles.groups import Group

    Signature = tuple[bytes, Callable[[bytes], str | None]]

_SIGNED, _NAMED, _MARKED = types_by(Method.SIGNATURE), types_by(Method.NAME), types_by(Method.MARKUP)
_SHEBANGED, _TEXTUAL = types_by(Method.SHEBANG), types_by(Method.TEXT)
EMPTY, _DATA = types_by(Method.SIZE)["empty"], types_by(Method.NONE)["data"]
_ASCII, _UTF8, _LATIN = (_TEXTUAL[kind] for kind in ("ascii", "utf8", "extended_ascii"))

# Control characters that texts have: BEL BS TAB LF VT FF CR ESC (as in file(1)).
_TEXT_CONTROLS = b"\a\b\t\n\v\f\r\x1b"
_NOT_TEXT = bytes(byte for byte in (*range(0x20), 0x7F) if byte not in _TEXT_CONTROLS)
_C1 = re.compile(rb"[\x80-\x9f]")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"

# First bytes of a mark of a document, or of the space and the byte order mark before it.
_MARK_STARTS = frozenset(b"".join(FIRST_WORDS) + b"".join(FIRST_WORDS).upper() + b" \t\r\n\xef")

_SVG = re.compile(rb"<svg[\s>]")
_MODE = re.compile(rb"-\*-\s*(?:.*?mode:\s*)?([\w+-]+)\s*(?:;.*?)?-\*-", re.IGNORECASE)
_JSON = re.compile(rb'\{\s*"[^"\n]*"\s*:')
_POD = (b"=pod\n", b"=head1 ", b"=encoding ")
_TROFF_REQUEST = re.compile(rb"\.[A-Za-z][A-Za-z0-9][ \t]")
# A name without a path starts nothing: it is for editors.
_INTERPRETER = re.compile(rb"#!\s*\S*/(?:env(?:\s+-\S+|\s+\w+=\S*)*\s+(?:\S*/)?)?([^\s/]+)")
_VERSION = re.compile(rb"[-.0-9]+$")


def _prepared(
    table: Mapping[bytes, tuple[Group, str]], types: Mapping[str, FileType]
) -> dict[bytes, FileType]:
    return {key: types[kind] for key, (_, kind) in table.items()}


def _by_first_two_bytes() -> dict[bytes, tuple[Signature, ...]]:
    """Every signature with the look that it calls for, longest first."""
    looks = {magic: _constant(kind) for magic, (_, kind) in PREFIXES.items()} | FORMATS
    table: dict[bytes, list[Signature]] = defaultdict(list)
    for magic in sorted(looks, key=len, reverse=True):
        table[magic[:2]].append((magic, looks[magic]))
    return {start: tuple(rows) for start, rows in table.items()}


def _constant(kind: str) -> Callable[[bytes], str | None]:
    return lambda _: kind


def _by_place() -> tuple[tuple[slice, dict[bytes, FileType]], ...]:
    """The signatures further in, by where they are."""
    places: dict[tuple[int, int], dict[bytes, FileType]] = defaultdict(dict)
    for offset, magic, (_, kind) in INNER:
        places[offset, offset + len(magic)][magic] = _SIGNED[kind]
    return tuple((slice(*place), kinds) for place, kinds in places.items())


_SIGNATURES = _by_first_two_bytes()
_PLACES = _by_place()
_TEXT_NAMES, _TEXT_EXTENSIONS = _prepared(TEXT_NAMES, _NAMED), _prepared(TEXT_EXTENSIONS, _NAMED)
_DATA_EXTENSIONS = _prepared(DATA_EXTENSIONS, _NAMED)
_INTERPRETERS = _prepared(INTERPRETERS, _SHEBANGED)
_MODES = _prepared(MODES, _MARKED)
_PERL = _NAMED["perl"]


def detect(head: bytes, name: bytes) -> FileType:
    """The type of a content whose first bytes (up to 4 KiB) are ``head``; ``name`` is a path or file name."""
    if not head:
        return EMPTY
    start = head[:2]
    for magic, look in _SIGNATURES.get(start, ()):
        if head.startswith(magic) and (kind := look(head)):
            return _SIGNED[kind]
    text = _text(head)
    if text is None:
        return _by_place_of_bytes(head) or _by_binary(head, name)
    if start == b"#!" and (script := _by_shebang(head)):
        return script
    return _by_words(head, name) or text


def _by_shebang(head: bytes) -> FileType | None:
    match = _INTERPRETER.match(head[:256])
    if match is None:
        return None
    known = _INTERPRETERS.get(match[1]) or _INTERPRETERS.get(_VERSION.sub(b"", match[1]))
    return known or _SHEBANGED["other"]


def _by_words(head: bytes, name: bytes) -> FileType | None:
    """What a text is a text of: by marks of documents, by its name, by marks that names may contradict."""
    if head[0] in _MARK_STARTS and (found := _by_first_words(head)):
        return found
    base = name[name.rfind(b"/") + 1 :]
    if found := _TEXT_NAMES.get(base) or _TEXT_EXTENSIONS.get(_extension(base)):
        return _NAMED["perl_module"] if found is _PERL and _declares_package(head) else found
    return _by_first_line(head)


def _declares_package(head: bytes) -> bool:
    """Whether Perl code is a module, as the libraries of old that are called ``.pl``."""
    return head.startswith(b"package ") or b"\npackage " in head


def _by_first_words(head: bytes) -> FileType | None:
    start = head[:64].removeprefix(_UTF8_MARK).lstrip().lower()
    for word, (_, kind) in FIRST_WORDS.get(start[:1], ()):
        if start.startswith(word):
            return _MARKED["svg" if kind == "xml" and _SVG.search(head) else kind]
    return _MARKED["troff"] if _TROFF_REQUEST.match(head) else None


def _by_first_line(head: bytes) -> FileType | None:
    line = head[:128]
    if b"-*-" in line and (match := _MODE.search(line)):
        return _MODES.get(match[1].lower())
    if line.startswith(b"{") and _JSON.match(head):
        return _MARKED["json"]
    if line.startswith(_POD):
        return _MARKED["pod"]
    return _MARKED["c_cpp"] if line.startswith(b"#include") else None


def _by_place_of_bytes(head: bytes) -> FileType | None:
    # Python writes a version of two bytes and CR LF, so that a text transfer would destroy it visibly.
    if head[2:4] == b"\r\n" and len(head) >= 8:
        return _SIGNED["python_bytecode"]
    for place, kinds in _PLACES:
        if found := kinds.get(head[place]):
            return found
    return None


def _by_binary(head: bytes, name: bytes) -> FileType:
    if head.startswith(_UTF16_MARKS):
        return _TEXTUAL["utf16"]
    return _DATA_EXTENSIONS.get(_extension(name[name.rfind(b"/") + 1 :]), _DATA)


def _extension(base: bytes) -> bytes:
    stem, dot, extension = base.rpartition(b".")
    return extension.lower() if dot and stem else b""


def _text(head: bytes) -> FileType | None:
    """The code of a text; None if it has a control character that texts do not have, C1 controls too.

    For NUL the whole head is searched, for the rarer ones its first 512 bytes: no binary format hides them
    longer.
    """
    start = head[:512]
    if 0 in head or len(start.translate(None, _NOT_TEXT)) != len(start):
        return None
    if head.isascii():
        return _ASCII
    if _is_utf8(head):
        return _UTF8
    return None if _C1.search(head) else _LATIN


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The head may end inside a character.
        return error.start >= len(head) - 3 and error.reason == "unexpected end of data"
    return True
