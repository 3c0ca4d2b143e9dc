"""Layers with what real layers seldom hold, and readers trip over; entries in the order of the archive."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

from samplehub.content.entries import Entry, directory, hard_link, opaque, symlink, whiteout
from samplehub.content.seeds import EPOCH, stream
from samplehub.content.shapes import content

if TYPE_CHECKING:
    from collections.abc import Callable

_DEEP = "/".join(f"level{depth:02}" for depth in range(40))  # 319 bytes, depth 40
_LATIN1_NAME = b"caf\xe9".decode("utf-8", "surrogateescape")  # not UTF-8


def names() -> list[Entry]:
    """Long names (above 100 and 255 bytes), deep ones, UTF-8, other bytes, spaces and a line feed."""
    return [
        directory("names"),
        Entry(f"names/{'a' * 99}.txt", b"a name of 103 bytes\n"),
        Entry(f"names/{'b' * 200}/{'c' * 90}.txt", b"a path above 255 bytes\n"),
        Entry(f"names/{_DEEP}/bottom.txt", b"deep down\n"),
        Entry("names/Überraschung.txt", "Grüße\n".encode()),
        Entry("names/日本語.txt", "こんにちは\n".encode()),
        Entry(f"names/{_LATIN1_NAME}.txt", b"a name in Latin-1\n"),
        Entry("names/with space and\nline feed", b"legal in POSIX\n"),
        Entry("names/-rf", b"looks like an option\n"),
        symlink("names/to-long", f"{'d' * 150}/{'e' * 150}"),
        symlink(f"names/to-{_LATIN1_NAME}", f"{_LATIN1_NAME}.txt"),
    ]


def links() -> list[Entry]:
    """Hard links, and symbolic links: relative, absolute, dangling, in a circle, to above the root."""
    tool = content("elf", stream("links"), 30_000)
    return [
        directory("opt/links"),
        Entry("opt/links/tool", tool, 0o755),
        hard_link("opt/links/tool-1.0", "opt/links/tool", 0o755),
        hard_link("opt/links/tool-latest", "opt/links/tool", 0o755),
        symlink("opt/links/relative", "../links/tool"),
        symlink("opt/links/absolute", "/opt/links/tool"),
        symlink("opt/links/dangling", "/nowhere/at/all"),
        symlink("opt/links/circle-a", "circle-b"),
        symlink("opt/links/circle-b", "circle-a"),
        symlink("opt/links/above", "../../../../../../etc/passwd"),
    ]


def nodes() -> list[Entry]:
    """Devices, a FIFO, setuid, setgid and sticky modes, foreign owners, early and fractional times."""
    someone = (1000, 100, "someone", "users")
    return [
        directory("dev"),
        Entry("dev/null", mode=0o666, kind=tarfile.CHRTYPE, device=(1, 3)),
        Entry("dev/sda", mode=0o660, kind=tarfile.BLKTYPE, device=(8, 0), owner=(0, 6, "root", "disk")),
        Entry("dev/initctl", mode=0o600, kind=tarfile.FIFOTYPE),
        directory("srv/drop", 0o1777),
        Entry("srv/setuid", content("elf", stream("setuid"), 9000), 0o4755),
        Entry("srv/setgid", content("elf", stream("setgid"), 9000), 0o2755),
        Entry("srv/owned", b"someone's\n", 0o600, owner=someone),
        Entry("srv/numeric", b"no names\n", owner=(65_534, 65_534, "", "")),
        Entry("srv/large-id", b"ids that need a record or base 256\n", owner=(3_000_000, 3_000_000, "", "")),
        Entry("srv/epoch", b"1970\n", mtime=0),
        Entry("srv/fraction", b"time with a fraction\n", mtime=EPOCH + 0.25),
        Entry("srv/unreadable", b"mode 000\n", mode=0),
    ]


def attributes() -> list[Entry]:
    """Extended attributes as PAX records (SCHILY.xattr), among them a binary file capability."""
    capability = b"\x01\x00\x00\x02\x00\x04\x00\x00" + bytes(12)  # cap_net_bind_service+ep, revision 2
    return [
        directory("usr/local/bin"),
        Entry(
            "usr/local/bin/listen",
            content("elf", stream("listen"), 20_000),
            0o755,
            pax={"SCHILY.xattr.security.capability": capability.decode("utf-8", "surrogateescape")},
        ),
        Entry(
            "usr/local/bin/noted", b"#!/bin/sh\n", 0o755, pax={"SCHILY.xattr.user.note": "kept as it is: ü"}
        ),
        Entry(
            "usr/local/bin/timed", b"#!/bin/sh\n", 0o755, pax={"ctime": "1700000000.5", "comment": "a remark"}
        ),
    ]


def markers() -> list[Entry]:
    """Whiteouts of files, of a directory and of nothing; an opaque directory; one before its own files."""
    return [
        whiteout("names/-rf"),
        whiteout("opt/links"),
        whiteout("not/there/below"),
        directory("srv"),
        opaque("srv"),
        Entry("srv/after-opaque", b"survives: markers act on lower layers only\n"),
        whiteout("etc/hostname"),
        Entry("etc/hostname", b"back in the same layer\n"),
    ]


def repeated() -> list[Entry]:
    """One path three times, a file that becomes a directory, no parent directories, ``./`` in front."""
    return [
        Entry("./data/same", b"first\n"),
        Entry("./data/same", b"second\n"),
        Entry("./data/same", b"third wins\n"),
        Entry("./data/changes", b"a file at first\n"),
        directory("./data/changes"),
        Entry("./data/changes/inside", b"then a directory\n"),
        Entry("far/away/without/parents", b"implied\n"),
    ]


def zeros() -> list[Entry]:
    """A file of zeros (highly compressible), empty files, and one byte."""
    return [
        Entry("var/zeros.img", bytes(2_000_000)),
        *(Entry(f"var/empty-{i}") for i in range(20)),
        Entry("var/one-byte", b"\n"),
    ]


ODDITIES: dict[str, Callable[[], list[Entry]]] = {
    "names": names,
    "links": links,
    "nodes": nodes,
    "attributes": attributes,
    "markers": markers,
    "repeated": repeated,
    "zeros": zeros,
}
