"""Whatever happens to a store, it is found; repaired and downloaded again, the census is what it was."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.layout import Layout
from registry.digests import Digest
from tests.downloader.runs import files, tables
from tests.downloader.stores import BLOBS, images_of, make, pending, refetch, verify

pytestmark = pytest.mark.slow

Damage = Callable[[Path, bytes], object]

DAMAGES: dict[str, Damage] = {
    "missing": lambda path, _: path.unlink(),
    "truncated": lambda path, data: path.write_bytes(data[: len(data) // 2]),
    "corrupt": lambda path, data: path.write_bytes(data + b"X"),
}

_harm = st.dictionaries(st.sampled_from(sorted(BLOBS)), st.sampled_from(sorted(DAMAGES))).filter(
    lambda harm: 2 * list(harm.values()).count("missing") <= len(BLOBS)  # else the disk itself is missing
)
_orphans = st.sets(st.binary(max_size=20).filter(lambda data: Digest.of(data) not in BLOBS), max_size=3)
_strangers = st.sets(st.sampled_from(["blobs/x", "blobs/sha256/x", "blobs/md5/x", "partial/x", ".x.tmp"]))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made") / "data"
    asyncio.run(make(Layout(root)))
    return root


@settings(max_examples=40)
@given(harm=_harm, orphans=_orphans, strangers=_strangers)
def test_all_that_is_wrong_is_found_and_mended(
    made: Path, harm: dict[str, str], orphans: set[bytes], strangers: set[str]
) -> None:
    """No more and no less than what was done to it."""
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder) / "data")
        shutil.copytree(made, layout.root)
        expected = damaged(layout, harm, orphans, strangers)
        lost = [BLOBS[name] for name in harm]
        for repair in (False, True):
            summary = asyncio.run(verify(layout, repair=repair))
            assert {str(kind): tally.count for kind, tally in summary.found.items()} == expected
        assert pending(layout) == set().union(*map(images_of, lost))
        assert not asyncio.run(verify(layout)).found
        asyncio.run(refetch(layout))
        assert not asyncio.run(verify(layout)).found
        assert_restored(layout, made, orphans)


def damaged(layout: Layout, harm: dict[str, str], orphans: set[bytes], strangers: set[str]) -> dict[str, int]:
    """Do all this to a store; returns what is to be found."""
    for name, kind in harm.items():
        DAMAGES[kind](layout.blob(Digest(name)), BLOBS[name])
    for data in orphans:
        layout.blob(Digest.of(data)).write_bytes(data)
    for name in strangers:
        (layout.root / name).parent.mkdir(exist_ok=True)
        (layout.root / name).touch()
    counts = {kind: list(harm.values()).count(kind) for kind in DAMAGES}
    counts |= {"orphaned": len(orphans), "foreign": len(strangers)}
    return {kind: count for kind, count in counts.items() if count}


def assert_restored(layout: Layout, made: Path, orphans: set[bytes]) -> None:
    """The same bytes and rows, and the orphans."""
    adopted = {f"sha256/{Digest.of(data).encoded}": Digest.of(data).encoded for data in orphans}
    assert files(layout.blobs) == files(made / "blobs") | adopted
    now, before = tables(layout.root), tables(made)
    now["blobs"] = [row for row in now["blobs"] if row[0] not in {Digest.of(data) for data in orphans}]
    assert now == before
