"""Layers applied one upon the other (image-spec, layer.md): what is there in the end, rule by rule."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.images.filesystem import Folder, Inode, PathLimitError
from analyzer.images.merge import Merge
from analyzer.images.totals import totals
from corpus.profiles.layer import Entry, EntryFlag, Kind
from tests.analyzer.stacks import (
    LINKS_AND_ENTRIES,
    MARKERS,
    ROWS,
    STACKS,
    Layer,
    file,
    folder,
    hard_link,
    merged,
    opaque,
    paths,
    seen,
    symlink,
    whiteout,
)

DEVICE = Entry("dev/null", Kind.CHARACTER_DEVICE, device=(1, 3))
AUFS = Entry(".wh..wh.plnk/1.2", Kind.AUFS_META, 2, sha256=file("x", 2).sha256)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        pytest.param([[file("a/b")], [whiteout("a/b")]], {"a": "dir"}, id="a whiteout hides a file"),
        pytest.param([[file("a/b/c")], [whiteout("a")]], {}, id="and a directory with all below it"),
        pytest.param([[file("a")], [whiteout("b")]], {"a": "file 1"}, id="or nothing"),
        pytest.param(
            [[file("a")], [file("a", 2), whiteout("a")]], {"a": "file 2"}, id="but not what its own layer has"
        ),
        pytest.param(
            [[file("a/b"), file("a/c")], [file("a/d"), whiteout("a")]],
            {"a": "dir", "a/d": "file 1"},
            id="nor what its own layer has below it",
        ),
        pytest.param(
            [[file("a/b"), file("c")], [opaque("a"), file("a/d")]],
            {"a": "dir", "a/d": "file 1", "c": "file 1"},
            id="an opaque marker hides what the directory held, wherever it stands",
        ),
        pytest.param([[file("a"), file("b/c")], [opaque("")]], {}, id="even all there is"),
        pytest.param([[file("a")], [opaque("a")]], {"a": "dir"}, id="and takes the place of a file"),
        pytest.param(
            [[file("a")], [Entry(".wh.", Kind.WHITEOUT), Entry(".wh...", Kind.WHITEOUT)]],
            {"a": "file 1"},
            id="a bare whiteout hides nothing",
        ),
        pytest.param(
            [[file("b")], [whiteout("a/b"), whiteout("b/c")]],
            {"a": "dir", "b": "dir"},
            id="a whiteout implies its directory",
        ),
        pytest.param(
            [[file(".wh.a")], [whiteout(".wh.a")]], {}, id="the prefix of a whiteout is taken off once"
        ),
        pytest.param(
            [[file("a/b")], [folder("a")]], {"a": "dir", "a/b": "file 1"}, id="a directory keeps its members"
        ),
        pytest.param(
            [[hard_link("a", "x"), hard_link("a", "y"), file("x")]],
            {"a": "hard_link", "x": "file 1"},
            id="of hard links that come before their target the last of a path counts",
        ),
        pytest.param([[file("a/b")], [file("a")]], {"a": "file 1"}, id="a file takes a directory's place"),
        pytest.param([[file("a")], [file("a/b")]], {"a": "dir", "a/b": "file 1"}, id="and the other way"),
        pytest.param(
            [[file("b/c"), symlink("a", "b")], [file("a/d")]],
            {"a": "dir", "a/d": "file 1", "b": "dir", "b/c": "file 1"},
            id="a directory takes the place of a link, which is not followed",
        ),
        pytest.param([[symlink("a", "b")], [folder("a")]], {"a": "dir"}, id="an explicit one too"),
        pytest.param([[file("a"), file("a", 2)]], {"a": "file 2"}, id="the last entry of a path wins"),
        pytest.param(
            [[file("a/b"), file("a"), file("a/c")]],
            {"a": "dir", "a/c": "file 1"},
            id="and all below it is gone",
        ),
        pytest.param([[AUFS], [folder(".")]], {".": "dir"}, id="bookkeeping of aufs is hidden"),
        pytest.param([[AUFS, hard_link("a", ".wh..wh.plnk/1.2")]], {"a": "file 2"}, id="links lead into it"),
        pytest.param([[DEVICE]], {"dev": "dir", "dev/null": "character_device"}, id="devices are there"),
        pytest.param(
            [[Entry("a", Kind.CHARACTER_DEVICE, device=(0, 0), flags=(EntryFlag.DEVICE_0_0,))]],
            {"a": "character_device"},
            id="overlayfs' own form of a whiteout is a device",
        ),
        pytest.param(
            [[file("a")], [Entry("pax_global_header", Kind.GLOBAL_HEADER)]],
            {"a": "file 1"},
            id="a global header is no file",
        ),
        pytest.param([[hard_link("a", "./b//c"), file("b/c", 3)]],
                     {"a": "file 3", "b": "dir", "b/c": "file 3"}, id="a link may come before its target"),
        pytest.param([[file("a", 2), hard_link("a/b", "a")]], {"a": "dir", "a/b": "hard_link"},
                     id="and below it, in the place of it"),
        pytest.param([[file("a", 2)], [hard_link("b", "a"), whiteout("a")]], {"b": "hard_link"},
                     id="and finds nothing that its layer hides"),
        pytest.param([[file("a", 2)], [hard_link("b", "/a")], [whiteout("a")]], {"b": "file 2"},
                     id="what it found stays"),
        pytest.param([[file("a", 2)], [hard_link("b", "a"), file("a", 3)]], {"a": "file 3", "b": "file 2"},
                     id="in the state it was then"),
        pytest.param([[file("a", 2)], [file("a", 3), hard_link("b", "a")]], {"a": "file 3", "b": "file 3"},
                     id="the target in its own layer comes first"),
        pytest.param([[folder("a"), hard_link("b", "a")]], {"a": "dir", "b": "hard_link"},
                     id="a directory is no target"),
        pytest.param([[symlink("a", "x"), hard_link("b", "a")]], {"a": "-> x", "b": "-> x"},
                     id="a symbolic link is one"),
        pytest.param([[hard_link("a", "a")]], {"a": "hard_link"}, id="a link to itself leads nowhere"),
        pytest.param([[file("a")], [hard_link("a", "a")]], {"a": "file 1"}, id="or to what was there"),
    ],
)  # fmt: skip
def test_what_is_there_in_the_end(layers: list[Layer], expected: dict[str, str]) -> None:
    """Each rule by an example."""
    assert seen(merged(layers)) == expected


def test_totals_count_every_name_and_every_content() -> None:
    """A hard link is a further name without bytes; the same content twice is one distinct content."""
    layers = [
        [folder("a"), file("a/1", 5), file("a/2", 5), file("a/b/c/3", 7), symlink("s", "a"), DEVICE],
        [hard_link("l", "a/1"), hard_link("lost", "nowhere"), whiteout("gone"), whiteout("a/2")],
        [file("s/x", 1), whiteout("a/b/no"), whiteout("s/x")],
    ]
    found, _ = totals(merged(layers))
    assert msgspec.structs.asdict(found) == {
        "files": 5,
        "regular_files": 3,
        "hard_links": 2,
        "unresolved_hard_links": 1,
        "symlinks": 0,
        "directories": 5,
        "implied_directories": 4,
        "character_devices": 1,
        "block_devices": 0,
        "fifos": 0,
        "others": 0,
        "bytes": 13,
        "distinct_contents": 3,
        "distinct_bytes": 13,
        "max_depth": 3,
        "whiteouts_without_target": 3,
        "whiteouts_with_entry": 1,
        "replaced_parents": 1,
        "left_out": 0,
    }


@pytest.mark.parametrize(
    ("layers", "cause", "size"),
    [
        ([[file("a", 9)], [file("a", 2)]], "overwritten_bytes", 9),
        ([[file("a/b", 9)], [file("a", 2)]], "overwritten_bytes", 9),
        ([[file("a", 9)], [symlink("a", "x")]], "overwritten_bytes", 9),
        ([[file("a", 9)], [file("a/b", 2)]], "overwritten_bytes", 9),
        ([[file("a", 9), file("a", 2)]], "overwritten_bytes", 9),
        ([[file("a", 9)], [whiteout("a")]], "deleted_bytes", 9),
        ([[file("a/b/c", 9), file("a/d")], [opaque("a")]], "deleted_bytes", 10),
        ([[file("a", 9)], [file("a", 9, mtime=1)]], "metadata_only_bytes", 9),
        ([[file("a", 9)], [file("a", 9, uid=5)]], "metadata_only_bytes", 9),
        ([[file("a", 9, mtime=-1)], [file("a", 9, mtime=-2)]], "metadata_only_bytes", 9),
        ([[file("a", 9)], [file("a", 9)]], "identical_rewrite_bytes", 9),
        ([[file("a", 9)], [file("a", 9)], [file("a", 9)]], "identical_rewrite_bytes", 18),
        ([[file("a", 9)], [file("b", 9)], [file("c", 9)]], "duplicate_elsewhere_bytes", 18),
        ([[file("a", 9), hard_link("b", "a")], [whiteout("a")]], "deleted_bytes", 0),
        ([[file("a", 9), hard_link("b", "a")], [whiteout("a")], [whiteout("b")]], "deleted_bytes", 9),
        ([[file("a", 9), hard_link("b", "a")]], "duplicate_elsewhere_bytes", 0),
    ],
)
def test_reclaimable_bytes_have_a_cause(layers: list[Layer], cause: str, size: int) -> None:
    """Bytes of a file are reclaimable when its last name is gone, for the reason for which that went."""
    _, found = totals(merged(layers))
    assert (getattr(found, cause), found.total_bytes) == (size, size)


def test_a_layer_listed_twice_is_stored_once() -> None:
    """Its files are applied twice, and no byte is reclaimed that was not stored."""
    layer = [file("a", 5), file("b", 3)]
    merge = Merge(100)
    merge.apply((), layer, is_stored=False)
    merge.apply([whiteout("a")], [whiteout("a"), file("b", 4)])
    merge.apply((), layer)
    found, reclaimable = totals(merge)
    assert (found.files, found.bytes) == (2, 8)
    assert (reclaimable.total_bytes, reclaimable.overwritten_bytes) == (4, 4)


def test_a_windows_layer_has_its_files_below_files() -> None:
    """Registry hives and the utility machine are no part of the file system."""
    layer = [
        folder("Files"),
        file("Files/a/b"),
        folder("Hives"),
        file("Hives/x"),
        hard_link("Files/c", "Files/a/b"),
    ]
    merge = Merge(100, is_windows=True)
    merge.apply((), layer)
    merge.apply([whiteout("Files/a")], [])
    assert seen(merge) == {"c": "file 1"}
    assert merge.left_out == 2


@pytest.mark.parametrize("flag", [EntryFlag.DEEP, EntryFlag.INCOMPLETE])
def test_what_no_file_system_holds_is_left_out(flag: EntryFlag) -> None:
    """Paths without end, and files that came without their end."""
    row = file("a")
    row.flags = (flag,)
    merge = merged([[file("b")], [row, Entry(".wh.b", Kind.WHITEOUT, flags=(flag,)), file("")]])
    assert seen(merge) == {"b": "file 1"}
    assert merge.left_out == 2


def test_the_number_of_paths_is_limited() -> None:
    """What is gone does not count; one path too many ends the merge."""
    merge = merged([[file("a/b")], [whiteout("a")], [file("c/d")]], max_paths=2)
    with pytest.raises(PathLimitError):
        merge.apply((), [file("e")])


@pytest.mark.parametrize(
    "row",
    [file("a" * 5000), symlink("a", "b" * 5000), hard_link("a", "b" * 5000)],
    ids=lambda row: row.kind,
)
def test_a_long_text_counts_for_several_paths(row: Entry) -> None:
    """It takes their memory."""
    assert len(seen(merged([[row]], max_paths=5))) == 1
    with pytest.raises(PathLimitError):
        merged([[row]], max_paths=4)


@pytest.mark.parametrize(
    ("links", "path", "found"),
    [
        ({}, "etc/x", "etc/x"),
        ({"etc": "usr/etc"}, "etc/x", "usr/etc/x"),
        ({"etc/x": "../usr/etc/x"}, "etc/x", "usr/etc/x"),
        ({"etc/x": "/usr/./etc//x"}, "etc/x", "usr/etc/x"),
        ({"etc/x": "../../../../usr/etc/x"}, "etc/x", "usr/etc/x"),
        ({"etc/x": "x"}, "etc/x", None),
        ({"a": "b", "b": "a"}, "a", None),
        ({"etc/x": "nowhere"}, "etc/x", None),
        ({"etc/x": ""}, "etc/x", None),
        ({"etc/x": "/" + "./" * 5000}, "etc/x", None),
    ],
)
def test_links_are_followed_within_the_image(links: dict[str, str], path: str, found: str | None) -> None:
    """At most forty of them, never out of it."""
    files = [file("usr/etc/x"), *([] if "etc" in links else [file("etc/x")])]
    merge = merged([files, [symlink(name, target) for name, target in links.items()]])
    assert merge.files.resolve(path) == found


class Naive:
    """The same rules over a plain table of paths: ``None`` is a directory, anything else a file or link."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.table: dict[str, object] = {}
        for layer in layers:
            self.hide([row.path for row in layer if row.kind is Kind.OPAQUE])
            for row in layer:
                if row.kind is Kind.WHITEOUT:
                    self.drop(row.path.replace(".wh.", ""))
            for row in layer:
                if row.kind in (Kind.WHITEOUT, Kind.OPAQUE):
                    self.make_parents(row.path)
            entries = [row for row in layer if row.kind not in (Kind.WHITEOUT, Kind.OPAQUE)]
            lost = [row for row in entries if not self.enter(row)]
            for row in lost:
                target = self.table.get(row.link or "")
                if isinstance(self.table.get(row.path), str) and isinstance(target, list):
                    self.table[row.path] = target

    def drop(self, path: str) -> None:
        for each in [each for each in self.table if each == path or each.startswith(f"{path}/")]:
            del self.table[each]

    def hide(self, markers: list[str]) -> None:
        directories = {"", *(path for path, inode in self.table.items() if inode is None)}
        for parent in {marker.rpartition("/")[0] for marker in markers} & directories:
            for each in [each for each in self.table if not parent or each.startswith(f"{parent}/")]:
                del self.table[each]

    def make_parents(self, path: str) -> None:
        names = path.split("/")
        for depth in range(1, len(names)):
            self.make_directory("/".join(names[:depth]))

    def make_directory(self, path: str) -> None:
        if self.table.get(path, 1) is not None:
            self.drop(path)
            self.table[path] = None

    def enter(self, row: Entry) -> bool:
        """Whether the entry is what it says; a hard link to nothing is not, so far."""
        self.make_parents(row.path)
        if row.kind is Kind.DIRECTORY:
            self.make_directory(row.path)
            return True
        target = self.table.get(row.link or "")
        is_lost = row.kind is Kind.HARD_LINK and not isinstance(target, list)
        self.drop(row.path)
        self.table[row.path] = "lost" if is_lost else target if row.kind is Kind.HARD_LINK else [row]
        return not is_lost


@pytest.mark.slow
@given(STACKS)
def test_a_naive_model_sees_the_same(layers: list[list[Entry]]) -> None:
    """The same paths, kinds and contents, and the same names of one file."""
    expected, found = Naive(layers).table, paths(merged(layers))
    assert found.keys() == expected.keys()
    for path, node in found.items():
        inode = expected[path]
        if isinstance(node, Folder):
            assert inode is None
        elif node.kind is Kind.HARD_LINK:
            assert isinstance(inode, str)
        else:
            assert isinstance(inode, list)
            assert (node.kind, node.size) == (inode[0].kind, inode[0].size_bytes)
            same = {other for other, each in expected.items() if each is inode}
            assert same == {other for other, each in found.items() if each is node}
            assert node.links == len(same)


@pytest.mark.slow
@given(st.data())
def test_the_place_of_a_marker_does_not_matter(data: st.DataObject) -> None:
    """Opaque markers and whiteouts may stand anywhere in their layer, and more than once."""
    below = data.draw(STACKS)
    entries = data.draw(st.lists(LINKS_AND_ENTRIES, max_size=8))
    markers = data.draw(st.lists(MARKERS, max_size=4))
    mixed = list(entries)
    for marker in data.draw(st.permutations([*markers, *markers])):
        mixed.insert(data.draw(st.integers(0, len(mixed))), marker)
    one, other = merged([*below, [*markers, *entries]]), merged([*below, mixed])
    assert seen(one) == seen(other)
    assert totals(one) == totals(other)


@pytest.mark.slow
@given(STACKS, st.lists(ROWS, max_size=8))
def test_a_layer_applied_again_changes_nothing(below: list[list[Entry]], layer: list[Entry]) -> None:
    """What a layer says is so already, but for links that the first time led to nothing."""
    rows = [row for row in layer if row.kind is not Kind.HARD_LINK]
    assert seen(merged([*below, rows, rows])) == seen(merged([*below, rows]))


@pytest.mark.slow
@given(STACKS)
def test_every_stored_byte_is_visible_or_reclaimable(layers: list[list[Entry]]) -> None:
    """The bytes of all files are those of the merged file system and those that were lost on the way."""
    stored = sum(row.size_bytes for layer in layers for row in layer if row.kind is Kind.FILE)
    found, reclaimable = totals(merged(layers))
    lost = reclaimable.total_bytes - reclaimable.duplicate_elsewhere_bytes
    assert found.bytes + lost == stored
    assert found.bytes - reclaimable.duplicate_elsewhere_bytes == found.distinct_bytes
    assert found.files == found.regular_files + found.hard_links


def test_inodes_say_which_layer_they_are_from() -> None:
    """The one that wrote them, also under a name that a later layer gave them."""
    found = paths(merged([[file("a")], [hard_link("b", "a")], [file("c")]]))
    assert {path: node.layer for path, node in found.items() if isinstance(node, Inode)} == {
        "a": 0,
        "b": 0,
        "c": 2,
    }
