"""One image in three forms, as skopeo pushes it and Debian's registry keeps it, held against both.

docker-registry keeps of a schema 1 manifest only the text that is signed, and signs it anew for everyone
who asks: its bytes differ from answer to answer, what they sign does not.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import sqlite3
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from registry.digests import EMPTY_LAYER, Digest
from registry.manifests import ACCEPT
from registry.schema1 import signed_payload
from tests import corpora
from tests.real.conftest import OCI, Layer, Registry, hubcrawl, push, run, serving, write_image

pytestmark = [pytest.mark.real, pytest.mark.slow]

DOCKER = "application/vnd.docker"
SCHEMA1 = f"{DOCKER}.distribution.manifest.v1+prettyjws"
SCHEMA2 = f"{DOCKER}.distribution.manifest.v2+json"

# Repositories by the name that skopeo has for their form; kind and media type.
FORMS = {
    "v2s1": ("schema1_signed", SCHEMA1),
    "v2s2": ("schema2", SCHEMA2),
    "oci": ("oci_manifest", f"{OCI}.manifest.v1+json"),
}

# Off unless asked for, since distribution 2.8.
WITH_SCHEMA1 = "compatibility: {schema1: {enabled: true}}\n"

_REQUEST = re.compile(r'"(GET|HEAD) (\S+) HTTP/1\.1" (\d{3}) \d+ "" "hubcrawl/')


@dataclass(frozen=True, slots=True)
class Census:
    """A registry and the data directory of a census of it."""

    registry: Registry
    data: Path

    def take(self) -> None:
        """Crawl and download."""
        hubcrawl("crawl", "--data", self.data, "--registry", self.registry.url)
        hubcrawl("download", "--data", self.data)

    def requests(self) -> list[tuple[str, str, int]]:
        """``(method, path, status)`` of every request of ours, from the registry's own log."""
        found = _REQUEST.findall((self.registry.folder / "log").read_text())
        return [(method, path, int(status)) for method, path, status in found]

    def select(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.data / "catalog.sqlite")) as catalog:
            return catalog.execute(query, values).fetchall()

    def blob(self, digest: str) -> bytes:
        return (self.data / "blobs" / digest.replace(":", "/")).read_bytes()

    def root_of(self, name: str) -> dict[str, Any]:
        """The row of the manifest that ``name:latest`` stands for."""
        columns = "digest", "canonical_digest", "header_digest", "content_type", "media_type", "kind", "flags"
        ((*row,),) = self.select(
            f"select {', '.join(f'm.{column}' for column in columns)} from manifests m "  # noqa: S608
            "join images i on i.root_digest = m.digest join repositories r on r.id = i.repository_id "
            "where r.name = ?",
            name,
        )
        return dict(zip(columns, row, strict=True))


@pytest.fixture(scope="module")
def census(layers: list[Layer], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Census]:
    """After ``crawl`` and ``download`` of one image in every form; it lists one of its layers twice."""
    layout = tmp_path_factory.mktemp("image")
    small = layout.with_name("small.tar")
    run("tar", "-C", Path(__file__).parent, "-cf", small, Path(__file__).name)
    repeated = Layer(f"{OCI}.layer.v1.tar+gzip", gzip.compress(small.read_bytes(), mtime=0), small)
    write_image(layout, [layers[0], repeated, repeated])
    with serving(tmp_path_factory.mktemp("formats"), WITH_SCHEMA1) as registry:
        for form in FORMS:
            push(layout, f"{registry.address}/same/{form}:latest", "--format", form)
        census = Census(registry, tmp_path_factory.mktemp("census") / "data")
        census.take()
        yield census


def _answer(registry: Registry, path: str, accept: str = "") -> tuple[str, str]:
    """Digest and content type that the registry tells."""
    request = urllib.request.Request(f"{registry.url}/v2/{path}", headers={"Accept": accept})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - http on loopback
        return answer.headers["Docker-Content-Digest"], answer.headers["Content-Type"]


def _unsigned(raw: bytes) -> bytes:
    """What of a manifest is the same in every answer: for signed schema 1 what is signed, else all."""
    payload = signed_payload(raw, json.loads(raw).get("signatures"))
    return raw if payload is None else payload


@pytest.mark.parametrize("form", FORMS)
def test_a_manifest_is_recorded_as_the_registry_stores_it(census: Census, form: str) -> None:
    """Kind, types and digests are those of the registry's answer; nothing is odd, nothing is converted."""
    digest, content_type = _answer(census.registry, f"same/{form}/manifests/latest", ACCEPT)
    row = census.root_of(f"same/{form}")
    assert (row["kind"], row["media_type"]) == FORMS[form]
    assert row["content_type"] == content_type == FORMS[form][1]
    assert row["canonical_digest"] == row["header_digest"] == digest
    assert row["flags"] == ""


@pytest.mark.parametrize("form", FORMS)
def test_a_manifest_has_the_bytes_that_the_registry_and_skopeo_have(census: Census, form: str) -> None:
    """Byte for byte, but for the signatures of schema 1, which every answer has anew."""
    row = census.root_of(f"same/{form}")
    raw = census.blob(row["digest"])
    stored = census.registry.storage / "blobs/sha256" / row["canonical_digest"][7:9]
    assert _unsigned(raw) == (stored / row["canonical_digest"][7:] / "data").read_bytes()
    inspected = run("skopeo", "inspect", "--raw", "--tls-verify=false",
                    f"docker://{census.registry.address}/same/{form}:latest").encode()  # fmt: skip
    assert _unsigned(inspected) == _unsigned(raw)
    assert (inspected == raw) == (form != "v2s1")


@pytest.mark.parametrize("form", FORMS)
def test_the_blobs_are_those_that_skopeo_copies(census: Census, form: str, tmp_path: Path) -> None:
    """Configuration and layers of ``skopeo copy dir:`` are in the store, byte for byte, and in its order."""
    run("skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false",
        f"docker://{census.registry.address}/same/{form}:latest", f"dir:{tmp_path}/copy")  # fmt: skip
    row = census.root_of(f"same/{form}")
    names = {
        digest.removeprefix("sha256:")
        for (digest,) in census.select(
            "select digest from manifest_layers where manifest_digest = ? "
            "union select config_digest from manifests where digest = ? and config_digest is not null",
            row["digest"],
            row["digest"],
        )
    }
    copied = {path.name: path.read_bytes() for path in (tmp_path / "copy").iterdir() if len(path.name) == 64}
    assert copied == {name: census.blob(f"sha256:{name}") for name in names}


def test_three_forms_have_the_same_layers(census: Census) -> None:
    """Base first in each, repeats kept; schema 1 has an empty layer for what changed no file."""
    found = {}
    for form in FORMS:
        rows = census.select(
            "select digest from manifest_layers where manifest_digest = ? order by position",
            census.root_of(f"same/{form}")["digest"],
        )
        found[form] = [digest for (digest,) in rows]
    assert found["oci"] == found["v2s2"]
    assert found["v2s1"] == [*found["oci"], EMPTY_LAYER]
    assert [len(found["oci"]), len(set(found["oci"]))] == [3, 2]
    assert len(census.blob(EMPTY_LAYER)) == 32


def test_what_three_images_share_is_fetched_once(census: Census) -> None:
    """By the registry's log: one GET per manifest and per blob, and no request that failed."""
    requests = census.requests()
    gets = Counter(path.rpartition("/")[2] for method, path, _ in requests if method == "GET" and ":" in path)
    asked_for_by = dict(census.select("select digest, canonical_digest from manifests"))
    stored = [f"sha256:{path.name}" for path in (census.data / "blobs/sha256").iterdir()]
    assert gets == Counter(asked_for_by.get(digest, digest) for digest in stored)
    assert {status for _, _, status in requests} == {200}


def test_nothing_is_fetched_again_for_another_rule(census: Census, tmp_path: Path) -> None:
    """Neither by another choice of platforms, although the bytes of a signed manifest would be others."""
    shutil.copytree(census.data, tmp_path / "data")
    before = len(census.requests())
    hubcrawl("download", "--data", tmp_path / "data", "--platform", "all")
    later = census.requests()[before:]
    assert [path for method, path, _ in later if "sha256:" in path] == []
    assert {"HEAD"} == {method for method, path, _ in later if "/manifests/" in path}


def test_this_registry_does_convert_for_others(census: Census) -> None:
    """Who accepts no form gets one that the registry made: to have the original is no matter of course."""
    digest, content_type = _answer(census.registry, "same/v2s2/manifests/latest")
    assert content_type == SCHEMA1
    assert digest != census.root_of("same/v2s2")["canonical_digest"]


def test_the_store_verifies(census: Census) -> None:
    found = json.loads(hubcrawl("verify", "--json", "--data", census.data))
    assert found["is_clean"]
    assert found["blobs"] == len(list((census.data / "blobs/sha256").iterdir()))


def _plant(registry: Registry, name: str, content: bytes) -> None:
    """Put a manifest and the tag ``latest`` into the storage of a registry, which need not have its blobs."""
    digest = Digest.of(content)
    repository = f"repositories/{name}"
    places = {
        f"blobs/sha256/{digest.encoded[:2]}/{digest.encoded}/data": content,
        f"{repository}/_manifests/revisions/sha256/{digest.encoded}/link": digest.encode(),
        f"{repository}/_manifests/tags/latest/current/link": digest.encode(),
        f"{repository}/_layers/none": b"",  # by this folder the catalog knows a repository
    }
    for place, data in places.items():
        path = registry.storage / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _busybox() -> bytes:
    """The schema 2 manifest that skopeo's manual verifies."""

    def descriptor(kind: str, size: int, encoded: str) -> dict[str, object]:
        return {"mediaType": f"{DOCKER}.{kind}", "size": size, "digest": f"sha256:{encoded}"}

    config, layer = "container.image.v1+json", "image.rootfs.diff.tar.gzip"
    body = {
        "schemaVersion": 2,
        "mediaType": SCHEMA2,
        "config": descriptor(
            config, 7023, "b5b2b2c507a0944348e0303114d8d93aaaa081732b86451d9bce1f432a537bc7"
        ),
        "layers": [
            descriptor(layer, 32654, "e692418e4cbaf90ca69d05a66403747baa33ee08806650b51fab815ad7fc331f"),
            descriptor(layer, 16724, "3c3a4604a545cdc127456d94e421cd355bca5b528f4a9c1905b15da2eb4a4c6b"),
            descriptor(layer, 73109, "ec4b8955958665577945c89419d1af06b5f7636b4ac3da7f12184802ad867736"),
        ],
    }
    return json.dumps(body, indent=4).encode()


def _hello_world() -> bytes:
    """What is signed of the schema 1 manifest that moby tests with."""
    return _unsigned((corpora.folder("manifests") / "good_manifest").read_bytes())


@pytest.mark.parametrize(
    ("manifest", "kind", "published"),
    [
        (_busybox, "schema2", "20bf21ed457b390829cdbeec8795a7bea1626991fda603e0d01b4e7f60427e55"),
        (_hello_world, "schema1_signed", "02fee8c3220ba806531f606525eceb83f4feb654f62b207191b1c9209188dedd"),
    ],
    ids=["busybox", "hello-world"],
)
def test_a_published_manifest_has_its_published_digest(
    tmp_path: Path, manifest: Callable[[], bytes], kind: str, published: str
) -> None:
    """Even where its layers are gone: the manifest is kept, and the image says what it lacks."""
    content = manifest()
    with serving(tmp_path, WITH_SCHEMA1) as registry:
        _plant(registry, "published/image", content)
        census = Census(registry, tmp_path / "data")
        census.take()
    assert census.select("select state, reason from images") == [("failed", "blob_missing")]
    ((digest, canonical, header, found, flags),) = census.select(
        "select digest, canonical_digest, header_digest, kind, flags from manifests"
    )
    assert canonical == header == f"sha256:{published}"
    assert (found, flags) == (kind, "")
    assert _unsigned(census.blob(digest)) == content
