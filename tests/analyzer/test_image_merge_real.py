"""Merged file systems against real ones, overlayfs and GNU tar in a directory, on random stacks."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings

from analyzer.images.filesystem import Folder, Inode
from analyzer.images.merge import Merge
from corpus.profiles.layer import Entry, Kind
from tests.analyzer.conftest import Profile
from tests.analyzer.stacks import STACKS, Layer, consistent, merged, paths, tar_of

pytestmark = pytest.mark.slow

# Inode numbers are those of this test alone.
Seen = dict[str, tuple[str, str | int, frozenset[str]]]


def by_name(found: dict[str, tuple[str, str | int, int]]) -> Seen:
    """Kind, content and the other names of every path."""
    names: dict[int, set[str]] = {}
    for path, (_, _, inode) in found.items():
        names.setdefault(inode, set()).add(path)
    return {path: (kind, what, frozenset(names[inode])) for path, (kind, what, inode) in found.items()}


def ours(merge: Merge) -> Seen:
    def fact(node: Folder | Inode) -> tuple[str, str | int, int]:
        if isinstance(node, Folder):
            return ("dir", "", id(node))
        if node.kind is Kind.SYMLINK:
            return ("link", str(node.content), id(node))
        return ("file", bytes(node.content or b"").hex(), id(node))  # type: ignore[arg-type]

    return by_name({path: fact(node) for path, node in paths(merge).items()})


def theirs(root: Path, *, tells_names: bool) -> Seen:
    """What lies below ``root``. A file that was copied up from below tells nothing of its other names."""

    def fact(path: Path) -> tuple[str, str | int, int]:
        status = path.lstat()
        inode = status.st_ino if tells_names else hash(path)
        if path.is_symlink():
            return ("link", str(path.readlink()), inode)
        if path.is_dir():
            return ("dir", "", inode)
        return ("file", sha256(path.read_bytes()).hexdigest(), inode)

    # overlayfs lists whiteouts in a directory that only one layer has, though nothing is behind them.
    there = [path for path in root.rglob("*") if os.path.lexists(path)]
    return by_name({str(path.relative_to(root)): fact(path) for path in there})


def rows_of(layer: Layer, profile: Profile) -> Sequence[Entry]:
    """The rows of the layer's tar, as the analysis reads them."""
    return profile(tar_of(layer)).entries


def unpack(layer: Layer, folder: Path) -> None:
    """Have GNU tar unpack the entries of a layer, markers left out."""
    folder.mkdir(exist_ok=True)
    entries = [row for row in layer if row.kind not in (Kind.WHITEOUT, Kind.OPAQUE)]
    subprocess.run(["tar", "-x", "-C", folder], input=tar_of(entries), check=True, capture_output=True)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def apply(layer: Layer, root: Path) -> None:
    """Apply a layer to a directory: hide, make way, unpack."""
    below = {kind: [root / row.path for row in layer if row.kind is kind] for kind in Kind}
    for marker in below[Kind.OPAQUE]:
        if is_directory(root, marker.parent):
            for member in list(marker.parent.iterdir()):
                remove(member)
    for marker in below[Kind.WHITEOUT]:
        if is_directory(root, marker.parent):
            remove(marker.with_name(marker.name.removeprefix(".wh.")))
    for row in sorted(layer, key=lambda row: row.kind not in (Kind.WHITEOUT, Kind.OPAQUE)):
        make_way(row, root)
        if row.kind in (Kind.WHITEOUT, Kind.OPAQUE):
            (root / row.path).parent.mkdir(parents=True, exist_ok=True)
        else:
            unpack([row], root)


def make_way(row: Entry, root: Path) -> None:
    """Remove what is a directory and must be none, and the other way round."""
    target, is_folder = root / row.path, row.kind is Kind.DIRECTORY
    for path in [*reversed(target.parents), target]:
        is_to_be = path != target or is_folder
        if path.is_relative_to(root) and is_to_be != (path.is_dir() and not path.is_symlink()):
            remove(path)


def is_directory(root: Path, path: Path) -> bool:
    """Whether it is one, and no link on the way to it."""
    steps = [path, *path.parents]
    within = steps[: steps.index(root) + 1]
    return all(each.is_dir() and not (each.is_symlink() and each != root) for each in within)


def made_for_overlay(layer: Layer, folder: Path) -> None:
    """Unpack a layer, with whiteouts and opaque markers as overlayfs has them."""
    unpack(layer, folder)
    markers = {kind: [folder / row.path for row in layer if row.kind is kind] for kind in Kind}
    for marker in (*markers[Kind.OPAQUE], *markers[Kind.WHITEOUT]):
        marker.parent.mkdir(parents=True, exist_ok=True)
    for marker in markers[Kind.OPAQUE]:
        os.setxattr(marker.parent, "trusted.overlay.opaque", b"y")
    for marker in markers[Kind.WHITEOUT]:
        hidden = marker.with_name(marker.name.removeprefix(".wh."))
        if hidden.is_dir() and not hidden.is_symlink():
            os.setxattr(hidden, "trusted.overlay.opaque", b"y")
        elif not os.path.lexists(hidden):
            os.mknod(hidden, stat.S_IFCHR, os.makedev(0, 0))


@contextmanager
def overlay(layers: Sequence[Layer], work: Path) -> Iterator[Path]:
    """Mount the layers upon each other."""
    for number, layer in enumerate(layers):
        made_for_overlay(layer, work / f"{number}")
    empty = ("bottom", "below")  # an overlay has two layers at least
    for name in (*empty, "mounted"):
        (work / name).mkdir()
    lower = ":".join([*map(str, reversed(range(len(layers)))), *empty])
    command = ["mount", "-t", "overlay", "overlay", "-o", f"ro,lowerdir={lower}", "mounted"]
    subprocess.run(command, cwd=work, check=True, capture_output=True)
    try:
        yield work / "mounted"
    finally:
        subprocess.run(["umount", "mounted"], cwd=work, check=True)


@pytest.fixture(scope="module")
def can_mount() -> None:
    """Skip where overlayfs cannot be mounted: it takes Linux and root."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root mounts overlayfs")
    with TemporaryDirectory() as work:
        try:
            with overlay([], Path(work)):
                pass
        except subprocess.CalledProcessError as error:
            pytest.skip(f"overlayfs cannot be mounted here: {error.stderr!r}")


@settings(max_examples=40, deadline=None)
@given(STACKS)
@pytest.mark.usefixtures("can_mount")
def test_overlayfs_shows_the_same(profile: Profile, layers: list[list[Entry]]) -> None:
    """Layers as tools make them, each unpacked by itself: the same paths, kinds, contents."""
    stack = [without_conflicts(layer) for layer in layers]
    with TemporaryDirectory() as work, overlay(stack, Path(work)) as mounted:
        found = theirs(mounted, tells_names=False)
    expected = ours(merged([rows_of(layer, profile) for layer in stack]))
    assert {path: each[:2] for path, each in found.items()} == {
        path: each[:2] for path, each in expected.items()
    }


@settings(max_examples=25, deadline=None)
@given(STACKS)
def test_gnu_tar_unpacks_the_same(profile: Profile, layers: list[list[Entry]]) -> None:
    """One layer after the other into one directory: the same paths, contents, and names of one file."""
    stack = [resolvable(layer) for layer in layers]
    with TemporaryDirectory() as work:
        root = Path(work)
        for layer in stack:
            apply(layer, root)
        found = theirs(root, tells_names=True)
    assert found == ours(merged([rows_of(layer, profile) for layer in stack]))


def without_conflicts(layer: Layer) -> list[Entry]:
    """Entries that a directory tree can have, and markers in directories or nowhere.

    Without an opaque marker in the root, which overlayfs does not know.
    """
    entries = consistent([row for row in layer if row.kind not in (Kind.WHITEOUT, Kind.OPAQUE)])
    files = {row.path for row in entries if row.kind is not Kind.DIRECTORY}
    markers = [row for row in layer if row.kind in (Kind.WHITEOUT, Kind.OPAQUE)]
    clear = (row for row in markers if not parents(row.path) & files)
    return [*entries, *(row for row in clear if row.path != ".wh..wh..opq")]


def parents(path: str) -> set[str]:
    return {str(parent) for parent in Path(path).parents}


def resolvable(layer: Layer) -> list[Entry]:
    """The layer without hard links: tar refuses one to nothing."""
    return [row for row in layer if row.kind is not Kind.HARD_LINK]
