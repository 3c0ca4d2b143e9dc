"""Directories and counts: the definitions of the paper, and its double counts that must not come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.layers.faults import LayerFault
from analyzer.layers.tree import Tree, TreeSummary
from corpus.profiles.layer import Directory, Kind, LayerDepth

if TYPE_CHECKING:
    from collections.abc import Iterable

Item = tuple[str, Kind, int]
FILE, DIRECTORY, SYMLINK = Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK


def _summary(items: Iterable[Item]) -> TreeSummary:
    tree = Tree(10**6)
    for path, kind, size in items:
        tree.add(path.encode(), kind, size)
    return tree.summary()


def test_each_file_is_counted_once() -> None:
    """Files of a leaf directory are not counted again under its parents (the fault of the original)."""
    for items in ([("a/b/x", FILE, 3)], [("a/y", FILE, 2), ("a/b/x", FILE, 3)]):
        found = _summary(items)
        assert found.counts().files == len(items)
        assert sum(row.files for row in found.directories()) == len(items)
        assert next(found.directories()).recursive_files == len(items)


def test_files_beside_directories_are_counted() -> None:
    """A file in the root is not lost beside a directory."""
    found = _summary([("x", FILE, 1), ("a", DIRECTORY, 0)])
    assert found.counts().files == 1
    assert list(found.directories()) == [
        Directory(
            "",
            0,
            files=1,
            bytes=1,
            directories=1,
            recursive_files=1,
            recursive_bytes=1,
            recursive_directories=1,
        ),
        Directory("a", 1, is_explicit=True),
    ]


def test_parents_are_implied() -> None:
    """Every parent of an entry is a directory, explicit or not; depth counts components below the root."""
    found = _summary([("usr/lib/x/y", SYMLINK, 0), ("usr", DIRECTORY, 0)])
    assert [(row.path, row.depth, row.is_explicit) for row in found.directories()] == [
        ("", 0, False),
        ("usr", 1, True),
        ("usr/lib", 2, False),
        ("usr/lib/x", 3, False),
    ]
    assert (found.counts().directories, found.counts().explicit_directories) == (3, 1)
    assert found.depth() == LayerDepth(max=3, min=1, mean=2.0, median=2.0)


def test_an_empty_layer_has_its_root() -> None:
    """A layer without entries has one directory row, no directory and depth 0."""
    found = _summary([])
    assert list(found.directories()) == [Directory("", 0)]
    assert found.counts().directories == 0
    assert found.depth() == LayerDepth()


def test_the_root_is_no_directory_of_the_layer() -> None:
    """An entry for the root makes it explicit, and counts nowhere."""
    found = _summary([("", DIRECTORY, 0)])
    assert list(found.directories()) == [Directory("", 0, is_explicit=True)]
    assert (found.counts().directories, found.depth().max) == (0, 0)


def test_the_last_entry_of_a_path_wins() -> None:
    """Of a path that comes twice the last entry decides kind and size."""
    tree = Tree(10**6)
    assert tree.add(b"a", FILE, 10)
    assert not tree.add(b"a", FILE, 3)
    assert tree.add(b"b", FILE, 10)
    assert not tree.add(b"b", SYMLINK, 0)
    found = tree.summary()
    assert (tree.duplicates, found.fls_bytes) == (2, 3)
    assert (found.counts().files, found.counts().symlinks) == (1, 1)


def test_hard_links_are_files_without_bytes() -> None:
    """A hard link counts as a file and adds no bytes; whiteouts, devices and fifos are no files."""
    found = _summary(
        [
            ("a/x", FILE, 5),
            ("a/y", Kind.HARD_LINK, 0),
            ("a/.wh.z", Kind.WHITEOUT, 0),
            ("a/null", Kind.CHARACTER_DEVICE, 0),
            ("a/pipe", Kind.FIFO, 0),
            ("a/.wh..wh..opq", Kind.OPAQUE, 0),
        ]
    )
    counts = found.counts()
    assert (counts.files, counts.regular_files, counts.hard_links, found.fls_bytes) == (2, 1, 1, 5)
    assert (counts.whiteouts, counts.opaques, counts.character_devices, counts.fifos) == (1, 1, 1, 1)
    assert list(found.directories())[1].files == 2


def test_memory_for_paths_is_bounded() -> None:
    """Implied directories are charged like entries, so that a deep path is no cheap bomb."""
    tree = Tree(30_000)
    tree.add(b"a", FILE, 0)
    tree.check()
    tree.add("/".join(["aa"] * 100).encode(), FILE, 0)
    with pytest.raises(LayerFault):
        tree.check()


def test_short_paths_are_not_free() -> None:
    """What a path takes besides its bytes is charged too: a million tiny ones are no small thing."""
    tree = Tree(2_000_000)
    for number in range(10_000):
        tree.add(b"%x/" % number, DIRECTORY, 0)
    with pytest.raises(LayerFault):
        tree.check()


NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=5).map("/".join)
ITEMS = st.lists(
    st.tuples(NAMES, st.sampled_from([FILE, DIRECTORY, Kind.HARD_LINK, SYMLINK]), st.integers(0, 9))
)


@given(ITEMS)
def test_sums_agree(items: list[Item]) -> None:
    """The root's recursive sums are the layer's, and every row's are its own plus those of its children."""
    found = _summary(items)
    last = {path: (kind, size) for path, kind, size in items}
    files = {path: size for path, (kind, size) in last.items() if kind in {FILE, Kind.HARD_LINK}}
    root = next(found.directories())
    assert root.recursive_files == found.counts().files == len(files)
    assert root.recursive_bytes == found.fls_bytes
    assert root.recursive_directories == found.counts().directories
    for row in found.directories():
        inside = [path for path in files if path.startswith(row.path + "/" if row.path else "")]
        assert row.recursive_files == len(inside)


@given(ITEMS)
def test_directories_are_exactly_the_prefixes(items: list[Item]) -> None:
    """The directories are the explicit ones and all proper prefixes of paths, sorted, each once."""
    last = {path: kind for path, kind, _ in items}
    expected = {path for path, kind in last.items() if kind is DIRECTORY}
    for path in last:
        parts = path.split("/")
        expected |= {"/".join(parts[:count]) for count in range(len(parts))}
    assert [row.path for row in _summary(items).directories()] == sorted(expected | {""})
