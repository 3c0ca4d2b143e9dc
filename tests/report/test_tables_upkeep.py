"""Tables are brought up to date: added to, never made twice, and what is wrong with a part is mended."""

from __future__ import annotations

import asyncio
import random
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import msgspec
import pytest
import zstandard

from corpus.catalog import open_catalog
from corpus.profiles import Directory, Entry, LayerProfileWriter, LayerSummary, read_summary, temporary_name
from report.settings import ReportSettings
from report.tables import build, intake
from report.tables.engine import TablesEngine, TablesSummary
from tests.report.censuses import Census, a_file, digest_of, populate

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry.digests import Digest

pytestmark = pytest.mark.slow

SMALL = 1000  # the least that a part may be


def parts(census: Census, table: str = "files") -> dict[str, int]:
    """The files of a table, and when they were written."""
    folder = f"{table}/"
    return {name: at for name, at in census.files().items() if name.startswith(folder)}


def test_nothing_profiled_yet_makes_tables_without_rows(census: Census) -> None:
    """Each has a file, which engines want to know the columns from; it goes once there are rows."""
    assert census.update() == TablesSummary(0, 0, 0, 0, 0, 0)
    assert all(rows == [] for rows in census.contents().values())
    before = parts(census)
    assert census.update().parts == 0
    assert parts(census).keys() == before.keys()
    populate(census, layers=2)
    assert (census.update().files, len(parts(census))) == (6, 1)


def test_a_second_run_writes_no_part(census: Census) -> None:
    """What was taken in once is found taken in."""
    populate(census)
    assert census.update().layers == 12
    before = parts(census) | parts(census, "layers") | parts(census, "image_layers")
    assert census.update() == TablesSummary(0, 0, 0, 0, 0, 0)
    assert parts(census) | parts(census, "layers") | parts(census, "image_layers") == before
    assert not (census.layout.tables / ".work").exists()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_tables_are_the_same_whatever_the_order_of_work(census: Census, tmp_path: Path, seed: int) -> None:
    """In one run, or in many with parts of any size, merged on the way."""
    populate(census, layers=24)
    census.update()
    other = Census(tmp_path / "other")
    numbers = list(range(24))
    random.Random(seed).shuffle(numbers)  # noqa: S311 - an order
    for number in numbers:
        other.layer(
            f"layer {number}",
            [
                a_file(f"usr/{number}/{each}", f"content {(number * each) % 7}", offset_bytes=1024 * each)
                for each in range(3)
            ],
            [Directory("", 0, directories=1), Directory("usr", 1, files=3)],
            at=1.0 + number,
        )
        if number % 3 == 0:
            other.update()
    for number in range(0, 24, 2):
        other.image(
            f"team/image-{number}", [str(digest_of(f"layer {each}")) for each in (number, number + 1)]
        )
        if number % 8 == 0:
            other.update()
    other.update()
    assert other.contents() == census.contents()
    assert len(parts(other)) < 10


def test_a_part_ends_once_it_has_its_rows(census: Census) -> None:
    """Never within a layer; all of one name in each table."""
    populate(census, layers=12, files=400)
    summary = census.update(rows_per_part=SMALL)
    assert (summary.parts, summary.files) == (4 + 1, 4800)
    names = [{Path(name).name for name in parts(census, table)} for table in ("files", "layers", "packages")]
    assert names[0] == names[1] == names[2]
    assert len(names[0]) == 4


def test_small_parts_are_merged_once_there_are_some(census: Census) -> None:
    """A scan then opens one file instead of eight; no row is lost or doubled."""
    for number in range(8):
        census.layer(f"layer {number}", [a_file(f"file {number}")])
        census.update(rows_per_part=SMALL)
    assert len(parts(census)) == 1
    assert sorted(census.rows("files", "path")) == [(f"file {number}",) for number in range(8)]
    census.layer("one more", [a_file("file 8")])
    assert census.update(rows_per_part=SMALL).layers == 1
    assert len(parts(census)) == 2


def test_a_layer_that_was_profiled_again_is_taken_in_again(census: Census) -> None:
    """Its part is made anew, with the others in it; so it is when other analysers have read it."""
    populate(census)
    census.update()
    census.layer("layer 3", [a_file("other")], at=99.0)
    assert census.update().layers == 12
    assert ("other",) in census.rows("files", "path")
    assert not [path for (path,) in census.rows("files", "path") if path.startswith("usr/3/")]
    census.execute("UPDATE layer_profiles SET analysers = 'x=1' WHERE digest = ?", str(digest_of("layer 4")))
    assert census.update().layers == 12
    assert census.update().layers == 0


def test_what_the_catalog_no_longer_has_goes(census: Census) -> None:
    """With the part that has it."""
    populate(census)
    census.update()
    census.execute("DELETE FROM layer_profiles WHERE digest = ?", str(digest_of("layer 3")))
    census.update()
    assert len(census.rows("layers")) == 11


def test_profiles_of_an_older_version_are_left_out_and_counted(census: Census) -> None:
    """The catalog knows them; the analyzer makes them again."""
    populate(census)
    for table in ("layer_profiles", "image_profiles"):
        census.execute(
            f"UPDATE {table} SET profile_version = 1 "  # noqa: S608 - a name
            f"WHERE digest = (SELECT min(digest) FROM {table})"
        )
    summary = census.update()
    assert (summary.layers, summary.images, summary.outdated, summary.refused) == (11, 5, 2, {})


def rewrite(census: Census, digest: Digest, change: Callable[[bytes], bytes]) -> None:
    """Change the document of a layer profile."""
    path = census.layout.layer_profile(digest)
    document = zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True).read()
    path.write_bytes(zstandard.ZstdCompressor().compress(change(document)))


def older(document: bytes) -> bytes:
    """Of the first version."""
    return document.replace(b'"version":2', b'"version":1', 1)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "of an older version": older,
    "without an end": lambda document: document[: len(document) // 2],
    "without a summary": lambda document: document.partition(b"\n")[2],
    "with a row too few": lambda document: document.replace(b'{"path":"usr/3/1"', b'\n{"path":', 1),
    "with a row that is no JSON": lambda document: document.replace(b'"usr/3/1"', b'"usr/3/1', 1),
    "with a row of other types": lambda document: document.replace(b'"size_bytes":9', b'"size_bytes":{}', 1),
    "with a number too large": lambda document: document.replace(
        b'"size_bytes":9', b'"size_bytes":%d' % 2**64, 1
    ),
    "of nothing": lambda _: b"",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_profile_that_is_none_is_left_out_and_the_others_are_not(census: Census, damage: str) -> None:
    """It is counted, and the first of them is named."""
    populate(census)
    rewrite(census, digest_of("layer 3"), DAMAGES[damage])
    summary = census.update()
    why = "outdated" if damage == "of an older version" else "damaged"
    assert (summary.layers, summary.refused) == (11, {why: 1})
    assert summary.example.startswith(str(digest_of("layer 3")))
    assert len(census.rows("layers")) == 11
    assert len(census.rows("files")) == 33
    assert len(census.rows("directories")) == 22


def test_bytes_that_do_not_decompress_are_left_out(census: Census) -> None:
    """Nothing of the layer stays, however far it could be read."""
    populate(census)
    path = census.layout.layer_profile(digest_of("layer 3"))
    path.write_bytes(path.read_bytes()[:-7] + b"damaged")
    assert census.update().refused == {"damaged": 1}
    assert len(census.rows("files")) == 33


def test_a_profile_that_is_gone_is_counted(census: Census) -> None:
    """Of a layer and of an image; both come with the next run that has them."""
    populate(census)
    gone = [census.layout.layer_profile(digest_of("layer 3"))]
    gone += list(census.layout.root.rglob("profiles/images/*/*.zst"))[:1]
    kept = [path.read_bytes() for path in gone]
    for path in gone:
        path.unlink()
    summary = census.update()
    assert (summary.layers, summary.images, summary.refused) == (11, 5, {"missing": 2})
    for path, content in zip(gone, kept, strict=True):
        path.write_bytes(content)
    summary = census.update()
    assert (summary.layers, summary.images, summary.refused) == (1, 1, {})


@pytest.mark.parametrize("table", ["layers", "files", "directories", "packages", "image_layers"])
@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "another"])
def test_a_damaged_part_is_made_anew(census: Census, table: str, damage: str) -> None:
    """Whatever file of it is cut off, empty, gone, or one with other rows: the tables are what they were."""
    populate(census)
    census.update()
    before = census.contents()
    (path,) = (census.layout.tables / table).iterdir()
    if damage == "gone":
        path.unlink()
    elif damage == "another":
        path.write_bytes(next((census.layout.tables / "repositories").iterdir()).read_bytes())
    else:
        path.write_bytes(path.read_bytes()[: -100 if damage == "cut" else 0])
    summary = census.update()
    is_noticed = not (damage == "gone" and table == "layers")  # without its record there is no part
    assert summary.damaged_parts == is_noticed
    assert census.contents() == before


def test_parts_made_for_other_columns_are_made_anew(census: Census) -> None:
    """The number before the name of a part says for which."""
    populate(census)
    census.update()
    for path in [path for path in census.layout.tables.rglob("*.parquet") if path.is_file()]:
        path.rename(path.with_name(path.name.replace("1-", "0-", 1)))
    assert census.update().layers == 12
    assert not [name for name in census.files() if "/0-" in name]


def test_rebuilding_makes_every_part_anew(census: Census) -> None:
    """For damages that no footer tells of."""
    populate(census)
    census.update()
    assert census.update(anew=True).layers == 12


def test_rows_are_the_same_wherever_a_block_of_a_profile_ends(
    census: Census, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile is read in blocks that know nothing of lines."""
    populate(census, layers=3, files=5)
    census.update()
    before = census.contents()
    for size in (1, 7, 64, 200):
        monkeypatch.setattr(intake, "_BLOCK_BYTES", size)
        census.update(anew=True)
        assert census.contents() == before


async def test_an_interrupted_update_lets_go_at_once_and_is_completed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever statement is under way is broken off; nothing of it is left."""
    census = await asyncio.to_thread(Census, tmp_path / "data")
    await asyncio.to_thread(populate, census)
    is_under_way = threading.Event()

    def endless(connection: duckdb.DuckDBPyConnection, *_: object) -> int:
        is_under_way.set()
        connection.execute("SELECT sum(a.range * b.range) FROM range(1000000000) a, range(1000000000) b")
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(build, "write", endless)
        async with open_catalog(census.layout) as catalog:
            settings = ReportSettings(threads=1)
            task = asyncio.create_task(TablesEngine(catalog, census.layout, settings).run())
            await asyncio.to_thread(is_under_way.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert census.files() == {}
    assert (await asyncio.to_thread(census.update)).layers == 12


def test_the_summary_of_a_layer_is_the_first_line_of_its_profile(census: Census) -> None:
    """The tests above rely on the writer that the analyzer has: a row of it begins with its path."""
    target = census.layout.layer_profile(digest_of("x"))
    with LayerProfileWriter(target) as writer:
        writer.entries([Entry("p", "file")])  # type: ignore[arg-type]
        writer.directories([])
        writer.finish(LayerSummary(digest="sha256:x", media_type="", status="complete"))  # type: ignore[arg-type]
    temporary_name(target).rename(target)
    assert read_summary(target).digest == "sha256:x"
    assert msgspec.json.encode(Entry("p", "file")).startswith(b'{"path":"p"')  # type: ignore[arg-type]
