"""The merged file system of a real image, held against the one that GNU tar makes of its layers."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.layout import Layout
from corpus.profiles import ImageProfile, read_image_profile
from tests.real.conftest import Layer, run

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def root(layers: list[Layer], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All layers unpacked into one directory, base first; the image has no whiteouts."""
    root = tmp_path_factory.mktemp("merged")
    for layer in layers:
        run("tar", "--keep-directory-symlink", "-C", root, "-xf", layer.tar)
    return root


@pytest.fixture(scope="module")
def image(census: Layout) -> ImageProfile:
    (path,) = (census.root / "profiles" / "images").rglob("*.zst")
    return read_image_profile(path)


def test_paths_are_those_that_tar_makes(root: Path, image: ImageProfile) -> None:
    """Files, links and directories as `find` counts them."""
    merged = image.merged
    assert merged is not None
    assert merged.files == count(root, "-type", "f") > 1000
    assert merged.symlinks == count(root, "-type", "l")
    assert merged.directories == count(root, "-mindepth", "1", "-type", "d")
    assert merged.hard_links == merged.files - len(inodes(root))
    assert merged.max_depth == max(map(int, run("find", root, "-type", "d", "-printf", "%d\n").split()))


def test_bytes_are_those_that_tar_writes(root: Path, image: ImageProfile) -> None:
    """Each file once, however many names it has; each content once, as `sha256sum` tells them apart."""
    merged = image.merged
    assert merged is not None
    assert merged.bytes == sum(inodes(root).values())
    sums = run("sh", "-c", "find . -type f -print0 | xargs -0 sha256sum", cwd=root).splitlines()
    sizes = {line[:64]: (root / line[66:]).stat().st_size for line in sums}
    assert (merged.distinct_contents, merged.distinct_bytes) == (len(sizes), sum(sizes.values()))


def test_the_distribution_is_that_of_os_release(root: Path, image: ImageProfile) -> None:
    """As a shell reads it."""
    assert image.distribution is not None
    shell = '. ./etc/os-release && echo "$ID|$VERSION_ID|$NAME|$PRETTY_NAME"'
    found = image.distribution
    expected = run("sh", "-c", shell, cwd=root).strip().split("|")
    assert [found.id, found.version, found.name, found.pretty_name] == expected


def test_packages_are_those_that_dpkg_lists(root: Path, image: ImageProfile) -> None:
    """Of the status file that the topmost layer left; names and versions agree with `dpkg-query`."""
    form = "${db:Status-Status} ${Package} ${Version} ${Architecture}\n"
    listed = run("dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f", form).splitlines()
    expected = [line.removeprefix("installed ") for line in listed if line.startswith("installed ")]
    found = [package for package in image.packages if package.type == "deb"]
    assert sorted(f"{each.name} {each.version} {each.architecture}" for each in found) == sorted(expected)


def count(root: Path, *condition: str) -> int:
    return run("find", root, *condition, "-printf", "x").count("x")


def inodes(root: Path) -> dict[str, int]:
    """Size by inode of the regular files."""
    listed = run("find", root, "-type", "f", "-printf", "%i %s\n").splitlines()
    return {line.split()[0]: int(line.split()[1]) for line in listed}
