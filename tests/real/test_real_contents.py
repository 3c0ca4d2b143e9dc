"""What is told of the files of a real Debian image, held against ``file(1)`` and ``dpkg-query``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from corpus.layout import Layout
from corpus.profiles import Entry, ImageProfile, Kind, read_image_profile
from tests.real.conftest import Layer, profile_of, run
from tests.real.libmagic import Answer, ask

pytestmark = [pytest.mark.real, pytest.mark.slow]


SAME_MIME_TYPES = frozenset({
    "application/gzip",
    "application/x-archive",
    "application/x-bytecode.python",
    "application/x-executable",
    "application/x-gettext-translation",
    "application/x-object",
    "application/x-xz",
    "image/png",
    "text/x-shellscript",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    """One distinct content of the image: what was recorded of it, and what libmagic says."""

    entry: Entry
    said: Answer

    @property
    def agrees(self) -> bool:
        return self.said.agrees_with(self.entry.group)

    @property
    def difference(self) -> str:
        """The kind of disagreement: our type, and libmagic's words without what is special to the file."""
        return f"{self.entry.group}/{self.entry.type}: {self.said.words.split(',')[0][:40]}"


@pytest.fixture(scope="module")
def judged(census: Layout, layers: list[Layer], unpacked: list[Path]) -> list[Judged]:
    """Every distinct content, by the first file that has it."""
    contents: dict[str, Judged] = {}
    for layer, root in zip(layers, unpacked, strict=True):
        entries = profile_of(census, layer).entries
        files = [entry for entry in entries if entry.kind is Kind.FILE and entry.sha256 not in contents]
        for entry, said in zip(files, ask(root, [entry.path for entry in files]), strict=True):
            contents.setdefault(str(entry.sha256), Judged(entry, said))
    return list(contents.values())


def test_at_least_99_percent_of_contents_are_in_the_group_that_libmagic_says(judged: list[Judged]) -> None:
    """Of all distinct contents; what else there is, is listed by kind."""
    differences = Counter(each.difference for each in judged if not each.agrees)
    told = sum(each.said.tells_a_group for each in judged)
    literal = sum(each.said.literally_agrees_with(each.entry.group) for each in judged)
    listed = [f"{count:4} {difference}" for difference, count in differences.most_common()]
    print(  # noqa: T201 - to be read with -rP
        f"{len(judged)} contents, of {told} libmagic tells a group, of {differences.total()} another one;",
          f"of {literal} literally the same", *listed, sep="\n")  # fmt: skip
    assert len(judged) > 10_000
    assert differences.total() <= 0.01 * len(judged)


def test_most_groups_occur(judged: list[Judged]) -> None:
    """The image is a fair test: twelve groups, each by several files."""
    groups = Counter(each.entry.group for each in judged)
    assert {group for group, count in groups.items() if count > 1} >= {
        "archive", "data", "database", "document", "eol", "font", "image", "key", "media", "script", "source",
        "text",
    }  # fmt: skip


def test_mime_types_are_those_of_libmagic(judged: list[Judged]) -> None:
    """Where both call a file by the same kind of name: programs, archives, pictures and the like."""
    of_these = [each for each in judged if each.said.mime in SAME_MIME_TYPES]
    assert len(of_these) > 3000
    differing = [each.entry.path for each in of_these if each.entry.mime != each.said.mime]
    assert differing == []


@pytest.fixture(scope="module")
def image(census: Layout) -> ImageProfile:
    (path,) = (census.root / "profiles" / "images").rglob("*.zst")
    return read_image_profile(path)


def test_packages_are_those_that_dpkg_query_lists(
    image: ImageProfile, layers: list[Layer], tmp_path: Path
) -> None:
    """Name, version, architecture and source of every package installed, in the last state of the image."""
    for layer in layers:
        run("tar", "-xf", layer.tar, "-C", tmp_path, "./var/lib/dpkg")
    fields = "${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\t${source:Package}\n"
    listed = run("dpkg-query", f"--admindir={tmp_path}/var/lib/dpkg", "-W", "-f", fields).splitlines()
    expected = {tuple(line.split("\t")[1:]) for line in listed if line.startswith("installed\t")}
    found = {
        (package.name, package.version, package.architecture, package.source)
        for package in image.packages
        if package.type == "deb"
    }
    assert len(expected) > 100
    assert found == expected


def test_the_distribution_is_that_of_the_base_system(image: ImageProfile, unpacked: list[Path]) -> None:
    """As a shell reads os-release."""
    release = unpacked[0] / "usr/lib/os-release"
    expected = run("sh", "-c", f'. {release} && echo "$ID|$VERSION_ID|$PRETTY_NAME"').strip()
    found = image.distribution
    assert found is not None
    assert f"{found.id}|{found.version}|{found.pretty_name}" == expected
