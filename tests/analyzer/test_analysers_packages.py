"""What the analysers of packages and distributions find in the files that they read."""

from __future__ import annotations

import sysconfig
from collections.abc import Callable, Iterable
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysers import FileAnalyser, MalformedFileError
from analyzer.analysers.apk import ApkDatabase
from analyzer.analysers.distribution import PATHS, OsRelease
from analyzer.analysers.dpkg import DpkgStatus
from analyzer.analysers.npm import NpmPackages
from analyzer.analysers.python import PythonPackages
from analyzer.analysers.rpm import RpmDatabase
from analyzer.analysers.rpm_header import read_header
from tests.analyzer.package_files import bdb_database, ndb_database, rpm_header, sqlite_database

READERS: tuple[FileAnalyser, ...] = (
    ApkDatabase(),
    DpkgStatus(),
    NpmPackages(),
    OsRelease(),
    PythonPackages(),
    RpmDatabase(),
)
DPKG, APK = "var/lib/dpkg/status", "lib/apk/db/installed"
STATUS = b"""Package: libssl3
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Source: openssl (3.0.11-1)
Version: 3.0.11-1+b1
Description: a library
 Version: not a field, but a line of the description

package: base-files
status: install ok installed
version: 12.4
architecture: all

Package: old-kernel
Status: deinstall ok config-files
Version: 6.1-1
Architecture: amd64
Source: linux
"""
INSTALLED = b"""C:Q1abc=
P:musl
V:1.2.4-r2
A:x86_64
S:383152
o:musl
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1def=

P:.build-deps
V:20231130.000000
A:noarch
"""


def found(reader: FileAnalyser, path: str, content: bytes) -> list[dict[str, Any]]:
    """What it finds in a file, which it must want."""
    assert reader.wants(path.encode())
    return list(reader.analyse(path.encode(), content))


def packages(findings: Iterable[dict[str, Any]]) -> list[tuple[str, ...]]:
    fields = ("name", "version", "architecture", "source", "source_version", "status")
    return [tuple(finding.get(field, "") for field in fields) for finding in findings]


def test_every_package_that_dpkg_knows_is_found_with_its_state() -> None:
    """The source is the package's own name where none is given; its version is told where it differs."""
    assert packages(found(DpkgStatus(), DPKG, STATUS)) == [
        ("libssl3", "3.0.11-1+b1", "amd64", "openssl", "3.0.11-1", "installed"),
        ("base-files", "12.4", "all", "base-files", "", "installed"),
        ("old-kernel", "6.1-1", "amd64", "linux", "", "config-files"),
    ]


def test_an_image_without_dpkg_has_a_file_for_each_package() -> None:
    """In them is no state: they are installed. The lists of digests beside them are not read."""
    content = b"Package: tzdata\nVersion: 2024a\nArchitecture: all\n"
    (package,) = found(DpkgStatus(), "var/lib/dpkg/status.d/tzdata", content)
    assert packages([package]) == [("tzdata", "2024a", "all", "tzdata", "", "installed")]
    assert not DpkgStatus().wants(b"var/lib/dpkg/status.d/tzdata.md5sums")


def test_the_database_of_alpine_is_read() -> None:
    """Files and directories have the same form as fields, in other letters."""
    assert packages(found(ApkDatabase(), APK, INSTALLED)) == [
        ("musl", "1.2.4-r2", "x86_64", "musl", "", "installed"),
        (".build-deps", "20231130.000000", "noarch", "", "", "installed"),
    ]


@pytest.mark.parametrize("reader", [DpkgStatus(), ApkDatabase()])
def test_paragraphs_without_a_name_are_reported_behind_the_others(reader: FileAnalyser) -> None:
    """What can be read is found first."""
    path, content = (DPKG, STATUS) if isinstance(reader, DpkgStatus) else (APK, INSTALLED)
    kept: list[str] = []
    with pytest.raises(MalformedFileError, match="1 paragraphs"):
        kept.extend(finding["name"] for finding in reader.analyse(path.encode(), b"\n\nX:1\n\n" + content))
    assert kept == [package["name"] for package in reader.analyse(path.encode(), content)]


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        (
            "etc/os-release",
            b"""# a comment
ID=debian
VERSION_ID="12"
NAME='Debian GNU/Linux'
VERSION_CODENAME=bookworm\t\r
PRETTY_NAME="A \\"new\\" \\$5"
not one
""",
            {
                "id": "debian",
                "version_id": "12",
                "name": "Debian GNU/Linux",
                "code_name": "bookworm",
                "pretty_name": 'A "new" $5',
            },
        ),
        (
            "usr/lib/os-release",
            b'NAME=Odd\nID_LIKE="a b"\n',
            {"id": "linux", "name": "Odd", "id_like": "a b"},
        ),
        ("etc/debian_version", b"12.4\n", {"id": "debian", "version_id": "12.4"}),
        ("etc/alpine-release", b"3.19.1\n", {"id": "alpine", "version_id": "3.19.1"}),
        (
            "etc/redhat-release",
            b"CentOS release 6.10 (Final)\n",
            {
                "id": "centos",
                "version_id": "6.10",
                "name": "CentOS",
                "pretty_name": "CentOS release 6.10 (Final)",
            },
        ),
        (
            "etc/redhat-release",
            b"Red Hat Enterprise Linux Server release 7.9 (Maipo)\n",
            {
                "id": "rhel",
                "version_id": "7.9",
                "name": "Red Hat Enterprise Linux Server",
                "pretty_name": "Red Hat Enterprise Linux Server release 7.9 (Maipo)",
            },
        ),
        (
            "usr/lib/fedora-release",
            b"Fedora release 25 (Twenty Five)\n",
            {
                "id": "fedora",
                "version_id": "25",
                "name": "Fedora",
                "pretty_name": "Fedora release 25 (Twenty Five)",
            },
        ),
        ("usr/lib/os.release.d/os-release-container", b"ID=fedora\n", {"id": "fedora"}),
    ],
)
def test_the_distribution_is_told_by_the_files_that_name_it(
    path: str, content: bytes, expected: dict[str, str]
) -> None:
    """By os-release(5) with its quotes and escapes, or by the files from before it."""
    (finding,) = found(OsRelease(), path, content)
    assert finding == {"kind": "distribution", **expected}


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        (
            "usr/lib/python3/dist-packages/requests-2.31.0.dist-info/METADATA",
            b"Metadata-Version: 2.1\r\nName: requests\r\nVersion: 2.31.0\r\n\r\nVersion: 9\r\n",
            ("requests", "2.31.0"),
        ),
        ("opt/app/old.egg-info/PKG-INFO", b"Name: old\nVersion: 1\nName: second\n", ("old", "1")),
        ("usr/lib/python2.7/dist-packages/x-1.egg-info", b"Name: x\nVersion: 1\n", ("x", "1")),
    ],
)
def test_a_python_package_is_told_by_its_metadata(
    path: str, content: bytes, expected: tuple[str, str]
) -> None:
    """Up to where the description begins; the first field of a name counts."""
    (finding,) = found(PythonPackages(), path, content)
    assert (finding["type"], finding["name"], finding["version"]) == ("pypi", *expected)


@pytest.mark.slow
def test_the_packages_of_this_environment_are_those_that_python_lists() -> None:
    """Every one that ``importlib.metadata`` finds, in its version."""
    site, reader = Path(sysconfig.get_path("purelib")), PythonPackages()
    files = [path for path in site.glob("*/*") if reader.wants(path.relative_to(site).as_posix().encode())]
    ours = {
        (package["name"], package["version"])
        for path in files
        for package in reader.analyse(path.name.encode(), path.read_bytes())
    }
    assert len(ours) > 10
    assert ours == {(each.name, each.version) for each in distributions(path=[str(site)])}


@pytest.mark.parametrize(
    ("path", "is_wanted"),
    [
        ("usr/lib/node_modules/npm/package.json", True),
        ("node_modules/a/package.json", True),
        ("app/node_modules/@babel/core/package.json", True),
        ("app/node_modules/a/node_modules/b/package.json", True),
        ("usr/share/nodejs/semver/package.json", True),
        ("usr/lib/x86_64-linux-gnu/nodejs/@a/b/package.json", True),
        ("app/package.json", False),
        ("app/node_modules/package.json", False),
        ("app/node_modules/@babel/package.json", False),
        ("app/node_modules/a/lib/package.json", False),
        ("home/usr/share/nodejs/a/package.json", False),
        ("app/not_node_modules/a/package.json", False),
    ],
)
def test_an_npm_package_is_told_by_the_folder_it_is_in(path: str, *, is_wanted: bool) -> None:
    """Not every package.json describes one that is installed."""
    assert NpmPackages().wants(path.encode()) is is_wanted


def test_an_npm_package_has_its_name_and_version_in_it() -> None:
    """Behind a byte order mark too; a description of another form is malformed."""
    path = "node_modules/@a/b/package.json"
    (finding,) = found(NpmPackages(), path, b'\xef\xbb\xbf{"version": "1.0.0", "name": "@a/b", "x": [1]}')
    assert (finding["type"], finding["name"], finding["version"]) == ("npm", "@a/b", "1.0.0")
    for content in (b'{"name": 1}', b"{}", b"[" * 100_000, b'{"name": "\xff"}', b""):
        with pytest.raises(MalformedFileError):
            found(NpmPackages(), path, content)


DATABASES: dict[str, tuple[str, Callable[[list[bytes]], bytes]]] = {
    "sqlite": ("usr/lib/sysimage/rpm/rpmdb.sqlite", sqlite_database),
    "sqlite, small pages": ("var/lib/rpm/rpmdb.sqlite", lambda headers: sqlite_database(headers, 512)),
    "sqlite, large pages": ("var/lib/rpm/rpmdb.sqlite", lambda headers: sqlite_database(headers, 65536)),
    "ndb": ("usr/lib/sysimage/rpm/Packages.db", ndb_database),
    "bdb": ("var/lib/rpm/Packages", bdb_database),
    "bdb, big-endian": ("var/lib/rpm/Packages", lambda headers: bdb_database(headers, ">")),
}
HEADERS = [
    rpm_header("glibc", "2.34"),
    rpm_header("bash", "5.1", epoch=3, padding=30_000),
    *(rpm_header(f"p{number}", padding=number * 97) for number in range(60)),
]


@pytest.mark.parametrize("form", DATABASES)
def test_the_packages_of_rpm_are_read_from_each_of_its_databases(form: str) -> None:
    """Whatever the pages' size, and where a header lies on many of them."""
    path, write = DATABASES[form]
    names = packages(found(RpmDatabase(), path, write(HEADERS)))
    assert names[:2] == [
        ("glibc", "2.34-2.el9", "x86_64", "glibc-2.34-2.el9.src.rpm", "", "installed"),
        ("bash", "3:5.1-2.el9", "x86_64", "bash-5.1-2.el9.src.rpm", "", "installed"),
    ]
    assert [name for name, *_ in names[2:]] == [f"p{number}" for number in range(60)]


@pytest.mark.parametrize("form", DATABASES)
def test_a_database_without_packages_has_none(form: str) -> None:
    """That is not damage."""
    path, write = DATABASES[form]
    assert found(RpmDatabase(), path, write([])) == []


@pytest.mark.parametrize("form", DATABASES)
def test_of_a_database_that_is_cut_the_packages_so_far_are_found(form: str) -> None:
    """Then it is malformed."""
    path, write = DATABASES[form]
    content = write(HEADERS)
    seen = 0
    with pytest.raises(MalformedFileError):
        for _ in RpmDatabase().analyse(path.encode(), content[: len(content) * 3 // 4]):
            seen += 1
    assert seen < len(HEADERS)


def test_a_tree_of_pages_that_bites_its_tail_ends() -> None:
    """No page is read twice."""
    content = bytearray(sqlite_database(HEADERS, 512))
    inner = [start for start in range(512, len(content), 512) if content[start] == 5]
    assert inner
    for start in inner:
        content[start + 8 : start + 12] = (start // 512 + 1).to_bytes(4)
    with pytest.raises(MalformedFileError, match="two places"):
        list(RpmDatabase().analyse(b"var/lib/rpm/rpmdb.sqlite", bytes(content)))


def test_packages_that_lie_over_each_other_end() -> None:
    """A thousand slots that lead to one large header would cost a thousand times its size."""
    content = bytearray(ndb_database([rpm_header("one", padding=100_000)]))
    for slot in range(48, 4096, 16):
        content[slot : slot + 16] = content[32:48]
    with pytest.raises(MalformedFileError, match="over each other"):
        list(RpmDatabase().analyse(b"var/lib/rpm/Packages.db", bytes(content)))


def test_rows_that_lie_over_each_other_end() -> None:
    """Neither in the table of tables nor in a page of pairs."""
    content = bytearray(sqlite_database([], 65536))
    start, cells = 100 + 8, int.from_bytes(content[103:105])
    content[103:105] = (30_000).to_bytes(2)
    content[start : start + 60_000] = content[start : start + 2] * 30_000
    assert cells < 10
    with pytest.raises(MalformedFileError, match="over each other"):
        list(RpmDatabase().analyse(b"var/lib/rpm/rpmdb.sqlite", bytes(content)))
    pairs = bytearray(bdb_database([rpm_header("one")]))
    pairs[4096 + 26 : 4096 + 28] = (100).to_bytes(2, "little")
    with pytest.raises(MalformedFileError, match="over each other"):
        list(RpmDatabase().analyse(b"var/lib/rpm/Packages", bytes(pairs)))


@pytest.mark.parametrize(
    "header",
    [
        b"",
        bytes(8),
        b"\0\0\0\1\0\0\0\0",
        b"\xff" * 64,
        rpm_header("x")[:-30],
        rpm_header(""),
        rpm_header("x").replace(b"\0\0\3\xe8\0\0\0\6\0\0\0\0", b"\0\0\3\xe8\0\0\0\6\0\xff\0\1"),
    ],
)
def test_a_damaged_header_is_malformed(header: bytes) -> None:
    """It is told from one without the optional fields."""
    with pytest.raises(MalformedFileError):
        read_header(header)


@pytest.mark.parametrize(
    ("reader", "path", "content"),
    [
        (DpkgStatus(), DPKG, b"Package: %b\n"),
        (ApkDatabase(), APK, b"P:%b\n"),
        (PythonPackages(), "x.egg-info", b"Name: %b\n"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_value_longer_than_any_is_malformed(reader: FileAnalyser, path: str, content: bytes) -> None:
    """Escaped it would take four times the memory of a file that may be nothing else."""
    (package,) = found(reader, path, content % (b"\1" * 4096))
    assert package["name"] == "\\x01" * 4096
    with pytest.raises(MalformedFileError, match="4097 bytes"):
        found(reader, path, content % (b"\1" * 4097))


def test_a_long_text_in_a_header_is_malformed() -> None:
    """As it is in other databases."""
    assert read_header(rpm_header("x" * 4000)).name == "x" * 4000
    with pytest.raises(MalformedFileError, match="4097 bytes"):
        read_header(rpm_header("x" * 4097))


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_what_is_wanted_passes_the_filter_for_its_ending_or_folder(reader: FileAnalyser) -> None:
    """Else it would never be asked for."""
    paths = [
        *(each.decode() for each in PATHS),
        *(path for path, _ in DATABASES.values()),
        *(
            "usr/lib/apk/db/installed",
            APK,
            DPKG,
            "var/lib/dpkg/status.d/base",
            "a/node_modules/b/package.json",
        ),
        *("x.egg-info", "x.egg-info/PKG-INFO", "x.dist-info/METADATA"),
        *("etc/centos-release", "usr/lib/fedora-release", "usr/lib/os.release.d/os-release-container"),
    ]
    wanted = [path.encode() for path in paths if reader.wants(path.encode())]
    assert wanted
    for path in wanted:
        assert path.endswith(reader.endings) or path.startswith(reader.folders)


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
@given(data=st.data())
def test_whatever_a_file_holds_it_is_read_or_malformed(reader: FileAnalyser, data: st.DataObject) -> None:
    """No other exception, for any bytes and for any damage to a good file."""
    samples = {
        "dpkg": [(DPKG, STATUS)],
        "apk": [(APK, INSTALLED)],
        "npm": [("node_modules/a/package.json", b'{"name": "a", "version": "1"}')],
        "os-release": [(each.decode(), b'ID="a b"\nNAME=x release 7') for each in PATHS],
        "python": [("x.egg-info", b"Name: x\nVersion: 1\n\n")],
        "rpm": [(path, write(HEADERS[:8])) for path, write in DATABASES.values()],
    }
    path, content = data.draw(st.sampled_from(samples[reader.name]))
    damaged = bytearray(content)
    for place in data.draw(st.lists(st.integers(0, max(len(content) - 1, 0)), max_size=8)):
        damaged[place : place + 1] = data.draw(st.binary(max_size=3))
    for each in (bytes(damaged), data.draw(st.binary(max_size=200))):
        try:
            findings = list(reader.analyse(path.encode(), each))
        except MalformedFileError:
            continue
        assert all(finding["kind"] in ("package", "distribution") for finding in findings)
