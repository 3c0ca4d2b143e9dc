"""Distribution and packages of an image: what was found in the files that are still to be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analyzer.analysers.distribution import PATHS
from analyzer.images.filesystem import Inode
from analyzer.images.purl import package_url
from corpus.profiles.findings import Distribution, Known, Package
from corpus.profiles.image import ImageDistribution, InstalledPackage
from corpus.profiles.layer import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from analyzer.images.merge import Merge
    from corpus.profiles.findings import Findings

_INSTALLED = "installed"


class Contents(NamedTuple):
    """What the visible files say."""

    distribution: ImageDistribution | None = None
    packages: tuple[InstalledPackage, ...] = ()


def visible_contents(merge: Merge, findings: Iterable[Findings | None]) -> Contents:
    """Of the findings of each layer, base first, those in files that no later layer took away.

    A file is told by its path and its layer: one that was written again, even with the same content, is
    judged by the findings of the layer that wrote it last.
    """
    named: dict[str, Distribution] = {}
    packages: set[tuple[int, Package]] = set()
    for layer, found in enumerate(findings):
        if found is None:
            continue
        named |= _visible(merge, layer, found, Distribution)
        packages |= {(layer, package) for _, package in _visible(merge, layer, found, Package)}
    distribution = _distribution(merge, named)
    installed = (
        _installed(package, layer, distribution)
        for layer, package in packages
        if package.status == _INSTALLED
    )
    return Contents(distribution, tuple(sorted(set(installed))))


def _installed(package: Package, layer: int, distribution: ImageDistribution | None) -> InstalledPackage:
    of = distribution.id if distribution else None
    return InstalledPackage(
        type=package.type,
        name=package.name,
        version=package.version,
        architecture=package.architecture,
        source=package.source,
        source_version=package.source_version,
        purl=package_url(package.type, package.name, package.version, package.architecture, of),
        path=package.path,
        layer=layer,
    )


def _visible(merge: Merge, layer: int, findings: Findings, kind: type[Known]) -> Iterator[tuple[str, Known]]:
    """Findings of one kind in the files that this layer has in the file system, with the path there."""
    for finding in findings.of_kind(kind):
        path = merge.view(finding.path) or ""
        node = merge.files.find(path)
        if isinstance(node, Inode) and node.kind is Kind.FILE and node.layer == layer:
            yield path, finding


def _distribution(merge: Merge, named: Mapping[str, Distribution]) -> ImageDistribution | None:
    """What the file says that is believed most, symbolic links followed."""
    path = next((path for each in PATHS if (path := merge.files.resolve(each.decode())) in named), None)
    if path is None:
        return None
    found = named[path]
    return ImageDistribution(
        id=found.id,
        version=found.version_id,
        name=found.name,
        pretty_name=found.pretty_name,
        id_like=found.id_like,
        path=found.path,
    )
