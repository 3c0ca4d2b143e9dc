"""Signatures: bytes at a fixed place that name a type.

Sources: the formats' own specifications and the list of ``file(1)``. Signatures that are short or shared are
in :mod:`analyzer.types.formats`, with the second look they need.
"""

from __future__ import annotations

from corpus.profiles.groups import Group

_EOL, _ARCHIVE, _IMAGE, _MEDIA = Group.EOL, Group.ARCHIVE, Group.IMAGE, Group.MEDIA
_DATABASE, _FONT, _DATA, _DOCUMENT = Group.DATABASE, Group.FONT, Group.DATA, Group.DOCUMENT

# Bytes at the start of the content; the longest that matches wins.
PREFIXES: dict[bytes, tuple[Group, str]] = {
    # executables, object code, libraries, bytecode
    b"\xfe\xed\xfa\xce": (_EOL, "mach_o"),
    b"\xfe\xed\xfa\xcf": (_EOL, "mach_o"),
    b"\xce\xfa\xed\xfe": (_EOL, "mach_o"),
    b"\xcf\xfa\xed\xfe": (_EOL, "mach_o"),
    b"\x1a\x01": (_EOL, "terminfo"),
    b"\x1e\x02": (_EOL, "terminfo"),
    b"!<arch>\n": (_EOL, "library"),
    b"!<thin>\n": (_EOL, "library"),
    b"\0asm": (_EOL, "wasm"),
    b"BC\xc0\xde": (_EOL, "llvm_bitcode"),
    b"\xde\xc0\x17\x0b": (_EOL, "llvm_bitcode"),
    b"dex\n0": (_EOL, "dex"),
    b"\x1bLua": (_EOL, "lua_bytecode"),
    b";ELC": (_EOL, "emacs_bytecode"),
    b"FOR1": (_EOL, "erlang_beam"),
    b"Caml1999": (_EOL, "ocaml_object"),
    b"YARB": (_EOL, "ruby_bytecode"),
    # packages
    b"!<arch>\ndebian": (Group.PACKAGE, "deb"),
    b"\xed\xab\xee\xdb": (Group.PACKAGE, "rpm"),
    # archives
    b"\x1f\x8b": (_ARCHIVE, "gzip"),
    b"\x1f\x9d": (_ARCHIVE, "compress"),
    b"\x1f\xa0": (_ARCHIVE, "compress"),
    b"\xfd7zXZ\0": (_ARCHIVE, "xz"),
    b"\x28\xb5\x2f\xfd": (_ARCHIVE, "zstd"),
    b"\x04\x22\x4d\x18": (_ARCHIVE, "lz4"),
    b"LZIP": (_ARCHIVE, "lzip"),
    b"\x89LZO\0\r\n\x1a\n": (_ARCHIVE, "lzop"),
    b"PK\x05\x06": (_ARCHIVE, "zip"),
    b"7z\xbc\xaf\x27\x1c": (_ARCHIVE, "7z"),
    b"Rar!\x1a\x07": (_ARCHIVE, "rar"),
    b"MSCF": (_ARCHIVE, "cab"),
    b"070701": (_ARCHIVE, "cpio"),
    b"070702": (_ARCHIVE, "cpio"),
    b"070707": (_ARCHIVE, "cpio"),
    b"hsqs": (_ARCHIVE, "squashfs"),
    b"sqsh": (_ARCHIVE, "squashfs"),
    b"xar!": (_ARCHIVE, "xar"),
    # images
    b"\x89PNG\r\n\x1a\n": (_IMAGE, "png"),
    b"\xff\xd8\xff": (_IMAGE, "jpeg"),
    b"GIF87a": (_IMAGE, "gif"),
    b"GIF89a": (_IMAGE, "gif"),
    b"II*\0": (_IMAGE, "tiff"),
    b"MM\0*": (_IMAGE, "tiff"),
    b"SIMPLE  =": (_IMAGE, "fits"),
    b"gimp xcf": (_IMAGE, "xcf"),
    b"Xcur": (_IMAGE, "xcursor"),
    b"8BPS\0": (_IMAGE, "psd"),
    b"/* XPM */": (_IMAGE, "xpm"),
    b"%!PS-Adobe-3.0 EPSF": (_IMAGE, "eps"),
    b"\xc5\xd0\xd3\xc6": (_IMAGE, "eps"),
    # audio, video
    b"OggS": (_MEDIA, "ogg"),
    b"fLaC": (_MEDIA, "flac"),
    b"\xff\xf1": (_MEDIA, "aac"),
    b"\xff\xf9": (_MEDIA, "aac"),
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": (_MEDIA, "asf"),
    b"#!AMR": (_MEDIA, "amr"),
    b"MThd": (_MEDIA, "midi"),
    b"\x1a\x45\xdf\xa3": (_MEDIA, "matroska"),
    b"FLV\x01": (_MEDIA, "flv"),
    b"\0\0\x01\xba": (_MEDIA, "mpeg"),
    # databases
    b"SQLite format 3\0": (_DATABASE, "sqlite"),
    b"\xfe\x01\t": (_DATABASE, "mysql"),
    b"\xfe\x01\n": (_DATABASE, "mysql"),
    b"\xfe\xfe\x07": (_DATABASE, "mysql"),
    b"\xfe\xfe\x05": (_DATABASE, "mysql"),
    b"\xfe\xfe\x06": (_DATABASE, "mysql"),
    b"\x13\x57\x9a\xce": (_DATABASE, "gdbm"),
    b"\xce\x9a\x57\x13": (_DATABASE, "gdbm"),
    b"\xcf\x9a\x57\x13": (_DATABASE, "gdbm"),
    b"\x13\x57\x9a\xcf": (_DATABASE, "gdbm"),
    b"\0\x06\x15\x61": (_DATABASE, "berkeley_db"),
    b"\x61\x15\x06\0": (_DATABASE, "berkeley_db"),
    b"\0\x05\x31\x62": (_DATABASE, "berkeley_db"),
    b"\x62\x31\x05\0": (_DATABASE, "berkeley_db"),
    b"RpmP": (_DATABASE, "rpmdb_ndb"),
    # documents
    b"%PDF-": (_DOCUMENT, "pdf"),
    b"%!PS": (_DOCUMENT, "postscript"),
    b"\x04%!PS": (_DOCUMENT, "postscript"),
    b"{\\rtf": (_DOCUMENT, "rtf"),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": (_DOCUMENT, "ole2"),
    b"ITSF\x03": (_DOCUMENT, "chm"),
    b"AT&TFORM": (_DOCUMENT, "djvu"),
    # fonts
    b"true\0": (_FONT, "truetype"),
    b"OTTO\0": (_FONT, "opentype"),
    b"ttcf\0": (_FONT, "truetype"),
    b"wOFF": (_FONT, "woff"),
    b"wOF2": (_FONT, "woff2"),
    b"\x01fcp": (_FONT, "pcf"),
    b"STARTFONT": (_FONT, "bdf"),
    b"StartFontMetrics": (_FONT, "afm"),
    b"%!PS-AdobeFont": (_FONT, "type1"),
    b"%!FontType1": (_FONT, "type1"),
    b"%!PS-Adobe-3.0 Resource-Font": (_FONT, "type1"),
    # keys
    b"\xfe\xed\xfe\xed": (Group.KEY, "java_keystore"),
    b"\xce\xce\xce\xce": (Group.KEY, "java_keystore"),
    b"ssh-rsa ": (Group.KEY, "ssh"),
    b"ssh-ed25519 ": (Group.KEY, "ssh"),
    # data of known form
    b"\xde\x12\x04\x95": (_DATA, "message_catalog"),
    b"\x95\x04\x12\xde": (_DATA, "message_catalog"),
    b"PACK\0\0\0": (_DATA, "git_pack"),
    b"\xfftOc": (_DATA, "git_pack_index"),
    b"DIRC\0\0\0": (_DATA, "git_index"),
    b"TZif": (_DATA, "timezone"),
    b"\x89HDF\r\n\x1a\n": (_DATA, "hdf5"),
    b"\x93NUMPY": (_DATA, "numpy"),
    b"GGUF": (_DATA, "gguf"),
    b"PAR1": (_DATA, "parquet"),
    b"ARROW1": (_DATA, "arrow"),
    b"KDMV": (_DATA, "disk_image"),
    b"QFI\xfb": (_DATA, "disk_image"),
    b"\xd4\xc3\xb2\xa1": (_DATA, "pcap"),
    b"\x0a\x0d\x0d\x0a": (_DATA, "pcap"),
    b"bplist00": (_DATA, "binary_plist"),
    b"\xd0\x0d\xfe\xed": (_DATA, "device_tree"),
    b"\xac\xed\0\x05": (_DATA, "java_serialized"),
    b"MDMP\x93\xa7": (_DATA, "minidump"),
}

# Bytes further in: offset, bytes, type.
INNER: tuple[tuple[int, bytes, tuple[Group, str]], ...] = (
    (257, b"ustar", (_ARCHIVE, "tar")),
    (4, b"ftypavif", (_IMAGE, "avif")),
    (4, b"ftyphei", (_IMAGE, "heif")),
    (4, b"ftyp", (_MEDIA, "mp4")),
    (4, b"moov", (_MEDIA, "mp4")),
    (12, b"\x62\x31\x05\x00", (_DATABASE, "berkeley_db")),
    (12, b"\x61\x15\x06\x00", (_DATABASE, "berkeley_db")),
    (12, b"\x53\x22\x04\x00", (_DATABASE, "berkeley_db")),
    (12, b"\x00\x05\x31\x62", (_DATABASE, "berkeley_db")),
    (12, b"\x00\x06\x15\x61", (_DATABASE, "berkeley_db")),
    (12, b"\x00\x04\x22\x53", (_DATABASE, "berkeley_db")),
    (12, b"\x88\x09\x04\x00", (_DATABASE, "berkeley_db")),
    (2, b"-lh", (_ARCHIVE, "lha")),
    (8, b"AIFF", (_MEDIA, "aiff")),
    (16, b"\x62\x31\x05\x00", (_DATABASE, "berkeley_db")),
    (34, b"LP", (_FONT, "eot")),
    (1080, b"\x53\xef", (_DATA, "ext_file_system")),
    (1024, b"\xe2\xe1\xf5\xe0", (_ARCHIVE, "erofs")),
)

# First words of a text in lower case, by their first byte.
FIRST_WORDS: dict[bytes, tuple[tuple[bytes, tuple[Group, str]], ...]] = {
    b"<": (
        (b"<?xml", (_DOCUMENT, "xml")),
        (b"<!doctype html", (_DOCUMENT, "html")),
        (b"<!doctype", (_DOCUMENT, "sgml")),
        (b"<html", (_DOCUMENT, "html")),
        (b"<svg", (_IMAGE, "svg")),
        (b"<?php", (Group.SCRIPT, "php")),
    ),
    b"\\": (
        (b"\\documentclass", (_DOCUMENT, "latex")),
        (b"\\input texinfo", (_DOCUMENT, "texinfo")),
    ),
    b".": ((b'.\\"', (_DOCUMENT, "troff")),),
    b"'": ((b"'\\\"", (_DOCUMENT, "troff")), (b"'.\\\"", (_DOCUMENT, "troff"))),
    b"d": ((b"diff --git ", (Group.TEXT, "diff")), (b"diff -", (Group.TEXT, "diff"))),
    b"i": ((b"index: ", (Group.TEXT, "diff")),),
}
