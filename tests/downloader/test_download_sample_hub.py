"""The whole sample hub: every image is done or failed for the reason it was made for, byte for byte."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from registry.digests import Digest
from registry.errors import Reason
from registry.manifests import parse_manifest
from samplehub import Hub, Running, serve
from tests.downloader.conftest import Undisturbed
from tests.downloader.runs import (
    download,
    files,
    images,
    kept,
    opened,
    select,
    settings_of,
    tables,
)

pytestmark = pytest.mark.slow  # the hub takes two seconds to build, and each run of it one

SAD = {
    "library/elasticsearch": Reason.NO_TAG,
    "fernwehlab/releases": Reason.NO_TAG,
    "marlowe/placeholder": Reason.NO_TAG,
    "brightloom/legacy": Reason.REPO_MISSING,
    "dkrstudent42/homework": Reason.REPO_MISSING,
    "private/app": Reason.AUTH_REQUIRED,
    "piworks/sensor-hub": Reason.NO_PLATFORM,
    "gilliam-like/scheduler-_worker": Reason.INVALID_NAME,
    "damaged/corrupt": Reason.DIGEST_MISMATCH,
    "damaged/truncated": Reason.SIZE_MISMATCH,
}


@pytest.fixture
def copied(undisturbed: Undisturbed, data: Path) -> Path:
    """A data directory in which the whole hub was downloaded."""
    return shutil.copytree(undisturbed.data, data)


def originals(hub: Hub) -> dict[str, bytes]:
    """What the hub holds, by the sha256 of the bytes."""
    manifests = [manifest.data for each in hub.repositories for manifest in each.manifests.values()]
    return {Digest.of(data): data for data in (*manifests, *hub.blobs.values())}


def test_every_listed_image_is_done_or_failed_for_its_reason(undisturbed: Undisturbed) -> None:
    """Nothing is pending, nothing is lost, and no reason is another one."""
    expected = {f"{name}:latest": str(SAD.get(name, "done")) for name in undisturbed.names}
    assert images(undisturbed.data) == expected
    failures = Counter(SAD[name] for name in SAD if SAD[name] is not Reason.INVALID_NAME)
    assert undisturbed.summary.failed == failures
    assert undisturbed.summary.done == len(undisturbed.names) - len(SAD)
    assert undisturbed.summary.stopped is None


def test_every_blob_is_named_by_its_sha256_and_is_what_the_hub_holds(
    undisturbed: Undisturbed, hub: Hub
) -> None:
    """No byte is converted, and nothing is there that the hub did not give."""
    held = originals(hub)
    found = files(undisturbed.data / "blobs")
    assert all(name == f"sha256/{digest}" for name, digest in found.items())
    assert all(f"sha256:{digest}" in held for digest in found.values())
    assert files(undisturbed.data / "partial") == {}


def test_every_image_done_is_there_to_its_last_layer(undisturbed: Undisturbed, hub: Hub) -> None:
    """Going from the tag to the layers by the manifests themselves meets no hole but foreign layers."""
    found = set(files(undisturbed.data / "blobs").values())
    roots = dict(select(undisturbed.data, "select digest, content_type from manifests"))
    query = "select manifest_digest from image_manifests join images on id = image_id where state = 'done'"
    chosen = [row[0] for row in select(undisturbed.data, query)]
    assert len(chosen) >= undisturbed.summary.done
    for digest in chosen:
        raw = (undisturbed.data / "blobs" / "sha256" / Digest(digest).encoded).read_bytes()
        manifest = parse_manifest(raw, roots[digest])
        wanted = [*manifest.layers, *([manifest.config] if manifest.config else [])]
        assert {each.digest.encoded for each in wanted if not each.is_foreign} <= found
    assert hub.repositories


def test_schema_1_stays_schema_1_byte_for_byte(undisturbed: Undisturbed, hub: Hub) -> None:
    """It is kept under the sha256 of its bytes, and known by the digest of what was signed."""
    query = "select digest, canonical_digest from manifests where kind = 'schema1_signed'"
    rows = select(undisturbed.data, query)
    pushed = {
        digest: manifest.data
        for repository in hub.repositories
        for digest, manifest in repository.manifests.items()
        if "v1+prettyjws" in manifest.media_type and digest == repository.tags.get("latest")
    }
    assert {row[1] for row in rows} == set(pushed)
    for stored, canonical in rows:
        raw = (undisturbed.data / "blobs" / "sha256" / Digest(stored).encoded).read_bytes()
        assert raw == pushed[canonical]
        assert stored != canonical
    index = json.loads((undisturbed.data / "index.json").read_bytes())
    assert not {each["digest"] for each in index["manifests"]} & {row[0] for row in rows}


def test_each_digest_is_fetched_once_however_many_images_list_it(undisturbed: Undisturbed) -> None:
    """Shared layers, configurations and manifests are one GET; only damaged layers are tried again."""
    damaged = {row[0] for row in select(undisturbed.data, "select digest from blobs where state = 'failed'")}
    assert len(damaged) == 2
    gets = undisturbed.blob_gets
    assert {digest: count for digest, count in gets.items() if count > 1 and digest not in damaged} == {}
    assert all(gets[digest] <= 4 for digest in damaged)
    by_digest = Counter(name.partition("@")[2] for name in undisturbed.manifest_gets.elements())
    assert set(by_digest.values()) == {1}
    shared = """select count(*) from (select digest from manifest_layers group by digest
        having count(distinct manifest_digest) > 1)"""
    assert select(undisturbed.data, shared)[0][0] > 10


async def test_a_second_run_makes_no_request_and_changes_no_file(running: Running, copied: Path) -> None:
    """The catalog tells that nothing is left."""
    before, rows = kept(copied), tables(copied)
    async with opened(copied, running.registry_url) as bench:
        assert not await bench.has_work()
        await bench.engine(settings_of()).run()
    assert running.traffic.total() == 0
    assert kept(copied) == before
    assert tables(copied) == rows


async def test_a_wider_platform_rule_fetches_only_what_it_adds(
    running: Running, copied: Path, undisturbed: Undisturbed, hub: Hub
) -> None:
    """And asks again for what could not be had; afterwards all is as if it had been asked for at once."""
    held = {f"sha256:{digest}" for digest in files(copied / "blobs").values()}
    await download(copied, running.registry_url, platform="all")
    assert running.traffic["blob_get"] > 0
    assert not held & set(running.blob_gets)
    assert not held & {name.partition("@")[2] for name in running.manifest_gets}
    lost = {digest for (digest,) in select(copied, "select digest from blobs where state = 'failed'")}
    assert {count for digest, count in running.blob_gets.items() if digest not in lost} == {1}
    assert set(running.manifest_gets.values()) == {1}
    at_once = copied.with_name("at-once")
    async with serve(hub) as other:
        await download(at_once, other.registry_url, undisturbed.names, platform="all")
    assert kept(copied) == kept(at_once)
    assert images(copied) == images(at_once)
    later, once = tables(copied), tables(at_once)
    del later["images"], once["images"]  # what failed at its root was not gone over by the new rule
    assert later == once
    assert images(copied)["piworks/sensor-hub:latest"] == "done"


async def test_a_list_of_platforms_takes_one_child_each(running: Running, data: Path) -> None:
    """Where an index offers both, an image consists of two manifests."""
    names = ["library/debian", "library/alpine", "library/redis", "piworks/sensor-hub"]
    await download(data, running.registry_url, names, platform="linux/amd64, linux/arm64")
    assert set(images(data).values()) == {"done"}
    query = """select name, count(*) from image_manifests join images i on i.id = image_id
        join repositories r on r.id = i.repository_id group by name"""
    assert dict(select(data, query)) == dict(zip(names, (2, 2, 1, 1), strict=True))


async def test_all_tags_on_all_platforms_are_everything_the_hub_gives(
    running: Running, data: Path, undisturbed: Undisturbed, hub: Hub
) -> None:
    """Every manifest that can be pulled, but attestations, and every blob that is sound."""
    await download(data, running.registry_url, undisturbed.names, tags="all", platform="all")
    tagged = {f"{each.name}:{tag}" for each in hub.repositories for tag in each.tags}
    found = images(data)
    assert tagged <= set(found)
    sad = {name: state for name, state in found.items() if state != "done"}
    without_tags = {name for name in SAD if not hub.repository(name).tags}
    assert {name.partition(":")[0] for name in sad} == without_tags | {
        "private/app",
        "damaged/corrupt",
        "damaged/truncated",
    }
    assert files(data / "partial") == {}
