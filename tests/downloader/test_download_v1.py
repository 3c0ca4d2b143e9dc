"""Images of a registry of version 1: original bytes, each once, and a reason for the rest."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from corpus.records import ImageTask
from registry.digests import Digest
from registry.errors import Reason
from registry.manifests import ManifestKind
from tests.downloader.runs import NAME, files, images, kept, select, tables
from tests.downloader.servers import (
    cut,
    hang_up,
    refuse,
)
from tests.downloader.v1_runs import blob, document_of, download_v1, fetched_v1, fetcher_v1
from tests.downloader.v1_server import FakeV1, serving_v1

LAYER = bytes(range(256)) * 100
SIZE = len(LAYER)


@pytest.fixture
async def fake() -> AsyncIterator[FakeV1]:
    async with serving_v1() as registry:
        yield registry


@pytest.fixture
def top(fake: FakeV1) -> str:
    """The id of the one image of ``a/b``, of one layer without a checksum."""
    image_id = fake.tag("a/b", fake.build(LAYER))
    fake.images[image_id].checksums = []
    return image_id


async def result(data: Path, fake: FakeV1, **settings: object) -> str | None:
    """What became of ``a/b`` in a run that does not wait for better times."""
    await download_v1(data, fake.url, "a/b", **({"retry_wait_s": 0} | settings))
    return images(data)["a/b:latest"]


def layer_in(data: Path) -> bytes:
    """The layer that was stored for ``a/b``."""
    (entry,) = document_of(data, "a/b:latest")["ancestry"]
    return blob(data, entry["layer"]["digest"])


def index_of(data: Path) -> bytes:
    return (data / "index.json").read_bytes()


def remove(data: Path, digest: str) -> None:
    (data / "blobs" / digest.replace(":", "/")).unlink()


def spoil(data: Path, digest: str) -> None:
    """As if the machine had failed before the checkpoint: no row, and no bytes on the disk yet."""
    path = data / "blobs" / digest.replace(":", "/")
    path.write_bytes(bytes(path.stat().st_size))
    with closing(sqlite3.connect(data / "catalog.sqlite")) as catalog, catalog:
        catalog.execute("delete from blobs where digest = ?", (digest,))


async def test_every_json_and_layer_is_kept_as_it_came(fake: FakeV1, data: Path) -> None:
    """A document lists them, base first; it is the image's manifest."""
    ids = [fake.build(b"base")]
    ids += [fake.build(b"middle", parent=ids[0])]
    ids += [fake.tag("a/b", fake.build(b"top", parent=ids[1]))]
    assert await result(data, fake) == "done"
    ancestry = document_of(data, "a/b:latest")["ancestry"]
    assert [entry["id"] for entry in ancestry] == ids
    for entry in ancestry:
        image = fake.images[entry["id"]]
        for part, original in (("json", image.raw), ("layer", image.layer)):
            assert blob(data, entry[part]["digest"]) == original
            assert entry[part]["size"] == len(original)
    assert select(data, "select kind, flags from manifests") == [(ManifestKind.V1_IMAGE, "")]
    roles = Counter(role for (role,) in select(data, "select role from blobs where state = 'done'"))
    assert roles == {"manifest": 1, "config": 3, "layer": 3}
    assert all(digest.endswith(name) for name, digest in files(data / "blobs" / "sha256").items())
    assert not files(data / "partial")


@pytest.mark.usefixtures("top")
async def test_an_oci_layout_does_not_list_what_no_reader_knows(fake: FakeV1, data: Path) -> None:
    assert await result(data, fake) == "done"
    assert b'"manifests":[\n]' in index_of(data)


async def test_an_ancestor_is_fetched_once(fake: FakeV1, data: Path) -> None:
    """However many images have it, in one run or in two."""
    base = fake.build(LAYER)
    fake.tag("a/b", fake.build(b"one", parent=base))
    fake.tag("a/c", fake.build(b"two", parent=base))
    fake.tag("a/d:latest", base)
    await download_v1(data, fake.url, "a/b", "a/c", "a/d")
    assert len(fake.layer_gets()) == 3
    later = fake.tag("a/e", fake.build(b"three", parent=base))
    fake.asked.clear()
    assert set((await fetched_v1(data, fake.url, "a/b", "a/c", "a/d", "a/e")).values()) == {"done"}
    assert fake.layer_gets() == [later]
    assert fake.count("/json") == 1


async def test_an_image_id_of_one_registry_says_nothing_of_another(fake: FakeV1, data: Path) -> None:
    """Ids are names, not digests: two registries may mean different bytes by the same."""
    top = fake.tag("a/b", fake.build(b"mine"))
    await download_v1(data, fake.url, "a/b")
    rows = select(data, "select registry, image_id, layer_digest from v1_layers")
    assert rows == [("sample", top, Digest.of(b"mine"))]


@pytest.mark.usefixtures("top")
async def test_a_second_run_has_nothing_to_ask(fake: FakeV1, data: Path) -> None:
    await download_v1(data, fake.url, "a/b")
    before, fake.asked[:] = kept(data), []
    summary = await download_v1(data, fake.url, "a/b")
    assert (summary.done, fake.asked, kept(data)) == (0, [], before)


async def test_all_tags_can_be_taken_and_the_list_is_asked_for_once(fake: FakeV1, data: Path) -> None:
    for number in range(5):
        fake.tag(f"a/b:v{number}", fake.build(b"%d" % number))
    found = await fetched_v1(data, fake.url, "a/b", tags="all")
    assert found == {f"a/b:v{number}": "done" for number in range(5)}
    assert fake.count("a/b/tags") == 2  # to expand them, and to resolve them


async def test_the_newest_tags_are_told_by_the_dates_in_their_json(fake: FakeV1, data: Path) -> None:
    for year in (2013, 2015, 2014):
        fake.tag(f"a/b:y{year}", fake.build(b"%d" % year, created=f"{year}-01-01T00:00:00Z"))
    fake.tag("a/b:odd", "no id")
    assert await fetched_v1(data, fake.url, "a/b", tags="newest:2") == {
        "a/b:y2014": "done",
        "a/b:y2015": "done",
    }


@pytest.mark.parametrize(
    ("name", "reason"),
    [("a/b", Reason.NO_TAG), ("a/none", Reason.REPO_MISSING), ("a/odd", Reason.UNEXPECTED_ANSWER)],
)
async def test_what_cannot_be_resolved_has_its_reason(
    fake: FakeV1, data: Path, name: str, reason: Reason
) -> None:
    fake.tag("a/b:other", fake.build(b"x"))
    fake.tag("a/odd:latest", "../../secret")
    assert await fetched_v1(data, fake.url, name) == {f"{name}:latest": reason}


async def test_an_image_without_one_of_its_ancestors_is_incomplete(fake: FakeV1, data: Path) -> None:
    """What came of it is kept, and not fetched again when the rest is there."""
    base = fake.build(b"base")
    fake.tag("a/b", fake.build(b"top", parent=base))
    lost = fake.images.pop(base)
    assert await result(data, fake) == Reason.BLOB_MISSING
    assert not select(data, "select * from manifests")
    fake.images[base] = lost
    fake.asked.clear()
    assert await result(data, fake, retry_failed=True) == "done"
    assert fake.layer_gets() == [base]


@pytest.mark.parametrize("script", [b"", b"[]", b"{}", b'{"id": "other"}'])
async def test_a_json_that_is_none_of_this_image_is_refused(
    fake: FakeV1, top: str, data: Path, script: bytes
) -> None:
    fake.images[top].raw = script
    expected = "done" if script == b"{}" else Reason.MANIFEST_INVALID
    assert await result(data, fake) == expected


async def test_a_token_of_one_repository_does_not_fail_the_image_of_another(fake: FakeV1, data: Path) -> None:
    """Whoever is refused an ancestor by his repository says nothing of it for the others."""
    base = fake.build(b"shared")
    fake.tag("a/b", base)
    fake.tag("a/c", base)
    fake.script_layer(base, refuse(403))
    found = await fetched_v1(data, fake.url, "a/b", "a/c", retry_wait_s=0)
    assert sorted(found.values(), key=str) == [Reason.DENIED, "done"]


async def test_blobs_that_are_gone_are_fetched_again(fake: FakeV1, top: str, data: Path) -> None:
    """The row of an image id leads to blobs; whether they are there, the store tells."""
    await download_v1(data, fake.url, "a/b")
    fake.tag("a/c", top)
    remove(data, Digest.of(LAYER))
    fake.asked.clear()
    await fetched_v1(data, fake.url, "a/c")
    assert fake.layer_gets() == [top]
    assert layer_in(data) == LAYER


async def test_blobs_that_no_checkpoint_vouches_for_are_verified(fake: FakeV1, top: str, data: Path) -> None:
    """After a power cut a file may have the right size, and zeros for bytes."""
    await download_v1(data, fake.url, "a/b")
    fake.tag("a/c", top)
    spoil(data, Digest.of(LAYER))
    fake.asked.clear()
    await fetched_v1(data, fake.url, "a/c")
    assert fake.layer_gets() == [top]
    assert blob(data, Digest.of(LAYER)) == LAYER


async def test_a_checkpoint_ends_what_is_remembered(fake: FakeV1, data: Path) -> None:
    """Memory is for what no catalog knows yet."""
    fake.tag("a/b", fake.build(b"x", b"y"))
    task = ImageTask(1, NAME, "a/b", "latest", 0)
    async with fetcher_v1(data, fake.url) as fetcher:
        outcome = await fetcher.fetch(task)
        assert (len(fetcher._layers), len(fetcher._repositories)) == (2, 1)
        fetcher.forget([outcome])
        assert not len(fetcher._layers) + len(fetcher._repositories)
        assert not fetcher._taken
        assert not fetcher._asked


async def test_an_undisturbed_run_and_a_disturbed_one_leave_the_same(fake: FakeV1, tmp_path: Path) -> None:
    base = fake.build(LAYER)
    for name in ("a/b", "a/c", "a/d"):
        fake.tag(name, fake.build(name.encode(), parent=base))
    names = ("a/b", "a/c", "a/d")
    await download_v1(tmp_path / "one", fake.url, *names)
    for image_id in fake.images:
        fake.script_layer(image_id, refuse(503), cut(2), hang_up)
    await download_v1(tmp_path / "other", fake.url, *names)
    assert kept(tmp_path / "one") == kept(tmp_path / "other")
    assert tables(tmp_path / "one") == tables(tmp_path / "other")


async def test_an_image_is_not_whole_without_a_layer_by_whatever_code_it_is_refused(
    fake: FakeV1, data: Path
) -> None:
    """There are no manifests here that an index could list and a registry lack."""
    base = fake.build(b"base")
    fake.tag("a/b", fake.build(b"top", parent=base))
    fake.script(f"GET /v1/images/{base}/layer", always=refuse(400, "MANIFEST_UNKNOWN"))
    assert await result(data, fake) not in {"done", None}
    assert select(data, "select root_digest from images") == [(None,)]
