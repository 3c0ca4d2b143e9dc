"""System packages: their files, and the databases that dpkg, apk and rpm keep of them."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from samplehub.content.archives import package_table
from samplehub.content.catalogue.packages import PACKAGES
from samplehub.content.entries import Entry
from samplehub.content.seeds import EPOCH, stream
from samplehub.content.shapes import TRIPLETS, Owner, files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Kinds of files that Alpine leaves to -doc and -lang packages, or does not have.
_NOT_IN_ALPINE = {
    "man",
    "copyright",
    "changes",
    "locale",
    "info",
    "docpage",
    "example",
    "maint",
    "init",
    "charset",
}
_ARCHITECTURES = {
    "dpkg": {"amd64": "amd64", "386": "i386", "arm": "armhf", "arm64": "arm64", "s390x": "s390x"},
    "apk": {"amd64": "x86_64", "386": "x86", "arm": "armv7", "arm64": "aarch64", "s390x": "s390x"},
}
_MAINTAINER = "Sample Hub Packagers <packages@samplehub.example>"


@dataclass(frozen=True, slots=True)
class Package:
    """A package as one release of a distribution has it.

    Attributes:
        name: Name, the same in all distributions.
        section: Section of dpkg.
        version: Upstream version and revision. Releases share some versions, and then the files.
        depends: Names of other packages.
        files: What it installs.
    """

    name: str
    section: str
    version: str
    depends: tuple[str, ...]
    files: tuple[Entry, ...]


@cache
def _catalogue() -> dict[str, tuple[str, str, str, tuple[str, ...]]]:
    """Name to section, upstream version, bill and dependencies."""
    rows = [[cell.strip() for cell in line.split("|")] for line in PACKAGES.splitlines()]
    return {
        name: (section, version, bill, tuple(depends.split()))
        for name, section, version, bill, depends in rows
    }


def package(name: str, family: str, release: str, arch: str) -> Package:
    """The package ``name`` of a release, with its files."""
    section, upstream, bill, depends = _catalogue()[name]
    version = f"{upstream}-{stream('revision', family, release, name).choice((1, 1, 1, 2, 3))}"
    if family == "apk":
        bill = " ".join(item for item in bill.split() if item.partition(":")[0] not in _NOT_IN_ALPINE)
    owner = Owner(name, f"{name}-{version}", arch)
    content = (_at_home(entry, family, arch) for entry in files(bill, owner))
    return Package(name, section, version, depends, tuple(content))


def _at_home(entry: Entry, family: str, arch: str) -> Entry:
    """The entry where the distribution keeps it: only Debian has directories per machine."""
    if family == "dpkg":
        return entry
    path = entry.path.replace(f"lib/{TRIPLETS[arch]}/", "lib64/" if family == "rpm" else "lib/")
    return Entry(path, entry.data, entry.mode)


def database(family: str, installed: Sequence[Package], arch: str) -> list[Entry]:
    """The package database of an image, complete: it is rewritten by every layer that installs something."""
    if family == "dpkg":
        return [_dpkg_status(installed, arch)]
    if family == "apk":
        return [_apk_installed(installed, arch), Entry("etc/apk/world", _world(installed))]
    if family == "rpm":
        headers = [f"{p.name}\0{p.version}\0{p.section}\0".encode() for p in installed]
        return [Entry("var/lib/rpm/rpmdb.sqlite", package_table(headers))]
    return []


def records(family: str, added: Iterable[Package]) -> list[Entry]:
    """The files that a package manager adds per package: dpkg's lists and check sums."""
    if family != "dpkg":
        return []
    return [entry for package in added for entry in _dpkg_info(package)]


def _dpkg_status(installed: Iterable[Package], arch: str) -> Entry:
    """``/var/lib/dpkg/status`` (deb822; Debian policy, chapter 5)."""
    stanzas = [
        f"Package: {p.name}\nStatus: install ok installed\nPriority: optional\nSection: {p.section}\n"
        f"Installed-Size: {_installed_kib(p)}\nMaintainer: {_MAINTAINER}\n"
        f"Architecture: {_ARCHITECTURES['dpkg'][arch]}\nVersion: {p.version}\n"
        + (f"Depends: {', '.join(p.depends)}\n" if p.depends else "")
        + f"Description: {p.name} of the {p.section} section\n A package of the sample hub.\n ."
        "\n Nothing in it was ever compiled.\n"
        for p in sorted(installed, key=lambda p: p.name)
    ]
    return Entry("var/lib/dpkg/status", "\n".join(stanzas).encode())


def _dpkg_info(package: Package) -> list[Entry]:
    paths = "".join(f"/{entry.path}\n" for entry in package.files)
    sums = "".join(
        f"{hashlib.md5(entry.data, usedforsecurity=False).hexdigest()}  {entry.path}\n"
        for entry in package.files
    )
    stem = f"var/lib/dpkg/info/{package.name}"
    return [Entry(f"{stem}.list", b"/.\n" + paths.encode()), Entry(f"{stem}.md5sums", sums.encode())]


def _apk_installed(installed: Iterable[Package], arch: str) -> Entry:
    """``/lib/apk/db/installed`` (apk-tools, doc/apk-v2.5.scd; one letter per field)."""
    return Entry(
        "lib/apk/db/installed", "".join(_apk_stanza(package, arch) for package in installed).encode()
    )


def _apk_stanza(package: Package, arch: str) -> str:
    size = sum(len(entry.data) for entry in package.files)
    fields = [
        f"C:{_q1(package.version.encode())}",
        f"P:{package.name}",
        f"V:{package.version.replace('-', '-r')}",
        f"A:{_ARCHITECTURES['apk'][arch]}",
        f"S:{size // 2}",
        f"I:{size}",
        f"T:{package.name} of the {package.section} section",
        "U:https://samplehub.example/",
        "L:MIT",
        f"o:{package.name}",
        f"m:{_MAINTAINER}",
        f"t:{EPOCH}",
        *([f"D:{' '.join(package.depends)}"] if package.depends else []),
    ]
    folder = None
    for entry in sorted(package.files, key=lambda entry: entry.path.rpartition("/")[::2]):
        parent, _, name = entry.path.rpartition("/")
        if parent != folder:
            fields.append(f"F:{parent}")
            folder = parent
        fields.append(f"R:{name}")
        fields += [f"a:0:0:{entry.mode:o}"] if entry.mode != 0o644 else []
        fields.append(f"Z:{_q1(entry.data)}")
    return "\n".join(fields) + "\n\n"


def _q1(data: bytes) -> str:
    """The check sum notation of apk: ``Q1`` and base64 of SHA-1."""
    return "Q1" + base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def _world(installed: Iterable[Package]) -> bytes:
    return "".join(f"{package.name}\n" for package in installed).encode()


def _installed_kib(package: Package) -> int:
    return sum(-(-len(entry.data) // 1024) for entry in package.files)
