"""File types: the bytes decide wherever they can, then the name; the groups are the paper's."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.types.detect import detect
from analyzer.types.formats import FORMATS
from analyzer.types.mimes import MIMES, types_by
from analyzer.types.names import DATA_EXTENSIONS, INTERPRETERS, MODES, TEXT_EXTENSIONS, TEXT_NAMES
from analyzer.types.signatures import FIRST_WORDS, INNER, PREFIXES
from analyzer.types.taxonomy import Method
from corpus.profiles.groups import Group, paper_group

NOISE = bytes(range(256)) * 8
SIGNATURE, SHEBANG, MARKUP, NAME, TEXT = (
    Method.SIGNATURE,
    Method.SHEBANG,
    Method.MARKUP,
    Method.NAME,
    Method.TEXT,
)

TYPES = [
    (b"", "x.py", "empty/empty", Method.SIZE),
    (b"\x7fELF\x02\x01\x01", "lib.txt", "eol/elf", SIGNATURE),
    (b"MZ\x90\0" + NOISE, "a.exe", "eol/dos_executable", SIGNATURE),
    (b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0", "a.exe", "eol/pe", SIGNATURE),
    (b"MZ is how this text begins\n", "a", "text/ascii", TEXT),
    (b"\xca\xfe\xba\xbe\0\0\0\x34", "A.class", "eol/java_class", SIGNATURE),
    (b"\xca\xfe\xba\xbe\0\0\0\x02" + NOISE, "fat", "eol/mach_o", SIGNATURE),
    (b"\xa7\r\r\n" + bytes(12) + b"\xe3", "a.cpython-311.pyc", "eol/python_bytecode", SIGNATURE),
    (b"\x03\xf3\r\n" + bytes(12), "a.pyc", "eol/python_bytecode", SIGNATURE),
    (b"!<arch>\ndebian-binary   ", "a.deb", "package/deb", SIGNATURE),
    (b"!<arch>\n/               ", "lib.a", "eol/library", SIGNATURE),
    (b"\x1f\x8b\x08\0", "a.1.gz", "archive/gzip", SIGNATURE),
    (bytes(257) + b"ustar\0" + bytes(100), "a", "archive/tar", SIGNATURE),
    (b"\x89PNG\r\n\x1a\n", "x", "image/png", SIGNATURE),
    (b"<svg xmlns='x'>", "x", "image/svg", MARKUP),
    (b"<?xml version='1.0'?>\n<svg width='1'/>", "x", "image/svg", MARKUP),
    (b"<?xml version='1.0'?>\n<a/>", "x.svg", "document/xml", MARKUP),
    (b"\n<!DOCTYPE HTML>", "x", "document/html", MARKUP),
    (b"SQLite format 3\0", "x", "database/sqlite", SIGNATURE),
    (bytes(12) + b"\x61\x15\x06\0" + bytes(99), "Packages", "database/berkeley_db", SIGNATURE),
    (b"\0\x01\0\0\0\x0f" + NOISE, "x.ttf", "font/truetype", SIGNATURE),
    (b"\0\x01\0\0\x10\xff" + NOISE, "icon.cache", "data/data", Method.NONE),
    (b"-----BEGIN CERTIFICATE-----\n", "x", "key/pem", SIGNATURE),
    (b"#!/bin/sh\n", "x", "script/shell", SHEBANG),
    (b"#!/usr/bin/env python3\n", "x", "script/python", SHEBANG),
    (b"#! /usr/bin/env -S FOO=1 node --harmony\n", "x", "script/node", SHEBANG),
    (b"#!/usr/bin/perl5.36 -w\n", "x.pl", "script/perl", SHEBANG),
    (b"#!/opt/own/thing\n", "x", "script/other", SHEBANG),
    (b"#include <stdio.h>\n", "a/b.c", "source/c_cpp", NAME),
    (b"import os\n", "usr/lib/a.py", "script/python", NAME),
    (b"package A;\n", "A.pm", "source/perl_module", NAME),
    (b"all:\n", "src/Makefile", "script/make", NAME),
    (b"{}\n", "package.json", "text/json", NAME),
    (b"plain words\n", "README", "text/ascii", TEXT),
    (b"plain words\n", ".py", "text/ascii", TEXT),
    ("grüße\n".encode(), "x", "text/utf8", TEXT),
    (("ü" * 2048).encode()[:4095], "x", "text/utf8", TEXT),
    ("grüße\n".encode("latin-1"), "x", "text/extended_ascii", TEXT),
    (b"\xff\xfea\0b\0", "x", "text/utf16", TEXT),
    (NOISE, "x", "data/data", Method.NONE),
    (NOISE, "t.dbf", "database/dbase", NAME),
    (b"\xde\x12\x04\x95\0\0", "x.mo", "data/message_catalog", SIGNATURE),
]


@pytest.mark.parametrize(("head", "name", "kind", "method"), TYPES)
def test_types(head: bytes, name: str, kind: str, method: Method) -> None:
    """Each content has its group and type, and how it was found."""
    found = detect(head, name.encode())
    assert (f"{found.group}/{found.type}", found.method) == (kind, method)


@pytest.mark.parametrize("magic", [magic for magic in PREFIXES if len(magic) > 3])
def test_every_signature_is_found(magic: bytes) -> None:
    """No signature is hidden by another one, and none needs a name."""
    tail = b"\0\0\0\x40\0" + NOISE
    found = detect(magic + tail, b"name.txt")
    assert (found.group, found.type) == PREFIXES[magic]


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_any_bytes_have_a_type(head: bytes, name: bytes) -> None:
    """Whatever the content and the name, there is a type."""
    found = detect(head, name)
    assert found.group in Group
    assert found.type


@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=100))
def test_a_second_look_stands_any_end(magic: bytes, tail: bytes) -> None:
    """However a content goes on or ends behind such a mark, there is a type."""
    assert detect(magic + tail, b"name").group in Group


@given(st.binary(min_size=4, max_size=300))
def test_names_do_not_overrule_signatures(tail: bytes) -> None:
    """Two names of one content with a signature give one type."""
    head = b"\x7fELF" + tail
    assert detect(head, b"a.py") == detect(head, b"a.txt") == detect(head, b"")


def test_groups_of_the_paper() -> None:
    """Our groups map to the eight of the paper."""
    assert {paper_group(group) for group in Group} == {
        "EOL",
        "Source",
        "Scripts",
        "Documents",
        "Archives",
        "Images",
        "Databases",
        "Others",
    }
    assert paper_group(Group.PACKAGE) == "EOL"
    assert paper_group(Group.FONT) == "Others"


def _named_types() -> set[tuple[Group, str]]:
    """Every group and type that a table names."""
    tables = (PREFIXES, TEXT_EXTENSIONS, TEXT_NAMES, DATA_EXTENSIONS, INTERPRETERS, MODES)
    pairs = {pair for table in tables for pair in table.values()}
    return pairs | {pair for *_, pair in INNER} | {pair for row in FIRST_WORDS.values() for _, pair in row}


def test_one_type_has_one_group() -> None:
    """A type belongs to one group, whichever table names it."""
    kinds = [kind for kinds in MIMES.values() for kind in kinds]
    assert len(set(kinds)) == len(kinds)


def test_every_type_has_a_mime_type() -> None:
    """Whatever a table names is in the one of MIME types."""
    listed = {(group, kind) for group, kinds in MIMES.items() for kind in kinds}
    assert _named_types() <= listed
    for found in types_by(Method.NAME).values():
        assert re.fullmatch(r"[a-z]+/[\w.+-]+", found.mime)


MIME_TYPES = [
    (b"\x89PNG\r\n\x1a\n", "x", "image/png"),
    (b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\0" + bytes(200), "x.so", "application/x-sharedlib"),
    (b"#!/bin/sh\n", "x", "text/x-shellscript"),
    (b"import os\n", "x.py", "text/x-script.python"),
    (b"a = 1\n", "x.js", "text/javascript"),
    (b"plain words\n", "README", "text/plain"),
    (NOISE, "x", "application/octet-stream"),
    (b"", "x", "inode/x-empty"),
]


@pytest.mark.parametrize(("head", "name", "mime"), MIME_TYPES)
def test_mime_types(head: bytes, name: str, mime: str) -> None:
    """IANA's name where there is one, else libmagic's."""
    assert detect(head, name.encode()).mime == mime


LATER_LOOKS = [
    (b"\xca\xfe\xba\xbe\0\0\0\0" + NOISE, "x", "data/data"),
    (b"BZh9 is how this text begins\n", "x", "text/ascii"),
    (b"RIFF in a text\n", "x", "text/ascii"),
    (b"FWS and CWS in a text\n", "x", "text/ascii"),
    (b"x^ is how this text begins\n", "x", "text/ascii"),
    (b"P1 was the first\n", "x", "text/ascii"),
    (b"P4\n8 8\n" + bytes(8), "x", "image/netpbm"),
    (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "x", "key/pgp"),
    (b"-----BEGIN PGP SIGNED MESSAGE-----\n", "InRelease", "text/pgp_signed"),
    (b"\x30\x82\x03\x01\x30\x82\x02\x01\xa0\x03\x02\x01\x02", "x", "key/der"),
    (b"\x03\x63\x0d\x20" + bytes(60), "x", "data/data"),
    (b"%!PS-AdobeFont-1.0: A\n", "a.pfa", "font/type1"),
    (b"StartFontMetrics 3.0\n", "a", "font/afm"),
]


@pytest.mark.parametrize(("head", "name", "kind"), LATER_LOOKS)
def test_short_signatures_need_a_second_look(head: bytes, name: str, kind: str) -> None:
    """What only begins like a format is not taken for it."""
    found = detect(head, name.encode())
    assert f"{found.group}/{found.type}" == kind


TEXTS = [
    (b'.\\" a comment\n', "ls.1", "document/troff"),
    (b".TH LS 1\n", "ls", "document/troff"),
    (b"...words\n", "x", "text/ascii"),
    (b"<!DOCTYPE refentry>\n", "x", "document/sgml"),
    (b"<?php echo 1;", "x.inc", "script/php"),
    (b"// Streams -*- C++ -*-\n", "usr/include/c++/12/iostream", "source/c_cpp"),
    (b"# -*- mode: python; coding: utf-8 -*-\n", "SConstruct", "script/python"),
    (b"-*- unknown -*-\n", "x", "text/ascii"),
    (b'{\n  "name": "x"\n}\n', ".bowerrc", "text/json"),
    (b"{ a set }\n", "x", "text/ascii"),
    (b"#include <new>\n", "new", "source/c_cpp"),
    (b"diff --git a/x b/x\n", "fix", "text/diff"),
    (b"=head1 NAME\n", "perl", "document/pod"),
    (b"=head1 NAME\n", "A.pm", "source/perl_module"),
    (b"#!perl -w\npackage A;\n", "A.pm", "source/perl_module"),
    (b"# old\npackage A;\n", "a.pl", "source/perl_module"),
    (b"print 1;\n", "a.pl", "script/perl"),
    (b"export const a: number\n", "a.d.ts", "script/typescript"),
]


@pytest.mark.parametrize(("head", "name", "kind"), TEXTS)
def test_texts_are_told_by_their_first_words_and_their_names(head: bytes, name: str, kind: str) -> None:
    """Marks of documents come first, then the name, then marks that names could contradict."""
    found = detect(head, name.encode())
    assert f"{found.group}/{found.type}" == kind


# What libmagic's MIME types are called here; types it has no opinion on (plain text, octets) are left out.
_MIME_GROUPS = {
    "application/x-sharedlib": Group.EOL,
    "application/x-pie-executable": Group.EOL,
    "application/x-executable": Group.EOL,
    "application/x-archive": Group.EOL,
    "application/x-bytecode.python": Group.EOL,
    "application/gzip": Group.ARCHIVE,
    "application/zip": Group.ARCHIVE,
    "application/x-xz": Group.ARCHIVE,
    "application/x-gettext-translation": Group.DATA,
    "image/png": Group.IMAGE,
    "image/gif": Group.IMAGE,
    "image/jpeg": Group.IMAGE,
    "text/x-shellscript": Group.SCRIPT,
    "text/x-perl": Group.SCRIPT,
    "application/pdf": Group.DOCUMENT,
    "inode/x-empty": Group.EMPTY,
}


@pytest.mark.slow
def test_agrees_with_libmagic_where_it_is_sure() -> None:
    """On files of this machine, at least 97 % are in the group that ``file(1)`` puts them in."""
    if shutil.which("file") is None:
        pytest.skip("file(1) is not installed")
    folders = ("/usr/bin", "/usr/share", sys.prefix)
    paths = [
        path
        for folder in folders
        for path in sorted(Path(folder).rglob("*"))[::40]
        if path.is_file() and not path.is_symlink() and "\n" not in str(path)
    ][:1500]
    done = subprocess.run(
        ["file", "--brief", "--mime-type", "--files-from", "-"],
        check=True,
        capture_output=True,
        text=True,
        input="\n".join(map(str, paths)),
    )
    judged = wrong = 0
    for path, mime in zip(paths, done.stdout.splitlines(), strict=True):
        if mime in _MIME_GROUPS:
            judged += 1
            with path.open("rb") as file:
                wrong += detect(file.read(4096), str(path).encode()).group is not _MIME_GROUPS[mime]
    assert judged
    assert wrong <= 0.03 * judged
