"""What analysers found in the files of a layer, as published: one document per layer that has any.

The form of a finding is its analyser's own, but for the kinds that are defined here: a finding of one of
these kinds has these fields, whichever analyser it is from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

from corpus.profiles.stream import read_document, write_document
from corpus.profiles.units import described

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FINDINGS_FORMAT = "hubcrawl.findings"
FINDINGS_VERSION = 1

_ANALYSER = described("Name of the analyser it is from; set for it.")
_PATH = described("Path of the file it was found in, as in the layer profile; set for the analyser.")


class Package(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="package"):
    """A package that the layer says is installed."""

    analyser: Annotated[str, _ANALYSER] = ""
    path: Annotated[str, _PATH] = ""
    type: Annotated[str, described("The world of packages it belongs to: deb, apk, rpm, pypi or npm.")]
    name: Annotated[str, described("Name, as its database writes it.")]
    version: Annotated[
        str, described("Version as its package manager writes it; rpm: [epoch:]version-release.")
    ] = ""
    architecture: Annotated[str, described("Architecture as the package manager calls it.")] = ""
    source: Annotated[
        str, described("What it was built from: source package (deb), origin (apk), source RPM (rpm).")
    ] = ""
    source_version: Annotated[
        str, described("Version of the source package, where it differs from its own (deb).")
    ] = ""
    status: Annotated[str, described("State as dpkg names it (config-files, ...); installed elsewhere.")]


class Distribution(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="distribution"
):
    """The distribution that a file of the layer names (os-release(5))."""

    analyser: Annotated[str, _ANALYSER] = ""
    path: Annotated[str, _PATH] = ""
    id: Annotated[str, described("ID: debian, alpine, fedora, ...; linux where the file has none.")]
    id_like: Annotated[str, described("ID_LIKE: the distributions it is derived from.")] = ""
    version_id: Annotated[str, described("VERSION_ID: 12, 3.19.1, ...")] = ""
    name: Annotated[str, described("NAME.")] = ""
    pretty_name: Annotated[str, described("PRETTY_NAME, for people.")] = ""
    variant_id: Annotated[str, described("VARIANT_ID.")] = ""
    code_name: Annotated[str, described("VERSION_CODENAME: bookworm, ...")] = ""


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="error"):
    """Why an analyser found nothing, or not all, in a file or layer."""

    analyser: Annotated[str, _ANALYSER] = ""
    path: Annotated[str, _PATH] = ""
    reason: Annotated[
        str,
        described(
            "malformed (the file is not what its name says), too_large (beyond the analyser's bound), "
            "failed (the analyser broke off), invalid (what it found is no finding), limit (more than is "
            "kept), interrupted (the layer was not read to its end: its profile, or the detail, says why)."
        ),
    ]
    detail: Annotated[str, described("More of it, for people.")] = ""


Known = TypeVar("Known", bound=Package | Distribution | Problem)
KINDS: dict[str, type[Package | Distribution | Problem]] = {
    "package": Package,
    "distribution": Distribution,
    "error": Problem,
}


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """The document of one layer."""

    format: Annotated[str, described("Name of this format.")] = FINDINGS_FORMAT
    version: Annotated[int, described("Version of this format; it changes when a field changes.")] = (
        FINDINGS_VERSION
    )
    digest: Annotated[str, described("Digest of the layer's blob.")]
    analysers: Annotated[
        dict[str, int],
        described("The analysers that have read the layer, each with the version that did, sorted by name."),
    ]
    findings: Annotated[
        tuple[dict[str, Any], ...],
        described("The findings, by analyser's name, those of one in the order of the layer's entries."),
    ] = ()

    def of_kind(self, kind: type[Known]) -> Iterator[Known]:
        """The findings of one of the kinds defined here."""
        name = kind.__struct_config__.tag
        for finding in self.findings:
            if finding.get("kind") == name:
                yield msgspec.convert(finding, kind)


def write_findings(findings: Findings, target: Path) -> Path:
    """Write a document of findings under a temporary name beside ``target`` and return that name.

    Raises:
        OSError: The disk.
    """
    return write_document(findings, target)


def read_findings(path: Path) -> Findings:
    """A whole document of findings.

    Raises:
        ProfileError: It is none.
        OSError: There is no such file, or the disk.
    """
    return read_document(path, Findings)


def key_of(analysers: Mapping[str, int]) -> str:
    """The canonical text for analysers and their versions, as in the catalog: ``apk=1 dpkg=1``."""
    return " ".join(f"{name}={version}" for name, version in sorted(analysers.items()))


def versions_of(key: str) -> dict[str, int]:
    """The analysers of a key, and the version of each; :func:`key_of` undoes it."""
    pairs = (each.partition("=") for each in key.split())
    return {name: int(version) for name, _, version in pairs}
