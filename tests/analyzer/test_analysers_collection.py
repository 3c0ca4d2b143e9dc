"""What analysers find in a layer is gathered while it is read, and nothing they do harms the reading."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysers import Analyser
from analyzer.analysers.collection import Collection
from analyzer.analysers.interest import Interest
from analyzer.layers.profile import profile_layer
from analyzer.layers.rereading import find_in_profiled_layer
from analyzer.settings import LayerLimits
from corpus.profiles.stream import commit, temporary_name
from corpus.records import LayerTask
from registry.digests import Digest
from tests.analyzer.conftest import MakeTar
from tests.analyzer.plugins import Everything, Rows, Secrets

Found = dict[str, list[dict[str, Any]]]


@pytest.fixture
def find(tmp_path: Path) -> Any:
    """Profile a tar with some analysers; what they found, by their names."""

    def run(tar: bytes, *analysers: Analyser, read_bytes: int = 65536) -> Found:
        blob, target = tmp_path / "blob", tmp_path / "profile"
        blob.write_bytes(tar)
        collection = Collection(analysers)
        limits, digest = LayerLimits(), Digest.of(tar)
        profile_layer(blob, digest, "", target, limits, read_bytes=read_bytes, collection=collection)
        with_them = temporary_name(target).read_bytes()
        profile_layer(blob, digest, "", target, limits, read_bytes=read_bytes)
        assert temporary_name(target).read_bytes() == with_them
        return {
            name: [msgspec.json.decode(raw) for raw in raws] for name, raws in collection.finish().items()
        }

    return run


@pytest.mark.parametrize("name", ["etc/secrets/a", "./etc/secrets/a", "/etc/secrets/a", "etc//x.secret-file"])
def test_a_file_is_shown_to_who_wants_it(name: str, find: Any, make_tar: MakeTar) -> None:
    """However its name is written; what is found bears the analyser's name and the normalised path."""
    tar = make_tar(("etc/", {}), (name, b"value"), ("usr/secrets/b", b"x"), ("etc/c", b"x"))
    (finding,) = find(tar, Secrets())["secrets"]
    path = name.replace("//", "/").removeprefix(".").removeprefix("/")
    assert finding == {"analyser": "secrets", "path": path, "length": 5}


@pytest.mark.parametrize("read_bytes", [1, 512, 1000, 65536])
@pytest.mark.parametrize("size", [1, 511, 512, 513, 5000])
def test_the_whole_content_is_shown(size: int, read_bytes: int, find: Any, make_tar: MakeTar) -> None:
    """Wherever the bytes are cut on their way."""
    content = bytes(number % 251 for number in range(size))
    found = find(make_tar(("a", content), ("b/c", content[::-1])), Everything(), read_bytes=read_bytes)
    assert [finding["last"] for finding in found["everything"]] == [content[-1], content[0]]


def test_of_a_path_that_comes_twice_the_last_file_counts(find: Any, make_tar: MakeTar) -> None:
    """As in the file system that the layer makes."""
    tar = make_tar(("etc/secrets/a", b"1"), ("etc/secrets/b", b"22"), ("etc/secrets/a", b"333"))
    found = [(finding["path"], finding["length"]) for finding in find(tar, Secrets())["secrets"]]
    assert found == [("etc/secrets/b", 2), ("etc/secrets/a", 3)]


@pytest.mark.parametrize(
    "last", [b"", {"type": tarfile.LNKTYPE, "linkname": "etc/secrets/b"}], ids=["empty", "a hard link"]
)
def test_what_takes_the_place_of_a_file_takes_its_findings(last: Any, find: Any, make_tar: MakeTar) -> None:
    """An empty file has none, and a hard link has another's content."""
    tar = make_tar(("etc/secrets/a", b"1"), ("etc/secrets/b", b"22"), ("etc/secrets/a", last))
    assert [finding["path"] for finding in find(tar, Secrets())["secrets"]] == ["etc/secrets/b"]


def test_what_is_not_a_whole_file_is_shown_to_nobody(find: Any, make_tar: MakeTar) -> None:
    """Links and directories have no content, and one that is cut has none that could be believed."""
    link = {"type": tarfile.SYMTYPE, "linkname": "etc/secrets/x"}
    tar = make_tar(("etc/secrets/l", link), ("etc/secrets/d/", {}), ("etc/secrets/e", b""))
    assert find(tar, Secrets()) == {"secrets": []}
    whole = make_tar(("etc/secrets/a", b"x" * 900))
    assert find(whole[:1000], Secrets()) == {"secrets": []}


def test_a_sparse_file_is_shown_with_its_holes(find: Any) -> None:
    """As programs read it."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("etc/secrets/sparse")
        member.pax_headers = {
            "GNU.sparse.major": "0",
            "GNU.sparse.minor": "1",
            "GNU.sparse.size": "700",
            "GNU.sparse.numblocks": "1",
            "GNU.sparse.map": "100,5",
        }
        member.size = 5
        tar.addfile(member, io.BytesIO(b"abcde"))
    (finding,) = find(archive.getvalue(), Secrets())["secrets"]
    assert finding["length"] == 700


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"malformed", {"reason": "malformed", "detail": "as its name says"}),
        (b"crash", {"reason": "failed", "detail": "KeyError: 'a fault of its own'"}),
        (b"x" * 1001, {"reason": "too_large", "detail": "1001 bytes, of which at most 1000 are read"}),
    ],
)
def test_a_file_that_an_analyser_cannot_read_is_a_finding_too(
    content: bytes, problem: dict[str, str], find: Any, make_tar: MakeTar
) -> None:
    """With the reason; what was found before stays, and so do the files around it."""
    tar = make_tar(("etc/secrets/a", b"1"), ("etc/secrets/bad", content), ("etc/secrets/z", b"22"))
    found = find(tar, Secrets(), Rows())
    error = {"kind": "error", "analyser": "secrets", "path": "etc/secrets/bad", **problem}
    assert error in found["secrets"]
    assert [each["length"] for each in found["secrets"] if each["path"] != "etc/secrets/bad"] == [1, 2]
    assert found["rows"] == [{"analyser": "rows", "rows": 3}]


def test_an_analyser_that_breaks_off_is_not_asked_again(find: Any, make_tar: MakeTar) -> None:
    """Over a path, or over the rows: the others go on."""
    names = ["etc/secrets/a", "etc/secrets/poison", "etc/secrets/breaks-rows", "etc/secrets/z"]
    found = find(make_tar(*((name, b"1") for name in names)), Secrets(), Rows(), Everything())
    assert [each.get("reason") for each in found["secrets"]] == [None, "failed"]
    assert [each.get("reason") for each in found["rows"]] == ["failed"]
    assert [each["path"] for each in found["everything"]] == names


def test_only_findings_are_kept(find: Any, make_tar: MakeTar) -> None:
    """Not what lacks the fields of its kind, is no JSON, or is too large."""
    found = find(make_tar(("etc/secrets/a", b"invalid")), Secrets())["secrets"]
    assert [each.get("reason") for each in found] == [None, "invalid", "invalid", "invalid"]


def test_nobody_speaks_for_others(find: Any, make_tar: MakeTar) -> None:
    """The analyser and the path of a finding are set for it; half a character is spelled."""
    (_, forged) = find(make_tar(("etc/secrets/a", b"forged")), Secrets())["secrets"]
    assert forged == {"analyser": "secrets", "path": "etc/secrets/a", "half": "\\ud800"}


def test_one_that_finds_without_end_is_ended(find: Any, make_tar: MakeTar) -> None:
    """So much is kept of one analyser, and the limit is told; the others have theirs."""
    tar = make_tar(("etc/secrets/a", b"endless"), ("etc/secrets/b", b"1"))
    found = find(tar, Secrets(), Everything())
    assert 200 < len(found["secrets"]) < 300
    assert found["secrets"][-1] == {
        "kind": "error",
        "analyser": "secrets",
        "reason": "limit",
        "detail": "16777216 bytes",
    }
    assert len(found["everything"]) == 2


def test_a_second_reading_finds_what_the_first_one_did(tmp_path: Path, find: Any, make_tar: MakeTar) -> None:
    """Also where the only thing to be said is of an entry that is no file."""
    tar = make_tar(("etc/secrets/.wh.a", b"x" * 1001))
    first, digest = find(tar, Secrets()), Digest.of(tar)
    assert first["secrets"]
    commit([tmp_path / "profile"])
    task = LayerTask(digest, "", len(tar))
    again, _ = find_in_profiled_layer(
        tmp_path / "blob", task, tmp_path / "profile", LayerLimits(), [Secrets()]
    )
    assert [msgspec.json.decode(raw) for raw in again["secrets"]] == first["secrets"]


def test_that_the_limit_was_reached_is_not_forgotten(find: Any, make_tar: MakeTar) -> None:
    """Though the file in which it was reached comes again."""
    tar = make_tar(("etc/secrets/a", b"endless"), ("etc/secrets/a", b"1"))
    assert [each["reason"] for each in find(tar, Secrets())["secrets"]] == ["limit"]


def test_findings_that_another_entry_replaces_do_not_count_for_the_limit() -> None:
    """Of a path that comes often all but the last are forgotten."""
    collection = Collection([Everything()])
    for _ in range(400_000):
        collection.file(b"a", b"1")
    assert len(collection.finish()["everything"]) == 1
    for content in (b"1", b"2"):
        collection.file(b"b", content)
    assert [msgspec.json.decode(raw)["last"] for raw in collection.finish()["everything"]] == [49, 50]


def test_rows_are_shown_as_they_are_in_the_profile(find: Any, make_tar: MakeTar) -> None:
    """All kinds of them."""
    tar = make_tar(("a/", {}), ("a/b", b"1"), ("a/.wh.c", b""), ("a/d", {"type": tarfile.FIFOTYPE}))
    assert find(tar, Rows()) == {"rows": [{"analyser": "rows", "rows": 4}]}


@pytest.mark.slow
@given(
    st.lists(st.binary(min_size=1, max_size=20), max_size=3),
    st.lists(st.binary(max_size=20).map(lambda start: start + b"/"), max_size=3),
    st.binary(max_size=20),
)
def test_no_file_that_may_be_wanted_is_missed(
    endings: list[bytes], folders: list[bytes], rest: bytes
) -> None:
    """The filter lets pass what ends or begins as an analyser says, and everything where it says nothing."""
    reader = Secrets()
    reader.endings, reader.folders = tuple(endings), tuple(folders)
    interest = Interest([reader, *([Everything()] if not endings + folders else [])])
    names = [rest + ending for ending in endings]
    names += [root + folder + rest for folder in folders for root in (b"", b"./", b"/")]
    assert all(name in interest for name in names or [rest])
    assert b"another/name" * 3 not in Interest([Secrets()])
