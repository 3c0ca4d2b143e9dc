"""What lies in a data directory is told apart by its names, whatever they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.layout import Layout
from corpus.survey import Lying, lying_blobs, lying_downloads, lying_temporaries, size_of
from registry.digests import Digest

DIGEST = Digest.of(b"x")


def put(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_blob_is_named_for_its_digest(layout: Layout) -> None:
    """Of every algorithm that can be computed."""
    digests = {Digest.of(b"x", algorithm) for algorithm in ("sha256", "sha384", "sha512")}
    for digest in digests:
        put(layout.blob(digest))
    assert set(lying_blobs(layout)) == {Lying(layout.blob(digest), digest) for digest in digests}


@pytest.mark.parametrize(
    "name",
    [
        "sha256/readme",
        "sha256/.DS_Store",
        f"sha256/{DIGEST.encoded}.tmp",
        f"sha256/{DIGEST.encoded.upper()}",
        f"sha256/{DIGEST.encoded[:-1]}",
        f"sha512/{DIGEST.encoded}",
        "notes.txt",
    ],
)
def test_a_file_of_any_other_name_is_a_stranger(layout: Layout, name: str) -> None:
    """Wherever it lies below ``blobs/``."""
    path = put(layout.blobs / name)
    assert list(lying_blobs(layout)) == [Lying(path, None)]


@pytest.mark.parametrize("name", ["md5/a/b", "sha1/x", "backup/sha256/x"])
def test_a_folder_that_is_none_of_ours_is_one_stranger(layout: Layout, name: str) -> None:
    """It is not looked into: it goes as it is."""
    put(layout.blobs / name)
    assert list(lying_blobs(layout)) == [Lying(layout.blobs / name.partition("/")[0], None)]


def test_what_is_no_file_is_a_stranger_whatever_its_name(layout: Layout) -> None:
    """A folder, a pipe, a link that leads nowhere: no blob can be read from them."""
    put(layout.blob(DIGEST) / "inner")
    pipe, link = (layout.blob(Digest.of(data)) for data in (b"pipe", b"link"))
    os.mkfifo(pipe)
    link.symlink_to("nowhere")
    assert set(lying_blobs(layout)) == {Lying(path, None) for path in (layout.blob(DIGEST), pipe, link)}


def test_a_link_to_a_file_is_as_good_as_the_file(layout: Layout, tmp_path: Path) -> None:
    """Blobs may be kept on another disk."""
    layout.blob(DIGEST).symlink_to(put(tmp_path / "elsewhere"))
    assert list(lying_blobs(layout)) == [Lying(layout.blob(DIGEST), DIGEST)]


@pytest.mark.parametrize("suffix", ["", ".whole", ".ranges", ".note"])
def test_a_download_belongs_to_a_digest_with_all_that_is_kept_beside_it(layout: Layout, suffix: str) -> None:
    """So that it can be told when the blob is there, and nobody goes on with it."""
    path = put(Path(f"{layout.partial_blob(DIGEST)}{suffix}"))
    assert list(lying_downloads(layout)) == [Lying(path, DIGEST)]


def test_a_download_whose_digest_is_not_known_yet_is_ours(layout: Layout) -> None:
    """Layers of old registries have none before they are here."""
    path = put(layout.partial_unnamed("registry image"))
    (lying,) = lying_downloads(layout)
    assert (lying.path, lying.digest is None) == (path, False)


@pytest.mark.parametrize("name", ["notes", "sha256-abc", "md5-00", f"sha256:{DIGEST.encoded}", "a-b"])
def test_another_name_in_partial_is_a_stranger(layout: Layout, name: str) -> None:
    """Nobody will go on with it."""
    path = put(layout.partial / name)
    assert list(lying_downloads(layout)) == [Lying(path, None)]


def test_of_the_data_directory_itself_only_unfinished_files_are_taken(layout: Layout) -> None:
    """What a user keeps there is no business of ours."""
    unfinished = put(layout.root / ".index.json.tmp")
    for name in ("notes.txt", "hubcrawl.toml", ".hidden", "backup.tmp"):
        put(layout.root / name)
    assert list(lying_temporaries(layout)) == [Lying(unfinished, None)]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    """A census that was only begun is whole."""
    layout = Layout(tmp_path / "none")
    assert [*lying_blobs(layout), *lying_downloads(layout), *lying_temporaries(layout)] == []


def test_the_size_of_a_folder_is_that_of_its_files(layout: Layout) -> None:
    """Links count for themselves."""
    put(layout.blobs / "md5" / "a", b"12345")
    put(layout.blobs / "md5" / "b" / "c", b"123")
    assert size_of(layout.blobs / "md5") == 8
    (layout.blobs / "link").symlink_to("md5")
    assert size_of(layout.blobs / "link") == len("md5")


_NAMES = st.binary(min_size=1, max_size=80).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in {b".", b".."}
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(_NAMES, max_size=5))
def test_every_file_is_met_once_and_no_name_upsets_the_survey(layout: Layout, names: set[bytes]) -> None:
    """File names are any bytes."""
    folder = layout.blobs / "sha256"
    paths = {folder / os.fsdecode(name) for name in names}
    for path in paths:
        put(path)
    met = [lying.path for lying in lying_blobs(layout)]
    assert sorted(met) == sorted(paths)
    assert all(lying.digest is None for lying in lying_blobs(layout))
    for path in paths:
        path.unlink()
