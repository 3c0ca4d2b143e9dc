"""The engine against a registry that behaves as the test says: single images, and what is left of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpus.records import RepositoryRecord
from registry.digests import Digest
from registry.errors import ConfigurationError
from tests.downloader.runs import (
    crawl,
    download,
    fetched,
    files,
    images,
    opened,
    settings_of,
)
from tests.downloader.servers import (
    MANIFEST_TYPE,
    FakeRegistry,
    image_manifest,
    refuse,
    whole,
)

BASE = b"base layer" * 100


async def test_an_image_costs_one_head_one_manifest_and_each_blob_once(
    fake: FakeRegistry, data: Path
) -> None:
    """Nothing else is asked for."""
    digest = fake.push("a/b@latest", BASE, b"top", BASE)
    assert await fetched(fake.url, data, "a/b") == {"a/b:latest": "done"}
    assert fake.counts() == {
        "HEAD /v2/a/b/manifests/latest": 1,
        f"GET /v2/a/b/manifests/{digest}": 1,
        f"GET /v2/a/b/blobs/{Digest.of(BASE)}": 1,
        f"GET /v2/a/b/blobs/{Digest.of(b'top')}": 1,
        f"GET /v2/a/b/blobs/{Digest.of(b'{}')}": 1,
    }


async def test_a_second_run_has_nothing_to_do_and_asks_for_nothing(fake: FakeRegistry, data: Path) -> None:
    """The catalog alone tells."""
    fake.push("a/b@latest", BASE)
    await fetched(fake.url, data, "a/b", "a/gone")
    before, asked = files(data / "blobs"), fake.count()
    async with opened(data, fake.url) as bench:
        assert not await bench.has_work()
        await bench.engine(settings_of()).run()
    assert fake.count() == asked
    assert files(data / "blobs") == before


async def test_images_share_manifests_and_blobs_also_while_they_are_on_their_way(
    fake: FakeRegistry, data: Path
) -> None:
    """Sixty images of one manifest in sixty repositories: one GET of each digest."""
    names = [f"a/{number}" for number in range(60)]
    for name in names:
        digest = fake.push(f"{name}@latest", BASE)
    assert set((await fetched(fake.url, data, *names)).values()) == {"done"}
    for what in (f"manifests/{digest}", f"blobs/{Digest.of(BASE)}", f"blobs/{Digest.of(b'{}')}"):
        assert fake.count(what) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refuse(401), "auth_required"),
        (refuse(403, "DENIED"), "denied"),
        (refuse(404, "NAME_UNKNOWN"), "repo_missing"),
        (refuse(404, "MANIFEST_UNKNOWN"), "no_tag"),
        (refuse(404), "no_tag"),
        (refuse(451), "legal"),
        (refuse(500), "server_error"),
        (refuse(429), "abuse_limit"),
        (whole(body=b"<html>"), "manifest_invalid"),
        (whole(body=b"[" * 100_000), "manifest_invalid"),
        (whole(body=b'{"schemaVersion":2,"layers":[],"manifests":[]}'), "ambiguous"),
        (whole(body=b'{"mediaType":"application/x"}'), "unsupported_type"),
        (whole(body=b" " * (9 << 20)), "too_large"),
    ],
)
async def test_an_image_that_cannot_be_had_is_an_outcome_and_the_others_are_fetched(
    fake: FakeRegistry, data: Path, answer: object, expected: str
) -> None:
    """One broken image among three: two results and one reason."""
    for name in ("a/1", "a/2"):
        fake.push(f"{name}@latest", BASE, name.encode())
    for method in ("HEAD", "GET"):
        fake.script(f"{method} /v2/a/sad/manifests/latest", always=answer)  # type: ignore[arg-type]
    found = await fetched(fake.url, data, "a/1", "a/sad", "a/2")
    assert found == {"a/1:latest": "done", "a/sad:latest": expected, "a/2:latest": "done"}
    assert fake.count("/a/sad/") <= 12


async def test_a_head_that_is_not_supported_or_tells_nothing_leads_to_a_get_by_tag(
    fake: FakeRegistry, data: Path
) -> None:
    """405, no digest, a digest nobody can compute, one that is none, and one that does not exist."""
    answers = {
        "a/405": refuse(405),
        "a/none": refuse(200),
        "a/blake": refuse(200, Docker_Content_Digest="blake3:" + "0" * 64),
        "a/prose": refuse(200, Docker_Content_Digest="latest"),
        "a/wrong": refuse(200, Docker_Content_Digest=Digest.of(b"of nothing")),
    }
    for name, answer in answers.items():
        fake.push(f"{name}@latest", name.encode())
        fake.script(f"HEAD /v2/{name}/manifests/latest", always=answer)
    assert set((await fetched(fake.url, data, *answers)).values()) == {"done"}


async def test_a_manifest_that_is_not_the_one_asked_for_is_refused(fake: FakeRegistry, data: Path) -> None:
    """A registry that converts or swaps it is found out, and nothing of it is kept."""
    digest = fake.push("a/b@latest", BASE)
    fake.script(f"GET /v2/a/b/manifests/{digest}", always=whole(body=image_manifest(b"swapped")))
    assert await fetched(fake.url, data, "a/b") == {"a/b:latest": "digest_mismatch"}
    assert files(data / "blobs") == {}


async def test_an_image_listed_by_digest_is_fetched_by_it(fake: FakeRegistry, data: Path) -> None:
    """No tag is asked for; one that is not there is no tag that is not there."""
    digest = fake.push("a/b@old", BASE)
    gone = Digest.of(b"gone")
    records = [RepositoryRecord("a/b", reference=digest), RepositoryRecord("a/c", reference=gone)]
    await download(data, fake.url, records)
    assert images(data) == {f"a/b:{digest}": "done", f"a/c:{gone}": "manifest_missing"}
    assert fake.count("HEAD") == 1  # by the digest: whether pulls are counted, before one is made
    assert fake.count("latest") == 0


async def test_a_held_manifest_that_was_lost_is_fetched_again(fake: FakeRegistry, data: Path) -> None:
    """A file that somebody removed or damaged costs a request, not the campaign."""
    gone, changed = fake.push("a/1@latest", b"1"), fake.push("a/2@latest", b"2")
    await fetched(fake.url, data, "a/1", "a/2")
    (data / "blobs" / "sha256" / gone.encoded).unlink()
    (data / "blobs" / "sha256" / changed.encoded).write_bytes(b"{}")
    assert set((await fetched(fake.url, data, platform="all")).values()) == {"done"}
    assert all(name == f"sha256/{digest}" for name, digest in files(data / "blobs").items())


async def test_a_manifest_of_the_right_size_and_wrong_bytes_is_not_believed(
    fake: FakeRegistry, data: Path
) -> None:
    """A power cut left zeros under the right name; nobody recorded it."""
    digest = fake.push("a/b@latest", BASE)
    place = data / "blobs" / "sha256" / digest.encoded
    place.parent.mkdir(parents=True)
    place.write_bytes(bytes(len(image_manifest(BASE))))
    assert await fetched(fake.url, data, "a/b") == {"a/b:latest": "done"}
    assert Digest.of(place.read_bytes()) == digest


async def test_bytes_left_by_a_killed_run_are_no_traffic(fake: FakeRegistry, data: Path) -> None:
    """They are verified, not fetched, and not counted as fetched."""
    fake.push("a/b@latest", BASE)
    folder = data / "blobs" / "sha256"
    folder.mkdir(parents=True)
    (folder / Digest.of(BASE).encoded).write_bytes(BASE)
    summary = await download(data, fake.url, ["a/b"])
    assert images(data) == {"a/b:latest": "done"}
    assert fake.count(f"blobs/{Digest.of(BASE)}") == 0
    assert summary.bytes_fetched == len(image_manifest(BASE)) + len(b"{}")


@pytest.mark.parametrize("settings", [{"platform": "linux"}, {"tags": "a/b"}])
async def test_a_rule_that_makes_no_sense_is_refused_before_anything_is_asked(
    fake: FakeRegistry, data: Path, settings: dict[str, str]
) -> None:
    """The engine is not even built."""
    async with opened(data, fake.url) as bench:
        with pytest.raises(ConfigurationError):
            bench.engine(settings_of(**settings))


async def test_what_is_shown_adds_up(fake: FakeRegistry, data: Path) -> None:
    """Done and failed make the total, and the bytes are those that came."""
    fake.push("a/b@latest", BASE)
    async with opened(data, fake.url) as bench:
        await crawl(bench.catalog, ["a/b", "a/gone"])
        engine = bench.engine(settings_of())
        assert engine.statistics().total is None
        summary = await engine.run()
        shown = engine.statistics()
    assert (shown.done, shown.failed, shown.total) == (1, 1, 2)
    assert (
        shown.bytes_done
        == summary.bytes_fetched
        == sum(path.stat().st_size for path in (data / "blobs" / "sha256").iterdir())
    )


async def test_the_index_of_the_layout_lists_what_is_done(fake: FakeRegistry, data: Path) -> None:
    """One descriptor per image, whose blob is there with that size (image-layout.md)."""
    digest = fake.push("a/b@latest", BASE)
    fake.push("a/c@latest", BASE)
    await fetched(fake.url, data, "a/b", "a/c", "a/gone")
    index = json.loads((data / "index.json").read_bytes())
    assert index["schemaVersion"] == 2
    names = [each["annotations"]["org.opencontainers.image.ref.name"] for each in index["manifests"]]
    assert names == ["sample/a/b:latest", "sample/a/c:latest"]
    for each in index["manifests"]:
        assert (each["digest"], each["mediaType"]) == (digest, MANIFEST_TYPE)
        assert (data / "blobs" / "sha256" / digest.encoded).stat().st_size == each["size"]
    assert json.loads((data / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
