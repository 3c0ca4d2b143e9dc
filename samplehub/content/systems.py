"""The first layer of a distribution's image."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from samplehub.content.catalogue import systems as catalogue
from samplehub.content.entries import Entry, directory, hard_link, symlink
from samplehub.content.packages import Package, database, package, records

if TYPE_CHECKING:
    from collections.abc import Iterable


class System(NamedTuple):
    """A base system, a row of the catalogue.

    Attributes:
        name: With version: ``debian:12``.
        family: Package manager: ``dpkg``, ``apk``, ``rpm`` or ``none``.
        codename: Of the release.
        pretty: Name for people.
        packages: What it has installed from the beginning, separated by spaces.
    """

    name: str
    family: str
    codename: str
    pretty: str
    packages: str


SYSTEMS = {
    system.name: system
    for system in (
        System(*(cell.strip() for cell in line.split("|"))) for line in catalogue.SYSTEMS.splitlines()
    )
}

_APPLETS = catalogue.APPLETS.split()
_USERS = {
    "root": 0,
    "daemon": 1,
    "bin": 2,
    "sys": 3,
    "games": 5,
    "man": 6,
    "lp": 7,
    "mail": 8,
    "www-data": 33,
    "nobody": 65534,
}
_EMPTY_DIRECTORIES = (
    "boot dev home media mnt opt proc run srv sys usr/local/bin usr/src var/log var/mail var/spool"
)


def packages_of(system: System, arch: str) -> tuple[Package, ...]:
    """What a system has installed from the beginning."""
    return tuple(package(name, system.family, system.name, arch) for name in system.packages.split())


def root_file_system(system: System, arch: str, installed: tuple[Package, ...]) -> list[Entry]:
    """Everything in the first layer of a system that has these packages."""
    return [
        *_skeleton(system),
        *_FAMILY_FILES[system.family],
        *(entry for package in installed for entry in package.files),
        *records(system.family, installed),
        *database(system.family, installed, arch),
    ]


def _skeleton(system: System) -> Iterable[Entry]:
    passwd = "".join(f"{user}:x:{uid}:{uid}::/:/usr/sbin/nologin\n" for user, uid in _USERS.items())
    group = "".join(f"{user}:x:{uid}:\n" for user, uid in _USERS.items())
    return [
        *map(directory, _EMPTY_DIRECTORIES.split()),
        directory("tmp", 0o1777),
        directory("root", 0o700),
        Entry("etc/passwd", passwd.encode()),
        Entry("etc/group", group.encode()),
        Entry("etc/shadow", b"root:*:19675:0:99999:7:::\n", 0o640, owner=(0, 42, "root", "shadow")),
        Entry("etc/os-release", _os_release(system).encode()),
        Entry("etc/hostname", b"localhost\n"),
        Entry("etc/hosts"),
        Entry("etc/resolv.conf"),
        symlink("etc/mtab", "/proc/mounts"),
    ]


def _os_release(system: System) -> str:
    """``/etc/os-release`` (os-release(5))."""
    name, _, version = system.name.partition(":")
    return (
        f'PRETTY_NAME="{system.pretty}"\nNAME="{name}"\nID={name}\n'
        f'VERSION_ID="{version}"\nVERSION_CODENAME={system.codename}\n'
    )


_MERGED_USR = [
    *(symlink(name, f"usr/{name}") for name in ("bin", "sbin")),
    Entry("usr/bin/su", b"\x7fELF" + bytes(60), 0o4755),
    Entry("usr/bin/chage", b"\x7fELF" + bytes(124), 0o2755, owner=(0, 42, "root", "shadow")),
]

_FAMILY_FILES: dict[str, list[Entry]] = {
    "dpkg": [
        *_MERGED_USR,
        Entry("var/lib/dpkg/lock", mode=0o640),
        directory("var/cache/apt/archives/partial", 0o700),
        Entry("etc/apt/sources.list", b"deb http://deb.debian.example/debian stable main\n"),
    ],
    "rpm": _MERGED_USR,
    "apk": [
        *(symlink(f"bin/{applet}", "/bin/busybox") for applet in _APPLETS),
        Entry("lib/apk/db/lock", mode=0o600),
        Entry("etc/apk/repositories", b"https://dl-cdn.alpine.example/alpine/main\n"),
    ],
    "none": [hard_link(f"bin/{applet}", "bin/busybox", 0o755) for applet in _APPLETS if applet > "busybox"],
}
