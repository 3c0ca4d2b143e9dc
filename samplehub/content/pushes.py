"""What tags point at: ``kind:image`` expressions, such as ``list:debian-12+debian-12@arm64``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samplehub.content.archives import gzipped, tar_bytes
from samplehub.content.images import DOCKER_LIST, OCI_INDEX, Pushed, artifact, attested, index, single, sparse
from samplehub.content.schema1 import signed
from samplehub.content.steps import Build, apply

if TYPE_CHECKING:
    from samplehub.content.entries import Dialect


class Workshop:
    """Builds images by name, each once: an image that starts from another shares its layers."""

    def __init__(self, recipes: str) -> None:
        self._recipes = _blocks(recipes)
        self._built: dict[tuple[str, str, Dialect], Build] = {}

    def build(self, name: str, arch: str = "amd64", dialect: Dialect = "pax") -> Build:
        """The image called ``name``, for a machine."""
        key = name, arch, dialect
        if key not in self._built:
            self._built[key] = self._run(*key)
        return self._built[key]

    def _run(self, name: str, arch: str, dialect: Dialect) -> Build:
        build = Build(arch, dialect)
        for line in self._recipes[name]:
            parent = line.removeprefix("FROM ")
            build = self.build(parent, arch, dialect) if parent != line else apply(build, line)
        return build

    def push(self, expression: str, repository: str, tag: str) -> Pushed:
        """What is pushed to ``repository:tag`` for a ``kind:image`` expression."""
        kind, _, images = expression.partition(":")
        if kind == "chart":
            return _helm_chart()
        if kind == "schema1":
            return signed(self.build(images, dialect="gnu"), repository, tag)
        if kind == "gnu":
            return single(self.build(images, dialect="gnu"), "docker")
        if kind in ("docker", "oci"):
            return single(self.build(images), kind)
        return self._push_index(kind, images.split("+"))

    def _push_index(self, kind: str, images: list[str]) -> Pushed:
        child_kind = "docker" if kind == "list" else "oci"
        children = [single(self._build_for(image), child_kind) for image in images]
        if kind == "nested":
            children = [children[0], index(children[1:], OCI_INDEX)]
        whole = index(children, DOCKER_LIST if kind == "list" else OCI_INDEX)
        return {"attested": attested, "sparse": sparse}.get(kind, _as_it_is)(whole)

    def _build_for(self, image: str) -> Build:
        name, _, arch = image.partition("@")
        return self.build(name, arch or "amd64")


def _as_it_is(whole: Pushed) -> Pushed:
    return whole


def _blocks(recipes: str) -> dict[str, list[str]]:
    """Names with the indented lines below them."""
    blocks: dict[str, list[str]] = {}
    steps: list[str] = []
    for line in recipes.strip().splitlines():
        if line.startswith(" "):
            steps.append(line.strip())
        else:
            steps = blocks[line] = []
    return blocks


def _helm_chart() -> Pushed:
    """A Helm chart as an OCI artifact (helm, HIP 6)."""
    chart = b"apiVersion: v2\nname: nginx-chart\nversion: 0.3.1\n"
    packed = gzipped(
        tar_bytes([("nginx-chart/Chart.yaml", chart), ("nginx-chart/values.yaml", b"replicas: 2\n")])
    )
    config = (
        "application/vnd.cncf.helm.config.v1+json",
        b'{"name":"nginx-chart","version":"0.3.1","apiVersion":"v2"}',
    )
    return artifact(config[0], config, {"application/vnd.cncf.helm.chart.content.v1.tar+gzip": packed})
