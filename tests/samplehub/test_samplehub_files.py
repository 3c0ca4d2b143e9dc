"""Generated files begin as their types do, and are valid where a reader is at hand."""

from __future__ import annotations

import io
import json
import sqlite3
import struct
import tarfile
import zipfile
import zlib
from contextlib import closing
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplehub.content import archives, binary
from samplehub.content.seeds import skewed_size, stream
from samplehub.content.shapes import SHAPES, Owner, content, files
from samplehub.content.text import LANGUAGES, text


@pytest.mark.parametrize(
    ("kind", "magic"),
    [
        ("elf", b"\x7fELF\x02\x01\x01"),
        ("so", b"\x7fELF"),
        ("a", b"!<arch>\n"),
        ("exe", b"MZ"),
        ("class", b"\xca\xfe\xba\xbe"),
        ("png", b"\x89PNG\r\n\x1a\n"),
        ("gif", b"GIF89a"),
        ("jpeg", b"\xff\xd8\xff\xe0"),
        ("ttf", b"\0\x01\0\0"),
        ("pdf", b"%PDF-"),
        ("ogg", b"OggS"),
        ("mo", b"\xde\x12\x04\x95"),
        ("tzif", b"TZif"),
        ("terminfo", b"\x1a\x01"),
        ("pem", b"-----BEGIN CERTIFICATE-----"),
        ("man.gz", b"\x1f\x8b\x08"),
        ("bz2", b"BZh"),
        ("xz", b"\xfd7zXZ\0"),
        ("zip", b"PK\x03\x04"),
        ("jar", b"PK\x03\x04"),
        ("deb", b"!<arch>\ndebian-binary"),
        ("sqlite", b"SQLite format 3\0"),
        ("python", b"#!/usr/bin/env python3\n"),
        ("shell", b"#!/bin/sh\n"),
        ("perl", b"#!/usr/bin/perl\n"),
        ("xml", b"<?xml "),
        ("html", b"<!DOCTYPE html>"),
    ],
)
def test_a_file_begins_with_the_signature_of_its_type(kind: str, magic: bytes) -> None:
    assert content(kind, stream("test", kind), 3000).startswith(magic)


@given(size=st.integers(min_value=1, max_value=20_000), seed=st.integers())
def test_texts_have_about_the_size_asked_for(size: int, seed: int) -> None:
    data = text(stream(seed), size, "c")
    assert abs(len(data) - size) < 400 + size // 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_gives_whole_lines_in_its_encoding(language: str) -> None:
    data = text(stream("test"), 2000, language)
    assert data.decode(LANGUAGES[language].encoding).endswith("\n")


def test_structured_texts_parse() -> None:
    assert json.loads(text(stream(1), 3000, "json"))["private"] is True
    assert ET.fromstring(text(stream(1), 3000, "xml")).tag == "configuration"  # noqa: S314 - our own


def test_containers_open_in_their_readers() -> None:
    with zipfile.ZipFile(io.BytesIO(archives.jar(stream(1), 5000))) as jar:
        assert jar.testzip() is None
    with tarfile.open(fileobj=io.BytesIO(archives.tar_gz_file(stream(1), 5000))) as tar:
        assert len(tar.getmembers()) == 4
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(archives.sqlite_database(stream(1), 5000))
        assert database.execute("SELECT count(*) FROM items").fetchone() == (100,)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_png_has_right_checksums_and_all_its_rows() -> None:
    data = binary.png(stream(1), 3000)
    position, rows = 8, b""
    width, height = struct.unpack(">II", data[16:24])
    while position < len(data):
        length = int.from_bytes(data[position : position + 4])
        body = data[position + 4 : position + 8 + length]
        assert zlib.crc32(body) == int.from_bytes(data[position + 8 + length : position + 12 + length])
        rows += body[4:] if body.startswith(b"IDAT") else b""
        position += 12 + length
    assert len(zlib.decompress(rows)) == height * (width + 1)


@given(median=st.integers(min_value=1, max_value=100_000), seed=st.integers())
def test_sizes_stay_between_one_byte_and_twelve_medians(median: int, seed: int) -> None:
    assert 1 <= skewed_size(stream(seed), median) <= 12 * median


@pytest.mark.parametrize("kind", [kind for kind, shape in SHAPES.items() if "{w}" in shape.path])
def test_one_owner_has_no_two_files_at_one_path(kind: str) -> None:
    paths = [entry.path for entry in files(f"{kind}:12", Owner("name", "seed"))]
    assert len(set(paths)) == 12


def test_the_same_owner_has_the_same_files_anywhere() -> None:
    first, second = (list(files("py:3 png", Owner("a", "seed"), below)) for below in ("", "app/"))
    assert [entry.data for entry in first] == [entry.data for entry in second]
    assert second[0].path == f"app/{first[0].path}"
