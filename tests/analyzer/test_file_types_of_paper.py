"""Every type that the paper names has a type here: a sample of each, and what ``file(1)`` calls it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import marshal
import shutil
import sqlite3
import struct
import subprocess
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from analyzer.types.detect import detect

NOISE = bytes(range(256)) * 4


def elf(kind: int, interpreter: bytes = b"") -> bytes:
    """An ELF header of x86-64 with one program header: that of the interpreter, or of a segment."""
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", kind, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return (
        header
        + struct.pack("<IIQQQQQQ", 3 if interpreter else 1, 4, 120, 0, 0, 28, 28, 1)
        + interpreter
        + bytes(64)
    )


def tar_of(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        member = tarfile.TarInfo("member")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def zip_of(name: str, content: bytes = b"content") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        member = zipfile.ZipInfo(name)
        member.extra = b"\xfe\xca\0\0" if name.startswith("META-INF/") else b""  # as the jar tool marks it
        archive.writestr(member, content)
    return file.getvalue()


def dbase() -> bytes:
    """One field NAME of ten characters and no record (dBASE III)."""
    header = struct.pack("<BBBBIHH20x", 3, 99, 12, 31, 0, 65, 11)
    return header + struct.pack("<11sc4xBB14x", b"NAME", b"C", 10, 0) + b"\r\x1a"


def berkeley(magic: int, version: int) -> bytes:
    """The first page of a Berkeley DB file (db_page.h, DBMETA)."""
    return struct.pack("<QIIIIBBBB", 1, 0, magic, version, 4096, 0, 8, 0, 0) + bytes(4060)


def sqlite() -> bytes:
    with sqlite3.connect(":memory:") as database:
        database.execute("create table t (a)")
        return database.serialize()


def pe() -> bytes:
    dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
    header = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x22)
    return dos + header + struct.pack("<H", 0x20B) + bytes(400)


def coff(machine: int, flags: int) -> bytes:
    """The header of an object with two sections (PE/COFF, section 3.3)."""
    return struct.pack("<HHIIIHH", machine, 2, 0x5E000000, 160, 8, 0, flags) + b".text\0\0\0" + bytes(72)


def ar_of(name: bytes, content: bytes) -> bytes:
    return b"!<arch>\n%-16s%-12d%-6d%-6d%-8d%-10d`\n%s" % (name, 0, 0, 0, 100644, len(content), content)


SVG = b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0) + bytes(40)
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0" + bytes(64)


@dataclass(frozen=True, slots=True)
class Sample:
    """A type of the paper.

    Attributes:
        paper: What the paper calls it.
        kind: ``group/type`` here.
        name: A usual name.
        content: Some content.
        libmagic: How file(1) describes it; empty where it cannot tell.
    """

    paper: str
    kind: str
    name: str
    content: bytes
    libmagic: str


SAMPLES = [
    Sample(
        "ELF",
        "eol/elf_executable",
        "a.out",
        elf(2, b"/lib64/ld-linux-x86-64.so.2\0"),
        "ELF 64-bit LSB executable",
    ),
    Sample("ELF", "eol/elf_pie", "ls", elf(3, b"/lib64/ld-linux-x86-64.so.2\0"), "ELF 64-bit LSB"),
    Sample("ELF", "eol/elf_library", "a.so", elf(3), "ELF 64-bit LSB shared object"),
    Sample("ELF", "eol/elf_object", "a.o", elf(1), "ELF 64-bit LSB relocatable"),
    Sample("ELF", "eol/elf_core", "core", elf(4), "ELF 64-bit LSB core file"),
    Sample(
        "bytecode",
        "eol/python_bytecode",
        "a.pyc",
        b"\xa7\r\r\n" + bytes(12) + marshal.dumps(0),
        "Byte-compiled Python",
    ),
    Sample(
        "bytecode",
        "eol/terminfo",
        "xterm",
        b"\x1a\x01\x06\0\2\0\3\0\4\0\1\0xterm\0" + bytes(40),
        "Compiled terminfo",
    ),
    Sample(
        "bytecode",
        "eol/java_class",
        "A.class",
        b"\xca\xfe\xba\xbe\0\0\0\x34\0\x1d" + bytes(64),
        "compiled Java class",
    ),
    Sample("bytecode", "eol/llvm_bitcode", "a.bc", b"BC\xc0\xde" + bytes(60), "LLVM IR bitcode"),
    Sample(
        "bytecode",
        "eol/emacs_bytecode",
        "a.elc",
        b";ELC\x1c\0\0\0\n;;; Compiled\n" + bytes(60),
        "Emacs/XEmacs",
    ),
    Sample("PE", "eol/pe", "a.exe", pe(), "PE32+ executable"),
    Sample("PE", "eol/dos_executable", "a.com", b"MZ" + bytes(60) + b"\x90" * 64, "MS-DOS executable"),
    Sample("COFF", "eol/coff", "a.obj", coff(0x8664, 0), "Intel amd64 COFF object"),
    Sample("COFF", "eol/coff", "a.obj", coff(0x14C, 4), "Intel 80386 COFF object"),
    Sample("library", "eol/library", "liba.a", ar_of(b"/", bytes(4)), "current ar archive"),
    Sample("deb", "package/deb", "a.deb", ar_of(b"debian-binary", b"2.0\n"), "Debian binary package"),
    Sample("rpm", "package/rpm", "a.rpm", b"\xed\xab\xee\xdb\3\0\0\0\0\1a-1-1" + bytes(90), "RPM v3"),
    Sample(
        "Mach-O",
        "eol/mach_o",
        "a",
        struct.pack("<IIIIIIII", 0xFEEDFACF, 0x01000007, 3, 2, 0, 0, 0, 0),
        "Mach-O 64-bit",
    ),
    Sample(
        "Mach-O",
        "eol/mach_o",
        "fat",
        struct.pack(">IIIIIII", 0xCAFEBABE, 2, 7, 3, 4096, 4096, 12) + bytes(64),
        "Mach-O universal",
    ),
    Sample("ASCII", "text/ascii", "README", b"plain words\n", "ASCII text"),
    Sample("UTF", "text/utf8", "README", "grüße\n".encode(), "Unicode text, UTF-8 text"),
    Sample("UTF", "text/utf16", "README", "grüße\n".encode("utf-16"), "Unicode text, UTF-16"),
    Sample("ISO-8859", "text/extended_ascii", "README", "grüße\n".encode("latin-1"), "ISO-8859 text"),
    Sample("XML", "document/xml", "a", b"<?xml version='1.0'?>\n<a/>\n", "XML 1.0 document"),
    Sample("HTML", "document/html", "a", b"<!DOCTYPE html>\n<html></html>\n", "HTML document"),
    Sample("PDF", "document/pdf", "a", b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", "PDF document"),
    Sample("PS", "document/postscript", "a", b"%!PS-Adobe-3.0\n%%EndComments\n", "PostScript document"),
    Sample(
        "LaTeX",
        "document/latex",
        "a.tex",
        b"\\documentclass{article}\n\\begin{document}\n",
        "LaTeX 2e document",
    ),
    Sample("C/C++", "source/c_cpp", "a.c", b"#include <stdio.h>\nint main(void) { return 0; }\n", "C source"),
    Sample(
        "Perl module", "source/perl_module", "A.pm", b"package A;\nuse strict;\n1;\n", "Perl5 module source"
    ),
    Sample("Ruby module", "source/ruby_module", "a.rbi", b"module A\nend\n", ""),
    Sample("Pascal", "source/pascal", "a.pas", b"program a;\nbegin\nend.\n", ""),
    Sample(
        "Fortran",
        "source/fortran",
        "a.f",
        b"c     a comment\n      program a\n      end\n",
        "FORTRAN program",
    ),
    Sample("Lisp", "source/lisp", "a.lisp", b"(defun a () 1)\n", "Lisp/Scheme program"),
    Sample("zip", "archive/zip", "a.zip", zip_of("a"), "Zip archive data"),
    Sample("zip", "archive/jar", "a.jar", zip_of("META-INF/MANIFEST.MF"), "Java archive data"),
    Sample("gzip", "archive/gzip", "a.gz", gzip.compress(NOISE), "gzip compressed data"),
    Sample("bzip2", "archive/bzip2", "a.bz2", bz2.compress(NOISE), "bzip2 compressed data"),
    Sample("tar", "archive/tar", "a.tar", tar_of(NOISE), "POSIX tar archive"),
    Sample("xz", "archive/xz", "a.xz", lzma.compress(NOISE), "XZ compressed data"),
    Sample(
        "xz", "archive/lzma", "a.lzma", lzma.compress(NOISE, format=lzma.FORMAT_ALONE), "LZMA compressed data"
    ),
    Sample("zlib", "archive/zlib", "b1f3", zlib.compress(NOISE), "zlib compressed data"),
    Sample("Python", "script/python", "a", b"#!/usr/bin/python3\nimport os\n", "Python script"),
    Sample("shell", "script/shell", "a", b"#!/bin/sh\nset -e\n", "POSIX shell script"),
    Sample("Ruby", "script/ruby", "a", b"#!/usr/bin/ruby\nputs 1\n", "Ruby script"),
    Sample("AWK", "script/awk", "a", b"#!/usr/bin/awk -f\n{ print }\n", "awk script"),
    Sample("Perl", "script/perl", "a", b"#!/usr/bin/perl\nprint 1;\n", "Perl script"),
    Sample("PHP", "script/php", "a", b"<?php\necho 1;\n", "PHP script"),
    Sample("Node", "script/node", "a", b"#!/usr/bin/env node\nlet a = 1\n", "Node.js script"),
    Sample("make", "script/make", "Makefile", b"A = 1\n.PHONY: all\nall:\n\techo\n", "makefile script"),
    Sample("M4", "script/m4", "a.m4", b"dnl a comment\ndefine(`a', `b')\n", "M4 macro processor script"),
    Sample("Tcl", "script/tcl", "a", b"#!/usr/bin/tclsh\nputs 1\n", "Tcl"),
    Sample("PNG", "image/png", "a", PNG, "PNG image data"),
    Sample("SVG", "image/svg", "a", SVG, "SVG Scalable Vector Graphics"),
    Sample("JPEG", "image/jpeg", "a", JPEG, "JPEG image data"),
    Sample("FITS", "image/fits", "a", b"SIMPLE  =                    T".ljust(2880), "FITS image data"),
    Sample("TIFF", "image/tiff", "a", b"II*\0\x08\0\0\0\0\0" + bytes(32), "TIFF image data"),
    Sample(
        "EPS", "image/eps", "a", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", "PostScript document"
    ),
    Sample("GIF", "image/gif", "a", b"GIF89a\1\0\1\0\x80\0\0" + bytes(16), "GIF image data"),
    Sample(
        "BMP",
        "image/bmp",
        "a",
        b"BM" + struct.pack("<IIIIIIHH", 58, 0, 54, 40, 1, 1, 1, 24) + bytes(28),
        "PC bitmap",
    ),
    Sample("Berkeley", "database/berkeley_db", "a", berkeley(0x00053162, 9), "Berkeley DB"),
    Sample("Berkeley", "database/berkeley_db", "a", berkeley(0x00061561, 9), "Berkeley DB"),
    Sample(
        "Berkeley",
        "database/berkeley_db",
        "a.db",
        struct.pack(">II", 0x00061561, 2) + bytes(64),
        "Berkeley DB",
    ),
    Sample(
        "MySQL", "database/mysql", "a.frm", b"\xfe\x01\x0a\x0c\0\0" + bytes(90), "MySQL table definition file"
    ),
    Sample(
        "MySQL", "database/mysql", "a.MYI", b"\xfe\xfe\x07\x01\0\0" + bytes(90), "MySQL MyISAM index file"
    ),
    Sample("dBase", "database/dbase", "a", dbase(), "FoxBase+/dBase III DBF"),
    Sample(
        "NDBM",
        "database/gdbm",
        "a",
        struct.pack("<I", 0x13579ACE) + bytes(64),
        "GNU dbm 1.x or ndbm database",
    ),
    Sample("SQLite", "database/sqlite", "a", sqlite(), "SQLite 3.x database"),
    Sample(
        "message catalogs",
        "data/message_catalog",
        "a.mo",
        struct.pack("<IIII", 0x950412DE, 0, 0, 28) + bytes(32),
        "GNU message catalog",
    ),
    Sample(
        "fonts",
        "font/truetype",
        "a.ttf",
        b"\0\x01\0\0\0\x0a\0\x80\0\3\0\x20cmap" + bytes(200),
        "TrueType Font data",
    ),
    Sample("fonts", "font/woff2", "a.woff2", b"wOF2\0\1\0\0" + bytes(64), "Web Open Font Format (Version 2)"),
    Sample(
        "fonts", "font/type1", "a.pfb", b"\x80\x01\x10\0\0\0%!PS-AdobeFont-1.0: A\n", "PostScript Type 1 font"
    ),
    Sample("git packs", "data/git_pack", "a.pack", b"PACK\0\0\0\2\0\0\0\1" + bytes(32), "Git pack"),
    Sample("audio", "media/mp3", "a", b"\xff\xfb\x90\x00" + bytes(600), "MPEG ADTS, layer III"),
    Sample("audio", "media/ogg", "a", b"OggS\0\2" + bytes(60), "Ogg data"),
    Sample(
        "audio",
        "media/wav",
        "a",
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0" + bytes(32),
        "RIFF (little-endian) data, WAVE",
    ),
    Sample("video", "media/mp4", "a", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(32), "ISO Media, MP4"),
    Sample("keys", "key/pem", "a", b"-----BEGIN CERTIFICATE-----\nMIIB\n", "PEM certificate"),
    Sample("keys", "key/pgp", "a", b"\x99\x01\x0d\x04\x65\0\0\0\x01\x08\0" + NOISE, "OpenPGP Public Key"),
    Sample("data", "data/data", "a", bytes(range(1, 256)), "data"),
    Sample("empty", "empty/empty", "a", b"", "empty"),
]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.paper}: {sample.kind}")
def test_a_type_of_the_paper(sample: Sample) -> None:
    """A content of the type is told as that type."""
    found = detect(sample.content[:4096], sample.name.encode())
    assert f"{found.group}/{found.type}" == sample.kind


@pytest.mark.slow
def test_the_samples_are_what_file_says_they_are(tmp_path: Path) -> None:
    """The samples are no inventions: ``file(1)`` describes each as what it is here."""
    if shutil.which("file") is None:
        pytest.skip("file(1) is not installed (make real-parts)")
    paths = []
    for number, sample in enumerate(SAMPLES):
        path = tmp_path / str(number) / sample.name
        path.parent.mkdir()
        path.write_bytes(sample.content)
        paths.append(path)
    done = subprocess.run(["file", "--brief", *paths], check=True, capture_output=True, text=True)
    answers = zip(SAMPLES, done.stdout.splitlines(), strict=True)
    assert [(s.kind, s.libmagic, said) for s, said in answers if not said.startswith(s.libmagic)] == []
