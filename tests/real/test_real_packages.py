"""Packages and distributions, held against the programs that installed them."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import distributions
from pathlib import Path

import pytest

from analyzer.analysers.rpm import RpmDatabase
from analyzer.analysers.rpm_sqlite import sqlite_blobs
from corpus.layout import Layout
from corpus.profiles import Distribution, Findings, Package, Problem, read_findings
from registry.digests import Digest
from tests.real.conftest import Layer, run

pytestmark = [pytest.mark.real, pytest.mark.slow]

Layers = list[Layer]


@pytest.fixture(scope="session")
def findings(census: Layout, layers: Layers) -> list[Findings]:
    """What ``analyze`` found in each layer."""
    return [read_findings(census.findings(Digest.of(layer.blob))) for layer in layers]


def of_type(found: Findings, kind: str) -> list[Package]:
    return [package for package in found.of_kind(Package) if package.type == kind]


def test_nothing_is_amiss(findings: list[Findings]) -> None:
    """Every analyser has read every layer, and no file was malformed."""
    for found in findings:
        assert set(found.analysers) >= {"apk", "dpkg", "npm", "os-release", "privileged", "python", "rpm"}
        assert list(found.of_kind(Problem)) == []


def test_dpkg_lists_the_same_packages(findings: list[Findings], unpacked: list[Path]) -> None:
    """With their versions, architectures, sources and states, in both layers."""
    fields = ("Package", "Version", "Architecture", "source:Package", "source:Version", "db:Status-Status")
    form = "\\t".join(f"${{{field}}}" for field in fields) + "\\n"
    for found, root in zip(findings, unpacked, strict=True):
        listed = run("dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f", form).splitlines()
        ours = [
            "\t".join(
                (
                    package.name,
                    package.version,
                    package.architecture,
                    package.source,
                    package.source_version or package.version,
                    package.status,
                )
            )
            for package in of_type(found, "deb")
        ]
        assert len(ours) > 20
        assert sorted(ours) == sorted(listed)


def test_a_shell_reads_the_same_distribution(findings: list[Findings], unpacked: list[Path]) -> None:
    """Whose quotes os-release has."""
    script = '. "$0" && printf "%s\\n" "$ID" "$VERSION_ID" "$NAME" "$PRETTY_NAME" "$VERSION_CODENAME"'
    listed = run("sh", "-c", script, unpacked[0] / "usr/lib/os-release").splitlines()
    (found,) = (each for each in findings[0].of_kind(Distribution) if each.path == "usr/lib/os-release")
    assert [found.id, found.version_id, found.name, found.pretty_name, found.code_name] == listed


def test_python_lists_the_same_packages(findings: list[Findings], unpacked: list[Path]) -> None:
    """Those in the folder that Debian's Python imports from."""
    folder = "usr/lib/python3/dist-packages"
    listed = {(each.name, each.version) for each in distributions(path=[str(unpacked[1] / folder)])}
    ours = {
        (package.name, package.version)
        for package in of_type(findings[1], "pypi")
        if package.path.startswith(folder) and "_vendor" not in package.path
    }
    assert ("pip", "23.0.1") in listed
    assert ours == listed


def test_node_describes_the_same_packages(findings: list[Findings], unpacked: list[Path]) -> None:
    """Those in the folder that Debian's Node.js imports from, as they describe themselves."""
    root = unpacked[1].resolve()
    files = [
        *(root / "usr/share/nodejs").glob("*/package.json"),
        *(root / "usr/share/nodejs").glob("@*/*/package.json"),
        *root.rglob("node_modules/*/package.json"),
        *root.rglob("node_modules/@*/*/package.json"),
    ]
    # Folders may be links, whose files belong to another name.
    listed = {
        (str(path.relative_to(root)), *run("jq", "-r", ".name, .version // empty", path).split())
        for path in files
        if path.resolve() == path
    }
    ours = {
        tuple(filter(None, (package.path, package.name, package.version)))
        for package in of_type(findings[1], "npm")
    }
    assert len(ours) > 20
    assert ours == listed


SPECIFICATION = """
Name: pack-{number}
Version: 1.{number}
Release: {number}.el9
{more}
Summary: one of them
License: MIT
%description
{text}
%files
"""


@pytest.fixture(scope="module")
def rpms(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Packages that rpmbuild made."""
    folder = tmp_path_factory.mktemp("rpms")
    for number, more in enumerate(("", "Epoch: 3", "BuildArch: noarch")):
        text = SPECIFICATION.format(number=number, more=more, text="word " * 3000 * number)
        (folder / f"{number}.spec").write_text(text)
        run("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {folder}", folder / f"{number}.spec")
    return sorted(folder.rglob("*.rpm"))


@pytest.fixture(scope="module")
def database(rpms: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the database that rpm writes, of SQLite."""
    folder = tmp_path_factory.mktemp("database")
    run("rpm", "--dbpath", folder, "--initdb")
    run("rpm", "--dbpath", folder, "-i", "--justdb", "--nodeps", "--ignorearch", *rpms)
    return folder


def listed_by_rpm(folder: Path, backend: str) -> list[str]:
    form = r"%{NAME} %|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE} %{ARCH} %{SOURCERPM}\n"
    return sorted(
        run("rpm", "--define", f"_db_backend {backend}", "--dbpath", folder, "-qa", "--qf", form).splitlines()
    )


def listed_by_us(path: Path) -> list[str]:
    found = RpmDatabase().analyse(b"var/lib/rpm/" + path.name.encode(), path.read_bytes())
    return sorted(
        " ".join(each[key] for key in ("name", "version", "architecture", "source")) for each in found
    )


def test_rpm_lists_the_same_packages(database: Path) -> None:
    """Of the database that it writes today."""
    listed = listed_by_rpm(database, "sqlite")
    assert len(listed) == 3
    assert listed_by_us(database / "rpmdb.sqlite") == listed


@pytest.mark.parametrize("order", [1234, 4321], ids=["little-endian", "big-endian"])
def test_rpm_lists_the_same_packages_of_the_database_that_it_used_to_write(
    database: Path, order: int, tmp_path: Path
) -> None:
    """Which Berkeley DB makes of the same headers."""
    headers = list(sqlite_blobs((database / "rpmdb.sqlite").read_bytes()))
    pairs = [(0, b"\x63\0\0\0"), *enumerate(headers, 1)]
    dump = [
        *(
            "VERSION=3",
            "format=bytevalue",
            "type=hash",
            "db_pagesize=4096",
            f"db_lorder={order}",
            "HEADER=END",
        ),
        *(f" {number.to_bytes(4, 'little').hex()}\n {value.hex()}" for number, value in pairs),
        "DATA=END\n",
    ]
    (tmp_path / "dump").write_text("\n".join(dump))
    run("db5.3_load", "-f", tmp_path / "dump", tmp_path / "Packages")
    listed = listed_by_rpm(tmp_path, "bdb_ro")
    assert len(listed) == 3
    assert listed_by_us(tmp_path / "Packages") == listed


def test_files_with_special_rights_are_those_that_find_finds(
    findings: list[Findings], unpacked: list[Path], tmp_path: Path
) -> None:
    """By the bits of their modes, which tar keeps for root."""
    (tmp_path / "probe").write_bytes(b"")
    (tmp_path / "probe").chmod(0o4755)
    if shutil.which("find") is None or not (tmp_path / "probe").stat().st_mode & 0o4000:
        pytest.skip("no find, or a disk without setuid")
    for found, root in zip(findings, unpacked, strict=True):
        listed = run("find", root, "-type", "f", "-perm", "/6000", "-printf", "%P\n").splitlines()
        ours = [each["path"] for each in found.findings if each["analyser"] == "privileged"]
        assert sorted(ours) == sorted(listed), json.dumps(ours)
    assert any(each["analyser"] == "privileged" for found in findings for each in found.findings)
