"""What the tables hold, worked out by hand from what the profiles and the catalog say."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.profiles import (
    Configuration,
    Directory,
    Entry,
    EntryFlag,
    HistoryRow,
    ImageLayer,
    Kind,
    LayerDepth,
    LayerFlag,
    Package,
    text_of,
)
from corpus.profiles.image import Base, ImageTotals, MergedTotals
from registry.errors import Reason
from report.tables import TABLES, moments
from report.tables.census import failure_class
from report.tables.reference import as_markdown
from tests.report.censuses import OCI_LAYER, REGISTRY, Census, a_file, digest_of

HOSTILE = [
    'quote " and \\\\ and , and ; and tab\\x09',
    '{"path":"x"},',
    '\\x0a{"path":"forged"}',
    '],"directories":[',
    ',"entries":[',
    '"duplicate"',
    "'); DROP TABLE files; --",
    "\u202e\u2028 right to left",
    "NULL",
    "",
    "\U0001f433" * 50,
    "x" * 5000,
]


def test_a_row_has_what_the_entry_has_and_the_defaults_of_what_it_leaves_out(census: Census) -> None:
    """Nothing is null that a profile only does not write."""
    entry = a_file(
        "bin/sh",
        "abc",
        mode=0o755,
        mtime_s=-5,
        group="eol",
        type="elf",
        mime="application/x-elf",
        method="signature",
        flags=(EntryFlag.SETUID, EntryFlag.WORLD_WRITABLE),
        xattrs={"security.capability": "\\x01"},
        offset_bytes=512,
        uname="root",
    )
    layer = census.layer("one", [Entry("bin", Kind.DIRECTORY), entry])
    census.update()
    columns = (
        "layer, path, kind, size_bytes, mode, uid, mtime_s, offset_bytes, sha256, type_group, type, mime"
    )
    assert census.rows("files", f"{columns}, method, link, flags, uname, xattrs, is_last") == [
        (layer, "bin", "directory", *(0,) * 5, *(None,) * 6, "", "", None, True),
        (
            *(layer, "bin/sh", "file", 3, 0o755, 0, -5, 512, digest_of("abc").encoded),
            *("eol", "elf", "application/x-elf", "signature", None, "setuid world_writable", "root"),
            *('{"security.capability":"\\\\x01"}', True),
        ),
    ]


def test_names_of_strangers_are_texts_and_nothing_else(census: Census) -> None:
    """Whatever stands in a path or link, each entry is one row, with the path it had."""
    entries = [a_file(path, link=path or None, offset_bytes=at) for at, path in enumerate(HOSTILE)]
    census.layer("one", entries, [Directory(path, 0) for path in HOSTILE])
    census.update()
    assert census.rows("files", "path") == [(path,) for path in HOSTILE]
    assert census.rows("directories", "path") == [(path,) for path in HOSTILE]


@pytest.mark.slow
@settings(max_examples=15)
@given(names=st.lists(st.binary(max_size=40), max_size=20))
def test_any_bytes_as_names_come_back(tmp_path_factory: pytest.TempPathFactory, names: list[bytes]) -> None:
    """The escape of profiles is what the tables hold, too."""
    census = Census(tmp_path_factory.mktemp("names") / "data")
    census.layer("one", [a_file(text_of(name)) for name in names])
    census.update()
    assert census.rows("files", "path") == [(text_of(name),) for name in names]


def test_of_the_entries_of_one_path_the_last_whole_one_counts(census: Census) -> None:
    """As in the profile: an incomplete entry hides none, and a global header has no path."""
    duplicate, incomplete = (EntryFlag.DUPLICATE,), (EntryFlag.INCOMPLETE,)
    census.layer(
        "one",
        [
            a_file("a", "1"),
            a_file("b", "1", offset_bytes=512),
            a_file("a", "2", offset_bytes=1024, flags=duplicate),
            a_file("a", "3", offset_bytes=1536, flags=(EntryFlag.SETUID, *duplicate)),
            Entry("a", Kind.GLOBAL_HEADER, offset_bytes=2048),
            a_file("a", "4", offset_bytes=2560, flags=incomplete),
        ],
    )
    census.layer("other", [a_file("a", "5")])
    census.update()
    counted = [
        (at, path) for at, path, is_last in census.rows("files", "offset_bytes, path, is_last") if is_last
    ]
    assert sorted(counted) == [(0, "a"), (512, "b"), (1536, "a")]


def test_a_layer_is_one_flat_row(census: Census) -> None:
    """Counts and depths are columns; flags are words."""
    layer = census.layer(
        "one",
        [a_file("a/b", "x")],
        [Directory("", 0, directories=1), Directory("a", 1, files=1, bytes=1, is_explicit=True)],
        depth=LayerDepth(max=1, min=1, mean=1.0, median=1.0),
        flags=(LayerFlag.TRAILING_ZEROS, LayerFlag.NO_END_BLOCKS),
        cls_bytes=100,
        fls_cls_ratio=0.01,
        at=1_700_000_000.25,
    )
    census.update()
    columns = "layer, status, reason, flags, cls_bytes, fls_cls_ratio, entries, files, directories"
    assert census.rows("layers", f"{columns}, max_depth, mean_depth, profiled_at") == [
        (
            *(layer, "complete", None, "trailing_zeros no_end_blocks", 100, 0.01, 1, 1, 1, 1, 1.0),
            datetime(2023, 11, 14, 22, 13, 20, 250_000),  # noqa: DTZ001 - UTC, without saying so
        )
    ]
    assert census.rows("directories", "layer, path, depth, is_explicit, files, bytes") == [
        (layer, "", 0, False, 0, 0),
        (layer, "a", 1, True, 1, 1),
    ]


def test_packages_are_those_that_analysers_found(census: Census) -> None:
    """Other findings are no packages."""
    packages = [
        Package(type="deb", name="bash", status="installed"),
        Package(type="deb", name="dash", status="config-files"),
    ]
    layer = census.layer("one", packages=packages)
    census.layer("two")
    census.update()
    assert census.rows("packages", "layer, analyser, type, name, version, status") == [
        (layer, "dpkg", "deb", "bash", "", "installed"),
        (layer, "dpkg", "deb", "dash", "", "config-files"),
    ]
    assert sorted(census.rows("layers", "analysers")) == [("",), ("dpkg=1",)]


def test_a_distinct_image_is_one_flat_row(census: Census) -> None:
    """What a profile does not have is null, and not 0."""
    bare = census.image("team/bare", [])
    full = census.image(
        "team/full",
        [],
        os="linux",
        created="2020-02-01T01:00:00.123456789+01:00",
        configuration=Configuration(user="me", labels={"a": "b"}, entrypoint=("/x", "-y")),
        totals=ImageTotals(layers=3, cis_bytes=7),
        merged=MergedTotals(files=5),
        base=Base(chain_id="sha256:c", manifests=("sha256:d", "sha256:e"), layers=2),
    )
    census.update()
    columns = "os, created_at, user_name, labels, entrypoint, layers, cis_bytes, merged_files, base_layers"
    rows = census.rows("distinct_images", f"manifest_digest, {columns}, packages")
    found = {row[0]: row[1:] for row in rows}
    assert found[bare] == (None, None, "", "{}", "[]", 0, 0, None, None, None)
    moment = datetime(2020, 2, 1, 0, 0, 0, 123456)  # noqa: DTZ001 - UTC, without saying so
    assert found[full] == ("linux", moment, "me", '{"a":"b"}', '["/x","-y"]', 3, 7, 5, 2, 0)
    assert (
        sorted(census.rows("distinct_images", "base_manifests"), key=str)
        == [
            (None,),
            ('["sha256:d","sha256:e"]',),
        ][::-1]
    )


def test_an_image_has_a_row_for_each_reference_that_leads_to_it(census: Census) -> None:
    """The facts are repeated; an image that has no profile yet is there without them."""
    manifest = census.image("team/one", [], os="linux", at=5.0)
    other = census.repository("team/two")
    census.reference(other, "v1", manifest)
    census.reference(other, "v2", str(digest_of("not profiled")))
    census.update()
    columns = "registry, repository, reference, manifest_digest, is_profiled, os"
    assert sorted(census.rows("images", columns)) == [
        (REGISTRY, "team/one", "latest", manifest, True, "linux"),
        (REGISTRY, "team/two", "v1", manifest, True, "linux"),
        (REGISTRY, "team/two", "v2", str(digest_of("not profiled")), False, None),
    ]


def test_layers_of_an_image_keep_their_places(census: Census) -> None:
    """Repeats too, each with the step that made it."""
    layers = [
        ImageLayer(digest="sha256:a", media_type=OCI_LAYER, size_bytes=3, is_of_base=True),
        ImageLayer(digest="sha256:b", media_type=OCI_LAYER),
        ImageLayer(digest="sha256:a", media_type=OCI_LAYER),
    ]
    history = (
        HistoryRow(created_by="ADD", layer=0, created="2020-01-01T00:00:00Z"),
        HistoryRow(created_by="ENV", empty_layer=True),
        HistoryRow(created_by="RUN \x00 'x'", layer=2, created="yesterday"),
    )
    manifest = census.image("team/one", [], layers=tuple(layers), history=history)
    census.update()
    assert census.rows("image_layers", "manifest_digest, position, layer, size_bytes, is_of_base") == [
        (manifest, 0, "sha256:a", 3, True),
        (manifest, 1, "sha256:b", None, False),
        (manifest, 2, "sha256:a", None, False),
    ]
    assert census.rows("image_layers", "created_by") == [("ADD",), (None,), ("RUN \x00 'x'",)]
    assert [row is None for (row,) in census.rows("image_layers", "created_at")] == [False, True, True]


def test_each_repository_has_one_state(census: Census) -> None:
    """Done with one image fetched, pending while one may be, failed with one reason otherwise."""
    census.image("team/done", [])
    census.repository("team/listed", pull_count=7, last_updated_at="2020-01-01T00:00:00Z")
    census.repository("plain", is_official=1, description='it\'s "x"\n')
    census.repository("In Valid", is_pullable=0)
    failed = census.repository("team/failed")
    pending = census.repository("team/pending")
    tagless = census.repository("team/tagless")
    census.insert("images", id=1, repository_id=failed, reference="a", state="failed", reason="no_tag")
    census.insert("images", id=2, repository_id=pending, reference="a", state="failed", reason="no_tag")
    census.insert("images", id=3, repository_id=pending, reference="b", state="pending")
    census.insert("tag_failures", repository_id=tagless, reason="denied", detail="x", is_temporary=0)
    seen = {"url": "http://x/", "first_seen_at": 1, "last_seen_at": 2, "times_seen": 3}
    for source in ("one", "two"):
        census.insert("sightings", repository_id=failed, source=source, **seen)
    census.update()
    columns = "repository, namespace, state, reason, failure_class, images, images_fetched, times_listed"
    assert sorted(census.rows("repositories", columns)) == [
        ("In Valid", "", "failed", "invalid_name", "invalid_name", 0, 0, 0),
        ("plain", "", "pending", None, None, 0, 0, 0),
        ("team/done", "team", "done", None, None, 1, 1, 0),
        ("team/failed", "team", "failed", "no_tag", "no_latest", 1, 0, 6),
        ("team/listed", "team", "pending", None, None, 0, 0, 0),
        ("team/pending", "team", "pending", None, None, 2, 0, 0),
        ("team/tagless", "team", "failed", "denied", "auth", 0, 0, 0),
    ]
    assert (None, 'it\'s "x"\n') in census.rows("repositories", "pulls, description")
    assert (7,) in census.rows("repositories", "pulls")


def test_counts_over_time_are_rows(census: Census) -> None:
    """One for each time that a count was another one than before."""
    number = census.repository("team/one")
    census.insert("repository_counts", repository_id=number, seen_at=0.0, pull_count=1, star_count=None)
    census.insert("repository_counts", repository_id=number, seen_at=86400.0, pull_count=9, star_count=2)
    census.update()
    assert sorted(census.rows("repository_counts", "repository, counted_at::VARCHAR, pulls, stars")) == [
        ("team/one", "1970-01-01 00:00:00", 1, None),
        ("team/one", "1970-01-02 00:00:00", 9, 2),
    ]


def test_failures_of_all_stages_are_in_one_table(census: Census) -> None:
    """With the class that the paper would count them in."""
    number = census.repository("team/one")
    census.insert("images", id=1, repository_id=number, reference="a", state="failed", reason="quota")
    census.layer("bad")
    census.execute("UPDATE layer_profiles SET state = 'failed', status = 'corrupt', reason = 'crc'")
    census.update()
    assert sorted(census.rows("failures", "stage, unit, subject, reason, failure_class, detail")) == [
        ("analyze", "layer", str(digest_of("bad")), "corrupt", "corrupt", "crc"),
        ("download", "image", f"{REGISTRY}/team/one:a", "quota", "rate_limited", None),
    ]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_class(reason: Reason) -> None:
    """None is left out of the table of failures."""
    assert failure_class(reason)


@pytest.mark.parametrize(
    ("stated", "moment"),
    [
        ("2020-01-02T03:04:05Z", "2020-01-02 03:04:05.000000"),
        ("2020-01-02T03:04:05.123456789+02:00", "2020-01-02 01:04:05.123456"),
        ("0001-01-01T00:00:00Z", "0001-01-01 00:00:00.000000"),
        ("0001-01-01T00:00:00+05:00", None),
        ("2020-01-02", "2020-01-02 00:00:00.000000"),
        ("infinity", None),
        ("", None),
        ("2020-13-01T00:00:00Z", None),
        (None, None),
    ],
)
def test_times_that_others_state_are_moments_or_nothing(stated: str | None, moment: str | None) -> None:
    """UTC, to the microsecond."""
    assert moments.of_text(stated) == moment


@pytest.mark.parametrize("is_empty", [True, False])
def test_the_columns_are_those_that_are_declared(census: Census, is_empty: bool) -> None:  # noqa: FBT001 - a case
    """In name, order and type, with and without rows; each table can be read as it lies."""
    if not is_empty:
        census.image("team/one", [census.layer("one", [a_file("a")])])
    census.update()
    for table in TABLES:
        files = f"{census.layout.tables}/{table.name}/*.parquet"
        query = f"DESCRIBE SELECT * FROM read_parquet('{files}')"  # noqa: S608 - a path
        found = duckdb.execute(query).fetchall()
        assert [(row[0], row[1]) for row in found] == [(column.name, column.type) for column in table.columns]


def test_every_column_is_documented() -> None:
    """With its unit and definition, as declared: `make docs` writes ``docs/tables.md``."""
    published = Path(__file__).parents[2] / "docs" / "tables.md"
    assert published.read_text() == as_markdown()
