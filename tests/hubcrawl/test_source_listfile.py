"""A list of names in a file: any file, any size, no line lost, none that stops the others."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.records import RepositoryRecord
from hubcrawl.sources.lines import MAX_LINE_BYTES, Line, LineSplitter
from hubcrawl.sources.listfile import Entry, ListFile, parse_line, sources_of, survey
from registry.errors import ConfigurationError
from registry.names import is_repository_name
from tests import corpora
from tests.hubcrawl.conftest import engine, names_in, read_all

if TYPE_CHECKING:
    from corpus.catalog import Catalog

SHA256 = "sha256:" + "ab" * 32


def split(data: bytes, chunk: int) -> list[Line]:
    splitter = LineSplitter()
    lines = [line for at in range(0, len(data), chunk) for line in splitter.feed(data[at : at + chunk])]
    return [*lines, *splitter.finish()]


@given(
    st.binary(max_size=300) | st.lists(st.sampled_from([b"a", b"\n", b"bc"])).map(b"".join),
    st.integers(1, 50),
)
def test_lines_are_the_same_however_the_file_was_cut_into_chunks(data: bytes, chunk: int) -> None:
    lines = split(data, chunk)
    assert [line for line, _ in lines] == data.split(b"\n")[: len(lines)]
    assert b"".join(data.split(b"\n")[len(lines) :]) == b""
    assert lines == split(data, max(len(data), 1))


@given(st.lists(st.binary(max_size=10).map(lambda data: data.replace(b"\n", b"")), min_size=1), st.data())
def test_reading_on_at_the_end_of_any_line_gives_the_lines_after_it(
    lines: list[bytes], data: st.DataObject
) -> None:
    text = b"".join(line + b"\n" for line in lines)
    whole = split(text, 1_000)
    at = data.draw(st.integers(0, len(whole) - 1))
    rest = LineSplitter(whole[at].end)
    assert list(rest.feed(text[whole[at].end :])) == whole[at + 1 :]


def test_overlong_line_is_cut_and_the_next_one_is_whole() -> None:
    data = b"x" * (3 * MAX_LINE_BYTES) + b"\nnext"
    assert split(data, 1_000) == [(b"x" * MAX_LINE_BYTES, 3 * MAX_LINE_BYTES + 1), (b"next", len(data))]


@pytest.mark.parametrize(
    ("line", "registry", "name", "reference"),
    [
        (b"nginx", "docker.io", "library/nginx", None),
        (b"  owner/app:1.2 \r", "docker.io", "owner/app", "1.2"),
        (b"owner/app # the good one", "docker.io", "owner/app", None),
        (f"owner/app@{SHA256}".encode(), "docker.io", "owner/app", SHA256),
        (f"owner/app:1@{SHA256}".encode(), "docker.io", "owner/app", SHA256),
        (b"\xef\xbb\xbfnginx", "docker.io", "library/nginx", None),
        (b"ghcr.io/a/b:x", "ghcr.io", "a/b", "x"),
        (b"127.0.0.1:5000/debian", "127.0.0.1:5000", "debian", None),
        (b"index.docker.io/nginx", "docker.io", "library/nginx", None),
        (b"docker.io/nginx", "docker.io", "library/nginx", None),
    ],
)
def test_line_names_a_repository(line: bytes, registry: str, name: str, reference: str | None) -> None:
    assert parse_line(line, default="docker.io") == Entry(
        registry, RepositoryRecord(name, reference=reference)
    )


@pytest.mark.parametrize("line", [b"", b"   ", b"\r", b"# comment", b"  # nginx", b"\xef\xbb\xbf# x"])
def test_line_may_say_nothing(line: bytes) -> None:
    assert parse_line(line, default="docker.io") is None


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"0000/...", "0000/..."),
        (b"owner/app:bad tag", "owner/app:bad tag"),
        (b"foo#bar", "foo#bar"),
        (b"caf\xe9/x", "caf\\xe9/x"),
        (b"y" * 4_000, "y" * 254 + "…"),
        (b"../../etc/passwd", "../../etc/passwd"),
    ],
)
def test_line_that_is_no_reference_is_a_repository_nobody_can_pull(line: bytes, name: str) -> None:
    entry = parse_line(line, default="docker.io")
    assert entry == Entry("docker.io", RepositoryRecord(name))
    assert not is_repository_name(name)


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "names.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


async def test_list_has_one_source_per_registry_it_names(tmp_path: Path) -> None:
    path = written(tmp_path, "nginx\nghcr.io/a/b\n# c\ndocker.io/a/c\nghcr.io/a/d\n!!\n")
    hub, github = await sources_of(path, "docker.io")
    assert names_in(await read_all(hub)) == ["library/nginx", "a/c", "!!"]
    assert names_in(await read_all(github)) == ["a/b", "a/d"]
    assert (hub.registry, github.registry) == ("docker.io", "ghcr.io")


async def test_list_that_names_only_other_registries_has_no_source_for_the_default(tmp_path: Path) -> None:
    (source,) = await sources_of(written(tmp_path, "ghcr.io/a/b"), "docker.io")
    assert source.registry == "ghcr.io"


async def test_edited_list_is_another_listing(tmp_path: Path) -> None:
    (before,) = await sources_of(written(tmp_path, "nginx\n"), "docker.io")
    (same,) = await sources_of(written(tmp_path, "nginx\n"), "docker.io")
    (after,) = await sources_of(written(tmp_path, "nginx\nredis\n"), "docker.io")
    assert before.name == same.name != after.name


async def test_official_names_get_their_namespace_on_a_hub_only(tmp_path: Path) -> None:
    path = written(tmp_path, "debian")
    found = {
        registry: names_in(await read_all((await sources_of(path, registry))[0]))
        for registry in ("docker.io", "sample", "127.0.0.1:5000")
    }
    assert found == {
        "docker.io": ["library/debian"],
        "sample": ["library/debian"],
        "127.0.0.1:5000": ["debian"],
    }


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n"])
async def test_list_without_a_name_is_a_mistake_of_the_user(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="holds no image name"):
        await sources_of(written(tmp_path, text), "docker.io")


async def test_missing_list_is_said_in_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(ConfigurationError, match="there is no list"):
            await survey(path)


async def test_list_that_vanishes_while_it_is_read_is_said_in_one_sentence(tmp_path: Path) -> None:
    path = written(tmp_path, "nginx\n")
    (source,) = await sources_of(path, "docker.io")
    path.unlink()
    with pytest.raises(ConfigurationError, match="cannot read the list"):
        await source.read("0")


names = st.sampled_from(["nginx", "a/x", "a/x:1", "ghcr.io/a/y", "!!", "# c", ""])


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(st.lists(names, max_size=30), st.integers(1, 7), st.booleans())
def test_pages_of_any_size_give_the_same_names(lines: list[str], size: int, ends: bool) -> None:  # noqa: FBT001
    with TemporaryDirectory() as folder:
        path = written(Path(folder), "\n".join(lines) + "\n" * ends)

        async def listed(page_lines: int) -> list[str]:
            source = ListFile(path, "docker.io", default=True, edition="x", page_lines=page_lines)
            return names_in(await read_all(source))

        assert asyncio.run(listed(size)) == asyncio.run(listed(1_000))


async def test_names_and_references_reach_the_catalog_and_dirty_ones_do_not_stop_it(
    tmp_path: Path, catalog: Catalog
) -> None:
    text = b"nginx:1\nnginx:2\n../x\ncaf\xe9\n\x00\nnginx\n" + b"z" * 10_000
    (source,) = await sources_of(written(tmp_path, text), "registry.test")
    summary = await engine(catalog, source).run()
    assert (summary.rows, summary.found, summary.is_complete) == (7, 5, True)
    assert (await catalog.census.count()).repositories.unpullable == 4


@pytest.mark.slow
async def test_every_one_of_49288_real_names_is_found(tmp_path: Path, catalog: Catalog) -> None:
    packed = corpora.folder("hub-names") / "names-sample.txt.zst"
    text = zstandard.ZstdDecompressor().decompress(packed.read_bytes(), max_output_size=1 << 24)
    (source,) = await sources_of(written(tmp_path, text), "registry.test")
    summary = await engine(catalog, source).run()
    assert (summary.rows, summary.new, summary.pages, summary.is_complete) == (49_288, 49_288, 50, True)
    assert (await catalog.census.count()).repositories.unpullable == 5
