"""Documents of findings: what is written is read back, and is valid by the published schema."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import zstandard

from corpus.profiles import Distribution, Findings, Package, Problem, ProfileError, commit, profile_schema
from corpus.profiles.findings import key_of, read_findings, versions_of, write_findings
from corpus.profiles.stream import temporary_name

PACKAGE = Package(
    analyser="dpkg",
    path="var/lib/dpkg/status",
    type="deb",
    name="base-files",
    version="12.4",
    status="installed",
)
DISTRIBUTION = Distribution(analyser="os-release", path="etc/os-release", id="debian", version_id="12")
PROBLEM = Problem(analyser="rpm", reason="malformed", detail="no database of SQLite")
OTHER = {"analyser": "mine", "kind": "other", "number": 1, "list": [True, None]}
FINDINGS = Findings(
    digest="sha256:" + "0" * 64,
    analysers={"dpkg": 1, "mine": 7},
    findings=(*(msgspec.to_builtins(each) for each in (PACKAGE, DISTRIBUTION, PROBLEM)), OTHER),
)


def document(path: Path) -> dict[str, Any]:
    """The JSON of a document on disk."""
    stream = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(path.read_bytes()))
    found: dict[str, Any] = json.loads(stream.read())
    return found


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Under the temporary name until it is committed; findings of known kinds by these, others as dicts."""
    target = tmp_path / "aa" / "findings.json.zst"
    assert write_findings(FINDINGS, target) == temporary_name(target)
    commit([target])
    found = read_findings(target)
    assert found == FINDINGS
    assert [list(found.of_kind(kind)) for kind in (Package, Distribution, Problem)] == [
        [PACKAGE],
        [DISTRIBUTION],
        [PROBLEM],
    ]
    assert found.findings[-1] == OTHER


def test_a_document_is_valid_by_its_schema(tmp_path: Path) -> None:
    """A finding of a known kind has its fields; one of another kind has what it likes, and an analyser."""
    schema = profile_schema()["findings"]
    written = document(write_findings(FINDINGS, tmp_path / "findings"))
    jsonschema.validate(written, schema)
    wrong: list[dict[str, Any]] = [{"kind": "package", "analyser": "dpkg", "name": "x"}, {"kind": "other"}]
    for each in wrong:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**written, "findings": [each]}, schema)


@pytest.mark.parametrize("content", [b"", b"no zstd", zstandard.compress(b'{"digest":1}\n')])
def test_what_is_no_document_is_refused(content: bytes, tmp_path: Path) -> None:
    """With an error that names what is wrong with it."""
    path = tmp_path / "findings"
    path.write_bytes(content)
    with pytest.raises(ProfileError):
        read_findings(path)


def test_a_key_has_one_form() -> None:
    """Whatever the order."""
    assert key_of({"b": 2, "a-c": 1}) == "a-c=1 b=2"
    assert versions_of(key_of(FINDINGS.analysers)) == FINDINGS.analysers
