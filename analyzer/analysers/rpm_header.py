"""The header of an RPM package as its database keeps it (rpm, docs/manual/format_header.md)."""

from __future__ import annotations

import struct

from analyzer.analysers import MalformedFileError
from analyzer.analysers.values import value_of
from corpus.profiles.findings import Package

_COUNTS = struct.Struct(">II")
_ENTRY = struct.Struct(">4I")
_EPOCH = struct.Struct(">I")
# As many as rpm itself allows (lib/header.cc).
_MAX_ENTRIES = 0xFFFF

_INT32, _STRING = 4, 6
_NAME, _VERSION, _RELEASE, _EPOCH_TAG, _ARCHITECTURE, _SOURCE = 1000, 1001, 1002, 1003, 1022, 1044
_TYPES = {
    _NAME: _STRING,
    _VERSION: _STRING,
    _RELEASE: _STRING,
    _EPOCH_TAG: _INT32,
    _ARCHITECTURE: _STRING,
    _SOURCE: _STRING,
}


def read_header(blob: bytes) -> Package:
    """The package of a header: an index of tags, and the store that it points into.

    Raises:
        MalformedFileError: It is none.
    """
    if len(blob) < _COUNTS.size:
        raise MalformedFileError("a header of fewer than 8 bytes")
    entries, store_bytes = _COUNTS.unpack_from(blob)
    start = _COUNTS.size + entries * _ENTRY.size
    if entries > _MAX_ENTRIES or start + store_bytes > len(blob):
        raise MalformedFileError("a header longer than its place")
    places = {
        tag: offset
        for tag, kind, offset, _ in _ENTRY.iter_unpack(blob[_COUNTS.size : start])
        if _TYPES.get(tag) == kind
    }
    store = blob[start : start + store_bytes]
    text = {tag: _text(store, offset) for tag, offset in places.items() if tag != _EPOCH_TAG}
    if not text.get(_NAME):
        raise MalformedFileError("a header without a name")
    return Package(
        type="rpm",
        name=text[_NAME],
        version=_epoch(store, places.get(_EPOCH_TAG)) + f"{text.get(_VERSION, '')}-{text.get(_RELEASE, '')}",
        architecture=text.get(_ARCHITECTURE, ""),
        source=text.get(_SOURCE, ""),
        status="installed",
    )


def _text(store: bytes, offset: int) -> str:
    end = store.find(b"\0", offset)
    if end < 0:
        raise MalformedFileError("a text in a header without an end")
    return value_of(store[offset:end])


def _epoch(store: bytes, offset: int | None) -> str:
    if offset is None:
        return ""
    if offset + _EPOCH.size > len(store):
        raise MalformedFileError("a number beyond its header")
    return f"{_EPOCH.unpack_from(store, offset)[0]}:"
