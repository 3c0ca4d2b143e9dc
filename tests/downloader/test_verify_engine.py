"""A verification finds what is wrong with a store; a repair leaves what the next download completes."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError

from corpus.catalog import open_catalog, read_catalog
from corpus.catalog.verification import VerificationCatalog
from corpus.layout import Layout
from corpus.lock import exclusive
from downloader.examine import Examined
from downloader.findings import Kind, why_withheld
from downloader.repair import Repair
from downloader.verify import VerifyEngine
from registry.digests import Digest
from tests.downloader.runs import files, tables
from tests.downloader.stores import (
    BLOBS,
    CENSUS,
    Clock,
    digest,
    found,
    images_of,
    make,
    manifest,
    pending,
    profile,
    profiles,
    refetch,
    rows,
    verify,
)

SHARED, OF_ONE, OF_TWO = b"shared layer", b"layer of one", b"layer of two" * 1_000
CONFIG_OF_ONE = b'{"one":1}'
NEVER_HAD = b"never had"
MANIFEST_OF_ONE = BLOBS[CENSUS[0].outcome.chosen[0]]
NESTED_ROOT, NESTED_INDEX, NESTED_MANIFEST = (
    BLOBS[fetched.manifest.blob_digest] for fetched in CENSUS[2].outcome.manifests
)
ARTIFACT = BLOBS[CENSUS[3].outcome.referrers[0].manifest]
SIGNATURE = b"signature"

EVERY_ROLE = {
    "a layer": OF_ONE,
    "a shared layer": SHARED,
    "a configuration": CONFIG_OF_ONE,
    "a manifest": MANIFEST_OF_ONE,
    "the root index": NESTED_ROOT,
    "an index below": NESTED_INDEX,
    "a child's manifest": NESTED_MANIFEST,
    "a child's layer": b"layer of the child",
    "an artifact": ARTIFACT,
    "an artifact's part": SIGNATURE,
    "a layer of an image that failed": b"layer of failed",
}


@pytest.fixture(autouse=True)
def _silent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A census to copy."""
    root = tmp_path_factory.mktemp("made") / "data"
    asyncio.run(make(Layout(root)))
    return root


@pytest.fixture
def layout(made: Path, tmp_path: Path) -> Layout:
    shutil.copytree(made, tmp_path / "data")
    return Layout(tmp_path / "data")


def remove(layout: Layout, data: bytes) -> None:
    layout.blob(digest(data)).unlink()


def change(layout: Layout, data: bytes) -> None:
    layout.blob(digest(data)).write_bytes(b"X" + data[1:])


def cut(layout: Layout, data: bytes) -> None:
    layout.blob(digest(data)).write_bytes(data[:-1])


DAMAGES = {"missing": remove, "corrupt": change, "truncated": cut}


async def test_a_census_that_nothing_happened_to_is_whole(layout: Layout, made: Path) -> None:
    """Every blob was read once, and nothing was changed, not even by a repair."""
    for repair in (False, True):
        summary = await verify(layout, repair=repair)
        assert found(summary) == {}
        assert (summary.blobs, summary.bytes) == (len(BLOBS), sum(map(len, BLOBS.values())))
        assert (summary.requeued, summary.stopped, summary.is_repair) == (0, None, repair)
    assert tables(layout.root) == tables(made)
    assert files(layout.blobs) == files(made / "blobs")


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("data", EVERY_ROLE.values(), ids=EVERY_ROLE)
async def test_a_lost_blob_of_any_role_is_fetched_again_for_every_image_that_needs_it(
    layout: Layout, made: Path, kind: str, data: bytes
) -> None:
    """Found, repaired, downloaded: the same corpus as before."""
    DAMAGES[kind](layout, data)
    assert found(await verify(layout)) == {kind: {digest(data)}}
    assert not pending(layout)
    summary = await verify(layout, repair=True)
    assert found(summary) == {kind: {digest(data)}}
    assert pending(layout) == images_of(data)
    assert summary.requeued == len(images_of(data))
    assert not layout.blob(digest(data)).exists()
    assert found(await verify(layout)) == {}
    assert await refetch(layout) == images_of(data)
    assert found(await verify(layout)) == {}
    assert tables(layout.root) == tables(made)
    assert files(layout.blobs) == files(made / "blobs")
    assert files(layout.root)["index.json"] == files(made)["index.json"]


async def test_the_catalog_never_speaks_of_a_manifest_that_is_not_there(layout: Layout) -> None:
    """What it lists is known from its bytes only; other manifests stay."""
    remove(layout, MANIFEST_OF_ONE)
    await verify(layout, repair=True)
    one = digest(MANIFEST_OF_ONE)
    for table, column in (
        ("manifests", "digest"),
        ("manifest_layers", "manifest_digest"),
        ("image_manifests", "manifest_digest"),
        ("blobs", "digest"),
    ):
        assert (one,) not in rows(layout, f"select {column} from {table}")  # noqa: S608 - our own names
    assert len(rows(layout, "select * from manifests")) == sum(len(i.outcome.manifests) for i in CENSUS) - 1


async def test_the_profile_of_a_layer_that_was_whole_when_it_was_read_is_kept(layout: Layout) -> None:
    """It may never be had again; and its images' profiles rest on right bytes too."""
    before = sorted(profiles(layout))
    change(layout, OF_ONE)
    await verify(layout, repair=True)
    assert sorted(profiles(layout)) == before
    async with open_catalog(layout) as catalog:
        layers = (await catalog.census.count()).layers
    assert (layers.pending, layers.failed) == (0, 0)


async def test_a_profile_of_wrong_bytes_is_dropped_with_those_that_rest_on_it(layout: Layout) -> None:
    """The layer profile says itself that the bytes were not those of the digest."""
    async with open_catalog(layout) as catalog:
        await profile(layout, catalog, misread=[SHARED])
    for each in (SHARED, OF_ONE):
        findings = layout.findings(digest(each))
        findings.parent.mkdir(parents=True, exist_ok=True)
        findings.write_bytes(b"of the same bytes")
    change(layout, SHARED)
    await verify(layout, repair=True)
    gone = {digest(SHARED), CENSUS[0].outcome.chosen[0], CENSUS[1].outcome.chosen[0]}
    assert not gone & set(profiles(layout))
    assert digest(OF_ONE) in set(profiles(layout))
    assert not layout.layer_profile(digest(SHARED)).exists()
    assert not layout.findings(digest(SHARED)).exists()
    assert layout.findings(digest(OF_ONE)).exists()
    assert not layout.image_profile(CENSUS[0].outcome.chosen[0]).exists()
    assert layout.image_profile(CENSUS[2].outcome.chosen[0]).exists()
    await refetch(layout)
    async with open_catalog(layout) as catalog:
        assert (await catalog.profiles.count_pending_layers())[0] == 1


async def test_a_profile_that_cannot_be_read_proves_nothing(layout: Layout) -> None:
    """It is made anew."""
    layout.layer_profile(digest(OF_ONE)).write_bytes(b"no profile")
    change(layout, OF_ONE)
    await verify(layout, repair=True)
    assert digest(OF_ONE) not in set(profiles(layout))


@pytest.mark.parametrize("data", [CONFIG_OF_ONE, MANIFEST_OF_ONE])
async def test_the_image_profile_made_of_a_lost_document_is_dropped(layout: Layout, data: bytes) -> None:
    """Nothing tells from which bytes it was made."""
    change(layout, data)
    await verify(layout, repair=True)
    assert CENSUS[0].outcome.chosen[0] not in set(profiles(layout))
    assert not layout.image_profile(CENSUS[0].outcome.chosen[0]).exists()
    assert digest(OF_ONE) in set(profiles(layout))


async def test_right_bytes_without_a_row_are_adopted(layout: Layout) -> None:
    """As a download leaves them that was killed before its checkpoint; the role of most is unknown."""
    orphans = {
        b"an orphan": "unknown",
        b' {"an": "orphan"}': "unknown",
        NESTED_ROOT.replace(b"}", b"} ", 1): "manifest",
        bytes(5 << 20): "unknown",
    }
    for data in orphans:
        layout.blob(digest(data)).write_bytes(data)
    assert found(await verify(layout)) == {"orphaned": {digest(data) for data in orphans}}
    await verify(layout, repair=True)
    assert found(await verify(layout)) == {}
    adopted = dict(rows(layout, "select digest, role from blobs where state = 'done'"))
    assert {data: adopted[digest(data)] for data in orphans} == orphans


@pytest.mark.parametrize(
    ("data", "role"),
    [(OF_ONE, "layer"), (b"layer of failed", "layer"), (CONFIG_OF_ONE, "config"), (SIGNATURE, "artifact")],
)
async def test_an_orphan_that_a_manifest_lists_has_the_role_that_it_has_there(
    layout: Layout, made: Path, data: bytes, role: str
) -> None:
    """Whatever its bytes look like; an image that failed for want of another blob is left alone."""
    with closing(sqlite3.connect(layout.catalog)) as connection, connection:
        connection.execute("delete from blobs where digest = ?", (digest(data),))
    await verify(layout, repair=True)
    assert rows(layout, f"select role from blobs where digest = '{digest(data)}'") == [(role,)]  # noqa: S608
    assert tables(layout.root) == tables(made)


async def test_an_adopted_manifest_is_known_as_if_it_had_been_fetched(layout: Layout) -> None:
    """No pull is spent on it again, and its blobs are not layers yet: it may be an artifact's."""
    layer, config = b"never listed", b'{"never":"listed"}'
    document = manifest(config, layer)
    for data in (document, layer, config):
        layout.blob(digest(data)).write_bytes(data)
    async with open_catalog(layout) as catalog:
        before = await catalog.profiles.count_pending_layers()
        await VerifyEngine(catalog, layout, Repair(catalog.verification, layout, Clock())).run()
        name = digest(document)
        assert await catalog.contents.known_manifests([name]) == {name: name}
        assert await catalog.contents.manifest_answer(name) == ("", None, frozenset())
        assert await catalog.profiles.count_pending_layers() == before
    assert rows(layout, f"select digest from manifest_layers where manifest_digest = '{name}'") == [  # noqa: S608
        (digest(layer),)
    ]
    assert rows(layout, "select count(*) from blobs where role = 'unknown'") == [(2,)]


async def test_a_disk_that_is_not_mounted_is_not_taken_for_the_loss_of_all_blobs(layout: Layout) -> None:
    """Nothing is forgotten, and once it is back nothing is wrong; a look tells what is missing."""
    layout.blobs.rename(layout.root / "elsewhere")
    layout.ensure()
    summary = await verify(layout, repair=True)
    assert (summary.blobs, found(summary), summary.requeued) == (0, {}, 0)
    assert "only 0 of" in (summary.stopped or "")
    assert (await verify(layout)).found["missing"].count == len(BLOBS)  # type: ignore[index]
    shutil.rmtree(layout.blobs)
    (layout.root / "elsewhere").rename(layout.blobs)
    assert found(await verify(layout, repair=True)) == {}
    assert not pending(layout)


@pytest.mark.parametrize(
    ("there", "looked_for", "is_mended"),
    [(0, 0, True), (0, 1, False), (1, 2, True), (499, 1_000, False), (500, 1_000, True)],
)
def test_a_repair_begins_where_half_of_the_blobs_are_there(
    there: int, looked_for: int, *, is_mended: bool
) -> None:
    """Or where there are none to look for."""
    assert (why_withheld(there, looked_for) is None) is is_mended


async def test_images_are_counted_that_several_repairs_at_a_time_make_pending(layout: Layout) -> None:
    """None is lost between two of them."""

    class Slow(VerificationCatalog):
        async def adopt(self, *_: object) -> int:
            await asyncio.to_thread(lambda: None)
            return 5

    layout.blob(digest(b"orphan")).write_bytes(b"orphan")
    async with open_catalog(layout) as catalog:
        repair = Repair(Slow(catalog.verification._database), layout, Clock())
        orphans = [Examined(digest(b"orphan"), 6, Kind.ORPHANED)]
        await asyncio.gather(repair.adopt(orphans), repair.adopt(orphans))
    assert repair.requeued == 10


async def test_a_blob_that_could_not_be_had_and_is_there_after_all_completes_its_images(
    layout: Layout,
) -> None:
    """Somebody copied it there: the images that failed for want of it are pending."""
    layout.blob(digest(NEVER_HAD)).write_bytes(NEVER_HAD)
    assert found(await verify(layout)) == {"orphaned": {digest(NEVER_HAD)}}
    assert (await verify(layout, repair=True)).requeued == 1
    assert pending(layout) == {"a/failed"}
    assert rows(layout, f"select state, reason from blobs where digest = '{digest(NEVER_HAD)}'") == [  # noqa: S608
        ("done", None)
    ]


async def test_a_wrong_file_that_the_catalog_does_not_have_is_removed(layout: Layout, made: Path) -> None:
    """A power cut may leave zeros under a name that no row speaks of."""
    name = Digest.of(b"never recorded")
    layout.blob(name).write_bytes(bytes(14))
    assert found(await verify(layout)) == {"corrupt": {name}}
    await verify(layout, repair=True)
    assert not layout.blob(name).exists()
    assert tables(layout.root) == tables(made)


async def test_what_is_not_ours_is_moved_aside_and_nothing_of_it_is_lost(layout: Layout, made: Path) -> None:
    """Each keeps its path below ``foreign/``; one that was moved there before keeps its own."""
    strangers = {
        "blobs/sha256/readme": b"1",
        "blobs/md5/a/b": b"2",
        f"partial/sha256-{digest(OF_ONE).encoded}": b"3",
        f"partial/sha256-{digest(OF_ONE).encoded}.whole": b"4",
        "partial/notes": b"5",
        ".index.json.tmp": b"6",
    }
    for round_ in ("", ".1", ".2"):
        for name, data in strangers.items():
            path = layout.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data + round_.encode())
        summary = await verify(layout, repair=True)
        assert (list(summary.found), summary.found[next(iter(summary.found))].count) == (["foreign"], 6)
        for name, data in strangers.items():
            moved = name.replace("md5", f"md5{round_}") if "md5" in name else f"{name}{round_}"
            assert (layout.foreign / moved).read_bytes() == data + round_.encode()
    assert found(await verify(layout)) == {}
    assert files(layout.blobs) == files(made / "blobs")
    assert not files(layout.partial)


async def test_a_folder_in_the_place_of_a_blob_is_moved_aside_and_the_blob_fetched_again(
    layout: Layout,
) -> None:
    """No program makes one; a hand may."""
    remove(layout, OF_ONE)
    (layout.blob(digest(OF_ONE)) / "inner").mkdir(parents=True)
    assert set(found(await verify(layout, repair=True))) == {"missing", "foreign"}
    assert (layout.foreign / layout.relative(layout.blob(digest(OF_ONE))) / "inner").is_dir()
    assert await refetch(layout) == {"a/one"}
    assert found(await verify(layout)) == {}


async def test_a_download_under_way_stays(layout: Layout) -> None:
    """The next run goes on where it ends."""
    path = layout.partial_blob(Digest.of(b"to come"))
    path.write_bytes(b"to")
    assert found(await verify(layout, repair=True)) == {}
    assert path.read_bytes() == b"to"


@pytest.mark.parametrize("content", [None, b"{}", b""])
async def test_an_index_that_does_not_list_the_images_is_written_anew(
    layout: Layout, made: Path, content: bytes | None
) -> None:
    """A run that was killed leaves that of the run before."""
    layout.index.unlink()
    if content is not None:
        layout.index.write_bytes(content)
    assert found(await verify(layout)) == {"index": {"index.json"}}
    assert found(await verify(layout, repair=True)) == {"index": {"index.json"}}
    assert files(layout.root)["index.json"] == files(made)["index.json"]


async def test_a_census_without_images_needs_no_index(tmp_path: Path) -> None:
    """One that was only begun is whole."""
    layout = Layout(tmp_path / "begun")
    layout.ensure()
    async with open_catalog(layout):
        pass
    assert found(await verify(layout)) == {}


async def test_a_damaged_catalog_is_told_and_nothing_is_touched(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row can be trusted then."""

    async def integrity(_: VerificationCatalog) -> list[str]:
        return ["row 7 missing from index x"]

    monkeypatch.setattr(VerificationCatalog, "integrity", integrity)
    remove(layout, OF_ONE)
    summary = await verify(layout, repair=True)
    assert found(summary) == {"catalog": {"row 7 missing from index x"}}
    assert "restore it from a backup" in (summary.stopped or "")
    assert not pending(layout)


async def test_a_database_with_wrong_pages_is_found(layout: Layout) -> None:
    """By SQLite's own check, or by the error that it ends with."""
    with closing(sqlite3.connect(layout.catalog)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
        connection.execute("pragma journal_mode=delete")
        (root,) = connection.execute("select rootpage from sqlite_master where name = 'blobs'").fetchone()
        (page_bytes,) = connection.execute("pragma page_size").fetchone()
    with layout.catalog.open("r+b") as file:
        file.seek((root - 1) * page_bytes)
        file.write(b"\xff" * page_bytes)
    async with read_catalog(layout) as catalog:
        summary = await VerifyEngine(catalog, layout).run()
    assert [str(kind) for kind in summary.found] == ["catalog"]


async def test_a_database_that_cannot_even_be_checked_is_a_finding(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its error is the example."""
    async with read_catalog(layout) as catalog:

        def fail(_: object) -> None:
            raise DatabaseError("", None, Exception("database disk image is malformed"))

        monkeypatch.setattr("corpus.catalog.verification.text", fail)
        assert await catalog.verification.integrity() == ["database disk image is malformed"]


async def test_a_blob_that_cannot_be_read_is_left_to_its_owner(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be whole: neither removed nor fetched again, and the repair says that work is left."""
    open_, victim = Path.open, layout.blob(digest(OF_ONE))

    def fail(path: Path, *arguments: object, **more: object) -> object:
        if path == victim:
            raise PermissionError(13, "Permission denied", str(path))
        return open_(path, *arguments, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", fail)
    summary = await verify(layout, repair=True)
    assert found(summary) == {"unreadable": {digest(OF_ONE)}}
    assert "cannot be read" in (summary.stopped or "")
    assert victim.exists()
    assert not pending(layout)


async def test_beside_a_stage_only_what_is_recorded_is_looked_at(layout: Layout) -> None:
    """What lies there besides is on its way into the catalog."""
    layout.blob(digest(b"new")).write_bytes(b"new")
    (layout.root / ".index.json.tmp").touch()
    layout.index.unlink()
    with exclusive(layout):
        summary = await verify(layout)
        assert (found(summary), summary.is_beside_a_stage) == ({}, True)
        remove(layout, OF_ONE)
        assert found(await verify(layout)) == {"missing": {digest(OF_ONE)}}
    summary = await verify(layout)
    assert (set(found(summary)), summary.is_beside_a_stage) == (
        {"missing", "orphaned", "foreign", "index"},
        False,
    )


async def test_looking_changes_nothing_and_needs_no_right_to_write(layout: Layout) -> None:
    """Whatever is wrong: not a byte, not a time."""
    for harm, data in ((remove, OF_ONE), (change, SHARED), (cut, OF_TWO)):
        harm(layout, data)
    (layout.partial / "notes").touch()
    before = {path: path.stat().st_mtime_ns for path in layout.root.rglob("*")}
    async with read_catalog(layout) as catalog:
        summary = await VerifyEngine(catalog, layout).run()
    assert set(found(summary)) == {"missing", "corrupt", "truncated", "foreign"}
    assert {path: path.stat().st_mtime_ns for path in layout.root.rglob("*")} == before


async def test_a_store_of_many_pages_is_gone_through_once(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is mended on the way, nothing is passed over and nothing met twice."""
    monkeypatch.setattr("downloader.verify._PAGE", 2)
    for data in (OF_ONE, SHARED, OF_TWO, CONFIG_OF_ONE):
        remove(layout, data)
    for number in range(7):
        data = b"orphan %d" % number
        layout.blob(digest(data)).write_bytes(data)
        (layout.blobs / "sha256" / f"stranger {number}").touch()
    for repair in (False, True):
        tallies = {
            str(kind): tally.count for kind, tally in (await verify(layout, repair=repair)).found.items()
        }
        assert tallies == {"missing": 4, "orphaned": 7, "foreign": 7}
    assert found(await verify(layout)) == {}


async def test_examples_are_few_and_counts_are_whole(layout: Layout) -> None:
    """A lost disk has millions."""
    for data in BLOBS.values():
        remove(layout, data)
    tally = (await verify(layout)).found.popitem()[1]  # type: ignore[attr-defined]
    assert (tally.count, tally.bytes) == (len(BLOBS), sum(map(len, BLOBS.values())))
    assert len(tally.examples) == 5


async def test_the_progress_counts_up_to_the_number_of_blobs(layout: Layout) -> None:
    """The right and the wrong ones, and bytes as they are read."""
    change(layout, OF_ONE)
    layout.blob(digest(b"orphan")).write_bytes(b"orphan")
    async with open_catalog(layout) as catalog:
        engine = VerifyEngine(catalog, layout)
        await engine.run()
    now = engine.statistics()
    assert (now.done, now.failed, now.total) == (len(BLOBS) - 1, 2, len(BLOBS) + 1)
    assert now.bytes_done == sum(map(len, BLOBS.values())) + len(b"orphan")


def interrupting(method: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    async def call(*arguments: object) -> object:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return await method(*arguments)

    return call


@pytest.mark.parametrize("step", ["withdraw", "adopt"])
async def test_an_interrupted_repair_is_completed_by_the_next(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A write that began comes to its end."""
    change(layout, OF_ONE)
    layout.blob(digest(b"orphan")).write_bytes(b"orphan")
    method = getattr(VerificationCatalog, step)
    async with open_catalog(layout) as catalog:
        with monkeypatch.context() as patched:
            patched.setattr(VerificationCatalog, step, interrupting(method))
            repair = Repair(catalog.verification, layout, Clock())
            with pytest.raises(asyncio.CancelledError):
                await VerifyEngine(catalog, layout, repair).run()
        await VerifyEngine(catalog, layout, Repair(catalog.verification, layout, Clock())).run()
    assert found(await verify(layout)) == {}
    assert pending(layout) == {"a/one"}
