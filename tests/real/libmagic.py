"""What ``file(1)`` says of files, in our groups.

The table translates libmagic's vocabulary, not files: a row is an answer that libmagic can give. Where its
MIME type is only ``text/plain`` or ``application/octet-stream``, its words are asked. They may tell no kind:

- an encoding ("ASCII text, with very long lines"): some text, of whatever group has texts;
- "data" or "very short file": nothing.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from corpus.profiles.groups import Group

MIME_GROUPS = {
    Group.EOL: """
        application/x-sharedlib application/x-pie-executable application/x-executable application/x-object
        application/x-coredump application/x-archive application/x-bytecode.python application/x-terminfo
        application/x-terminfo2 application/x-java-applet application/x-dosexec application/x-mach-binary
        application/vnd.microsoft.portable-executable""",
    Group.PACKAGE: "application/vnd.debian.binary-package application/x-rpm",
    Group.SOURCE: """
        text/x-c text/x-c++ text/x-java text/x-Algol68 text/x-fortran text/x-pascal text/x-objective-c
        text/x-lisp text/x-asm""",
    Group.SCRIPT: """
        text/x-script.python text/x-python text/x-perl text/x-shellscript text/x-ruby text/x-php text/x-awk
        text/x-gawk text/x-nawk text/x-tcl text/x-lua text/x-makefile text/x-m4 text/x-msdos-batch
        application/javascript text/javascript""",
    Group.DOCUMENT: """
        text/html text/xml application/pdf application/postscript text/troff text/rtf text/x-tex
        text/x-texinfo
        application/msword application/vnd.ms-office application/CDFV2 application/x-dvi image/vnd.djvu""",
    Group.TEXT: """
        application/json application/x-ndjson text/csv text/x-po text/x-diff message/rfc822 text/x-ms-regedit
        text/PGP""",
    Group.ARCHIVE: """
        application/gzip application/zip application/x-xz application/x-bzip2 application/x-tar
        application/zstd
        application/x-7z-compressed application/x-cpio application/java-archive application/zlib
        application/x-lzma application/x-lz4 application/x-compress""",
    Group.IMAGE: """
        image/png image/gif image/jpeg image/svg+xml image/tiff image/x-xpixmap image/x-xbitmap image/bmp
        image/vnd.microsoft.icon image/webp image/x-xcursor image/fits image/x-portable-bitmap
        image/x-portable-greymap image/x-portable-pixmap""",
    Group.MEDIA: """
        audio/ogg audio/mpeg audio/x-wav audio/flac audio/midi video/mp4 video/ogg video/x-msvideo video/webm
        audio/basic application/ogg video/x-matroska""",
    Group.DATABASE: """
        application/vnd.sqlite3 application/x-sqlite3 application/x-gdbm application/x-dbm
        application/x-dbf""",
    Group.FONT: """
        font/sfnt application/vnd.ms-opentype font/woff font/woff2 application/vnd.ms-fontobject
        application/x-font-pcf application/x-font-type1""",
    Group.KEY: "application/pgp-keys application/pgp-signature application/x-java-keystore",
    Group.DATA: "application/x-gettext-translation application/x-hdf5 application/x-git",
    Group.EMPTY: "inode/x-empty",
}
_GROUP_OF_MIME = {mime: group for group, mimes in MIME_GROUPS.items() for mime in mimes.split()}
_SILENT_MIMES = ("text/plain", "application/octet-stream")

# How libmagic's words begin.
WORDS = (
    ("a /", Group.SCRIPT),  # "a /usr/bin/mawk -f script"
    ("awk or perl script", Group.SCRIPT),
    ("Python script", Group.SCRIPT),
    ("Perl5 module source", Group.SOURCE),
    ("Nim source code", Group.SOURCE),
    ("Perl POD document", Group.DOCUMENT),
    ("PEM ", Group.KEY),
    ("OpenSSH", Group.KEY),
    ("Certificate", Group.KEY),
    ("PostScript Type 1 font", Group.FONT),
    ("ASCII font metrics", Group.FONT),
    ("X11 BDF font", Group.FONT),
    ("TeX font metric data", Group.FONT),
    ("Berkeley DB", Group.DATABASE),
    ("MySQL", Group.DATABASE),
    ("timezone data", Group.DATA),
    ("glibc locale file", Group.DATA),
    ("gconv module configuration cache data", Group.DATA),
)
_ENCODING = re.compile(r"(ASCII|ISO-8859|Non-ISO extended-ASCII|Unicode) text(, .*)?")
_SILENT_WORDS = ("data", "very short file (no magic)")
_GROUPS_OF_TEXTS = (Group.TEXT, Group.DOCUMENT, Group.SOURCE, Group.SCRIPT, Group.KEY)  # keys as PEM


@dataclass(frozen=True, slots=True)
class Answer:
    """What libmagic says of one file.

    Attributes:
        mime: Its MIME type.
        words: Its description.
        group: The group that is, if it tells a kind; None where it tells none, and where the table lacks it.
    """

    mime: str
    words: str
    group: Group | None

    @property
    def is_encoding(self) -> bool:
        """Whether it tells only that the file is a text."""
        return (
            self.mime == "text/plain" and self.group is None and _ENCODING.fullmatch(self.words) is not None
        )

    @property
    def is_silent(self) -> bool:
        """Whether it tells nothing."""
        return self.group is None and self.words in _SILENT_WORDS

    @property
    def tells_a_group(self) -> bool:
        return not self.is_encoding and not self.is_silent

    def agrees_with(self, group: str | None) -> bool:
        """Whether a file of this group of ours is in the one libmagic tells, as far as it tells one."""
        if self.is_silent:
            return True
        return group in _GROUPS_OF_TEXTS if self.is_encoding else group == self.group

    def literally_agrees_with(self, group: str | None) -> bool:
        """The same where an encoding is the group of plain texts, and silence that of unknown data."""
        if self.is_encoding:
            return group == Group.TEXT
        return group == (Group.DATA if self.is_silent else self.group)


def ask(root: Path, paths: list[str]) -> list[Answer]:
    """Every answer, in the order of ``paths`` below ``root``."""
    mimes, words = (_file(root, paths, *options) for options in (["--mime-type"], []))
    return [Answer(mime, word, _group(mime, word)) for mime, word in zip(mimes, words, strict=True)]


def _file(root: Path, paths: list[str], *options: str) -> list[str]:
    done = subprocess.run(
        ["file", "--brief", "--no-pad", *options, "--files-from", "-"],
        cwd=root, input="\n".join(paths).encode(), capture_output=True, timeout=110, check=True,
    )  # fmt: skip
    return done.stdout.decode(errors="replace").removesuffix("\n").split("\n")


def _group(mime: str, words: str) -> Group | None:
    if mime not in _SILENT_MIMES:
        return _GROUP_OF_MIME.get(mime)
    return next((group for start, group in WORDS if words.startswith(start)), None)
