"""Profile files: one valid JSON document, written and read as a stream, published with its schema."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import jsonschema
import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from corpus.profiles import (
    Configuration,
    ConfigurationStatus,
    Directory,
    Entry,
    EntryFlag,
    ImageLayer,
    ImageProfile,
    Kind,
    LayerProfileWriter,
    LayerReason,
    LayerStatus,
    LayerSummary,
    ProfileError,
    bytes_of,
    commit,
    iter_directories,
    iter_entries,
    profile_schema,
    read_image_profile,
    read_layer_profile,
    read_summary,
    temporary_name,
    text_of,
    write_image_profile,
)

if TYPE_CHECKING:
    from pathlib import Path

SUMMARY = LayerSummary(
    digest="sha256:" + "a" * 64,
    media_type="application/vnd.oci.image.layer.v1.tar",
    status=LayerStatus.PARTIAL,
    reason=LayerReason.TRUNCATED,
)
ENTRIES = [
    Entry("etc", Kind.DIRECTORY, mode=0o755),
    Entry("etc/passwd", Kind.FILE, 5, sha256="b" * 64, group="text", type="ascii", method="text"),
    Entry("a\\xff", Kind.SYMLINK, link="x", flags=(EntryFlag.NOT_UTF8,), device=None, xattrs={"user.a": "b"}),
    Entry("dev/null", Kind.CHARACTER_DEVICE, device=(1, 3), mtime_s=-5, mtime_ns=7, stored_bytes=0),
]
DIRECTORIES = [Directory("", 0, directories=1), Directory("etc", 1, is_explicit=True, files=1, bytes=5)]
IMAGE = ImageProfile(
    digest="sha256:" + "a" * 64,
    blob_digest="sha256:" + "a" * 64,
    kind="oci_manifest",
    schema_version=2,
    media_type="application/vnd.oci.image.manifest.v1+json",
    configuration_status=ConfigurationStatus.READ,
    configuration=Configuration(environment=("A=b",), labels={"a": "b"}),
    layers=(ImageLayer(digest="sha256:" + "b" * 64, media_type="x", size_bytes=None),),
)


def _write(
    target: Path, entries: list[Entry] | None = None, directories: list[Directory] | None = None
) -> Path:
    with LayerProfileWriter(target) as writer:
        for entry in ENTRIES if entries is None else entries:
            writer.entries([entry])
        writer.directories(DIRECTORIES if directories is None else directories)
        writer.finish(SUMMARY)
    commit([target])
    return target


def _document(path: Path) -> bytes:
    with path.open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()


def test_a_profile_is_one_json_document_with_a_line_per_row(tmp_path: Path) -> None:
    """The file is a valid JSON document: the summary in the first line, then one line per row."""
    document = _document(_write(tmp_path / "aa" / "profile"))
    lines = document.decode().splitlines()
    assert len(lines) == 1 + len(ENTRIES) + 1 + len(DIRECTORIES) + 1
    parsed = json.loads(document)
    assert [entry["path"] for entry in parsed["entries"]] == ["etc", "etc/passwd", "a\\xff", "dev/null"]
    assert json.loads(lines[1].rstrip(",")) == parsed["entries"][0]
    assert "size_bytes" not in parsed["entries"][0]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Whole or as a stream, the rows and the summary are those that were written."""
    path = _write(tmp_path / "profile")
    whole = read_layer_profile(path)
    assert (list(whole.entries), list(whole.directories)) == (ENTRIES, DIRECTORIES)
    assert list(iter_entries(path)) == ENTRIES
    assert list(iter_directories(path)) == DIRECTORIES
    assert read_summary(path) == SUMMARY
    assert (whole.status, whole.reason) == (SUMMARY.status, SUMMARY.reason)


def test_tables_may_be_empty(tmp_path: Path) -> None:
    """A profile without rows is a document too."""
    path = _write(tmp_path / "profile", [], [])
    assert json.loads(_document(path))["entries"] == []
    assert not list(iter_entries(path))
    assert not list(iter_directories(path))


def test_many_rows_are_a_stream(tmp_path: Path) -> None:
    """Rows beyond every buffer come back in order, and the summary needs only the first line."""
    entries = [
        Entry(f"file {number}", Kind.FILE, number, sha256=f"{number:064x}") for number in range(20_000)
    ]
    path = _write(tmp_path / "profile", entries)
    assert list(iter_entries(path)) == entries
    assert list(iter_directories(path)) == DIRECTORIES
    cut = tmp_path / "cut"
    cut.write_bytes(path.read_bytes()[:5000])
    assert read_summary(cut) == SUMMARY


def test_a_profile_has_its_name_only_when_committed(tmp_path: Path) -> None:
    """Until it is committed a profile lies beside its place, and nothing else is left there."""
    target = tmp_path / "aa" / "profile"
    with LayerProfileWriter(target) as writer:
        writer.directories(())
        temporary = writer.finish(SUMMARY)
    assert temporary == temporary_name(target)
    assert [path.name for path in target.parent.iterdir()] == ["profile.partial"]
    commit([target])
    assert [path.name for path in target.parent.iterdir()] == ["profile"]


def test_an_abandoned_profile_leaves_nothing(tmp_path: Path) -> None:
    """A writer that does not finish leaves no file, however much was written."""
    with pytest.raises(KeyError), LayerProfileWriter(tmp_path / "profile") as writer:
        for number in range(30_000):
            writer.entries([Entry(f"{number:040x}", Kind.FILE, sha256=f"{number * 7919:064x}")])
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_truncated_profiles_are_noticed(tmp_path: Path) -> None:
    """A profile cut anywhere never reads as a shorter one."""
    path = _write(tmp_path / "profile")
    whole = path.read_bytes()
    # The last bytes are the check sum of a document that is whole without them.
    for length in range(len(whole) - 8):
        path.write_bytes(whole[:length])
        with pytest.raises(ProfileError):
            list(iter_directories(path))
        with pytest.raises(ProfileError):
            read_layer_profile(path)


def test_corrupt_profiles_are_noticed(tmp_path: Path) -> None:
    """A changed byte in the compressed rows is noticed by the check sum."""
    path = _write(tmp_path / "profile")
    changed = bytearray(path.read_bytes())
    changed[-20] ^= 1
    path.write_bytes(changed)
    with pytest.raises(ProfileError):
        read_layer_profile(path)


def test_image_profiles_are_written_and_read(tmp_path: Path) -> None:
    """An image profile comes back as it was written."""
    target = tmp_path / "aa" / "image"
    assert write_image_profile(IMAGE, target) == temporary_name(target)
    commit([target])
    assert read_image_profile(target) == IMAGE
    with pytest.raises(ProfileError):
        read_summary(target)


def test_half_a_character_is_spelled(tmp_path: Path) -> None:
    """JSON may name half of a surrogate pair, which UTF-8 cannot hold: the profile spells it, and is kept."""
    target = tmp_path / "image"
    configuration = Configuration(user="a\ud800b", labels={"\udfff": "\u00e9"})
    write_image_profile(msgspec.structs.replace(IMAGE, configuration=configuration), target)
    commit([target])
    found = read_image_profile(target)
    assert found.configuration == Configuration(user="a\\ud800b", labels={"\\udfff": "\u00e9"})
    assert msgspec.structs.replace(found, configuration=IMAGE.configuration) == IMAGE


def test_a_row_that_is_none_is_noticed(tmp_path: Path) -> None:
    """A line that is no row is an error of the profile, as everything else that is wrong with it."""
    path = _write(tmp_path / "profile")
    text = zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True).read()
    path.write_bytes(zstandard.compress(text.replace(b'"kind":"', b'"kind":"no_', 1)))
    with pytest.raises(ProfileError):
        list(iter_entries(path))


def test_summaries_go_between_processes() -> None:
    """A summary can be pickled."""
    assert pickle.loads(pickle.dumps(SUMMARY)) == SUMMARY  # noqa: S301 - our own bytes


def test_documents_match_their_schema(tmp_path: Path) -> None:
    """Real documents are valid by the published JSON Schemas, and others are not."""
    schemas = profile_schema()
    layer = json.loads(_document(_write(tmp_path / "profile")))
    jsonschema.validate(layer, schemas["layer-profile"])
    write_image_profile(IMAGE, tmp_path / "image")
    jsonschema.validate(json.loads(_document(temporary_name(tmp_path / "image"))), schemas["image-profile"])
    layer["status"] = "fine"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(layer, schemas["layer-profile"])


def _fields(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{name}.{field}", body)
        for name, definition in schema["$defs"].items()
        for field, body in definition.get("properties", {}).items()
    ]


@pytest.mark.parametrize("document", ["layer-profile", "image-profile", "findings"])
def test_every_field_is_described(document: str) -> None:
    """Each field of the schemas has a sentence, and each field with a unit in its name has that unit."""
    units = {"_bytes": "B", "_s": "s", "_ns": "ns", "_ratio": "B/B"}
    fields = _fields(profile_schema()[document])
    assert len(fields) > 25
    for name, body in fields:
        assert body.get("description", "").endswith("."), name
        for ending, unit in units.items():
            if name.endswith(ending):
                assert body["unit"] == unit, name


@given(st.binary(max_size=60))
def test_names_can_be_undone(raw: bytes) -> None:
    """Any bytes come back from their text, which is JSON and has no control character."""
    text = text_of(raw)
    assert bytes_of(text) == raw
    assert json.loads(json.dumps(text)) == text
    text.encode()
    assert not any(ord(character) < 32 or ord(character) == 127 for character in text)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"usr/bin", "usr/bin"),
        ("grüße".encode(), "grüße"),
        (b"a\xff", "a\\xff"),
        (b"a\\xff", "a\\\\xff"),
        (b"a\nb\0", "a\\x0ab\\x00"),
        (b"\xed\xb2\x80", "\\xed\\xb2\\x80"),
        ("\u00a0".encode(), "\u00a0"),
    ],
)
def test_the_escape(raw: bytes, text: str) -> None:
    """Backslashes, control characters and bytes that are not UTF-8 are escaped, nothing else."""
    assert text_of(raw) == text
