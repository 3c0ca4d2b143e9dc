"""The efficiency of an image as dive sees it: by examples, and against dive itself on random stacks."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.images.dive import Efficiency, LayerTree
from analyzer.images.filesystem import PathLimitError
from corpus.profiles.image import DiveEfficiency
from corpus.profiles.layer import Entry, EntryFlag, Kind
from tests.analyzer.stacks import PATHS, ROWS, Layer, file, folder, opaque, tar_of, whiteout

PEERS = Path(__file__).parent.parent.parent / ".peers" / "bin"
DIVE = shutil.which("dive", path=f"{PEERS}{os.pathsep}{os.environ.get('PATH', '')}")


def efficiency(layers: Sequence[Layer], max_paths: int = 1000) -> DiveEfficiency:
    found = Efficiency(max_paths)
    hiding = [index for index, layer in enumerate(layers) if any(".wh." in row.path for row in layer)]
    last = max(hiding, default=-1)
    for index, layer in enumerate(layers):
        tree = LayerTree(max_paths)
        assert list(tree.watch(layer)) == list(layer)
        found.add(tree, is_stacked=index <= last)
    return found.result()


@pytest.mark.parametrize(
    ("layers", "score", "wasted"),
    [
        pytest.param([], 1.0, 0, id="nothing is wasted of nothing"),
        pytest.param([[file("a", 3), file("b", 3)]], 1.0, 0, id="nor of one layer"),
        pytest.param([[file("a", 3), file("a", 1)]], 1.0, 0, id="in which a path counts once"),
        pytest.param([[file("a", 1)], [file("a", 3)]], 0.25, 4, id="the copy that stays counts as waste"),
        pytest.param([[file("a", 4)], [whiteout("a")]], 0.0, 4, id="a deleted file is a path of size 0"),
        pytest.param(
            [[folder("a"), file("a/b", 4)], [whiteout("a")]], 1.0, 0, id="a deleted directory costs nothing"
        ),
        pytest.param(
            [[folder("a"), file("a/b", 4)], [opaque("a")]], 1.0, 0, id="neither does an opaque marker"
        ),
        pytest.param(
            [[file("x", 4)], [whiteout("a"), file("x", 4)]], 0.75, 0, id="a vain whiteout ends its layer"
        ),
        pytest.param(
            [[file("x", 4)], [file("x", 4), whiteout("y")]], 0.75, 0, id="wherever it stands in the tar"
        ),
    ],
)  # fmt: skip
def test_by_example(layers: list[Layer], score: float, wasted: int) -> None:
    """The definition, with what is odd about it: a path that was not found has the size -1."""
    found = efficiency(layers)
    assert (found.score, found.wasted_bytes) == (score, wasted)


def test_the_base_is_not_the_users() -> None:
    """The first layer is left out of what the user added."""
    found = efficiency([[file("a", 8), file("b", 5)], [file("a", 2)]])
    assert (found.size_bytes, found.user_bytes, found.wasted_user_ratio) == (15, 2, 5.0)
    assert efficiency([[file("a", 8)]]).wasted_user_ratio is None


def test_names_and_rows_that_dive_does_not_have() -> None:
    """It keeps a leading '..', drops the root and the paths of markers, and refuses global headers."""
    above = Entry("a", Kind.FILE, 4, flags=(EntryFlag.DOTDOT,), name="../a")
    header = Entry("pax_global_header", Kind.GLOBAL_HEADER, 9)
    cut = Entry("b", Kind.FILE, 9, flags=(EntryFlag.INCOMPLETE,))
    found = efficiency([[file("a", 4), folder("")], [above, header, cut, file("c/.wh..wh..x/y", 2)]])
    assert (found.score, found.wasted_bytes, found.size_bytes) == (1.0, 0, 10)


def test_the_number_of_paths_is_limited() -> None:
    """One too many ends it."""
    with pytest.raises(PathLimitError):
        efficiency([[file("a"), file("b")], [file("c")]], max_paths=2)


def test_all_paths_of_the_stack_count_for_the_limit() -> None:
    """A directory that holds one leaf has as many as it is deep; a layer may hide them from the next."""
    layers = [[folder(f"{number}/b/c/d/e"), whiteout("x")] for number in range(5)]
    assert efficiency(layers, max_paths=26).wasted_bytes == 0
    with pytest.raises(PathLimitError):
        efficiency(layers, max_paths=25)


def test_a_long_path_counts_for_several() -> None:
    """All of it is held in memory, and that of all it lies in."""
    layer = [file("/".join("a" * 1000))]
    assert efficiency([layer], max_paths=2000).score == 1.0
    with pytest.raises(PathLimitError):
        efficiency([layer], max_paths=1400)


@given(st.lists(PATHS | st.text("ab-!/", min_size=1), min_size=2, max_size=5))
def test_paths_are_ordered_by_their_components(paths: list[str]) -> None:
    """Whatever bytes sort before the slash; where it matters, children come before their parent."""
    tree = LayerTree(1000)
    for path in paths:
        tree.add(file(path.strip("/").replace("//", "/") or "a"))
    tree.add(whiteout("z"))
    parents_last = [(*path.split("/"), "~") for path, _ in tree.nodes()]
    assert parents_last == sorted(parents_last)
    leaves = [path.split("/") for path, _ in tree.leaves()]
    assert leaves == sorted(leaves)


def test_paths_that_the_stack_has_no_more_do_not_count_for_the_limit() -> None:
    """A whiteout makes room for all that it hides."""
    layers = [[folder("a/b/c/d/e")], [whiteout("a")]] * 50
    assert efficiency(layers, max_paths=5).wasted_bytes == 0


def test_a_path_too_deep_for_a_file_system_is_left_out() -> None:
    """As in the merged one: all that it lies in would take memory with the square of its length."""
    deep = Entry("/".join("a" * 100_000), Kind.FILE, 4, flags=(EntryFlag.DEEP,))
    assert efficiency([[file("b", 1), deep]]).size_bytes == 1


def archive(layers: Sequence[Layer], path: Path) -> None:
    """Write the layers as `docker save` does."""
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": "config.json", "RepoTags": [], "Layers": names}]
    config = {"history": [], "rootfs": {"type": "layers", "diff_ids": []}}
    members = dict(zip(names, map(tar_of, layers), strict=True))
    members |= {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    with tarfile.open(path, "w") as image:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            image.addfile(member, io.BytesIO(data))


@pytest.mark.slow
@pytest.mark.skipif(DIVE is None, reason="dive is missing: run `make peers`")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(ROWS, max_size=8), min_size=1, max_size=4))
def test_dive_says_the_same(layers: list[list[Entry]]) -> None:
    """Score, wasted bytes and size are those of dive to the last digit."""
    with TemporaryDirectory() as work:
        image, answer = Path(work, "image.tar"), Path(work, "answer.json")
        archive(layers, image)
        command: list[str | Path] = [str(DIVE), "--source", "docker-archive", image, "--json", answer]
        subprocess.run(command, check=True, capture_output=True)
        theirs = json.loads(answer.read_text())["image"]
    found = efficiency(layers)
    assert found.score == theirs["efficiencyScore"]
    assert found.wasted_bytes == theirs["inefficientBytes"]
    assert found.size_bytes == theirs["sizeBytes"]
