"""The census of the sample hub, as a newcomer makes it: three commands, and what they leave behind."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import zstandard

from corpus.profiles import profile_schema

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
STAGES = ("crawl", "download", "analyze")


def hubcrawl(data: Path, *arguments: str) -> str:
    """Run the command line as a user does, in a folder without a configuration."""
    command = [str(Path(sys.executable).with_name("hubcrawl")), *arguments, "--data", str(data)]
    done = subprocess.run(command, cwd=data.parent, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("census") / "data"
    for stage in STAGES:
        hubcrawl(data, stage)
    return data


@pytest.fixture(scope="module")
def status(data: Path) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(hubcrawl(data, "status", "--json"))
    return decoded


def test_the_numbers_of_the_census_add_up(status: dict[str, Any]) -> None:
    """Every repository became one image, every image was settled, every layer has a profile."""
    images, layers, repositories = status["images"], status["layers"], status["repositories"]
    assert images["pending"] == layers["pending"] == repositories["pages_pending"] == 0
    assert images["done"] + images["failed"] == repositories["found"]
    assert sum(status["failures"].values()) == images["failed"]
    assert repositories["rows_listed"] > repositories["found"]
    assert status["image_profiles"]["done"] + status["image_profiles"]["failed"] == images["done"]


def test_every_kind_of_misfortune_is_told_apart(status: dict[str, Any]) -> None:
    """No latest tag, deleted, login required, corrupt, truncated, no platform, a name nobody can pull."""
    assert set(status["failures"]) == {
        "no_tag",
        "repo_missing",
        "auth_required",
        "digest_mismatch",
        "size_mismatch",
        "no_platform",
        "invalid_name",
    }
    assert set(status["layer_failures"]) == {"partial", "corrupt", "not_a_layer"}


def test_every_blob_is_what_its_name_says(data: Path, status: dict[str, Any]) -> None:
    """The sha256 of each file is its name, and the catalog counts exactly these files."""
    blobs = [path for path in (data / "blobs").rglob("*") if path.is_file()]
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in blobs)
    assert status["blobs"]["count"] == len(blobs)
    assert status["blobs"]["bytes"] == sum(path.stat().st_size for path in blobs)
    assert list((data / "partial").iterdir()) == []


@pytest.mark.parametrize("kind", ["layer", "image"])
def test_every_profile_is_of_the_published_schema(data: Path, kind: str) -> None:
    """Each document is whole JSON, and valid by the schema in ``docs/schema``."""
    schema = json.loads((ROOT / "docs" / "schema" / f"{kind}-profile.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    paths = sorted((data / "profiles" / f"{kind}s").rglob("*.json.zst"))
    assert paths
    for path in paths:
        with zstandard.open(path, "rb") as file:
            validator.validate(json.load(file))


def test_the_published_schemas_are_current() -> None:
    """``docs/schema`` is what ``hubcrawl schema`` writes: run ``make docs``."""
    for name, schema in profile_schema().items():
        published = (ROOT / "docs" / "schema" / f"{name}.schema.json").read_text()
        assert json.loads(published) == json.loads(json.dumps(schema))


def test_the_index_names_every_image_that_an_oci_layout_can_hold(data: Path) -> None:
    """Each descriptor leads to a blob of its size; schema 1 manifests are kept, but not listed."""
    index = json.loads((data / "index.json").read_text())
    assert json.loads((data / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    assert len(index["manifests"]) > 60
    for descriptor in index["manifests"]:
        blob = data / "blobs" / descriptor["digest"].replace(":", "/")
        assert blob.stat().st_size == descriptor["size"]
        assert json.loads(blob.read_bytes())["schemaVersion"] == 2


def test_the_tables_count_what_the_profiles_count(data: Path, status: dict[str, Any]) -> None:
    """Files, directories and bytes by their rows are those of the summaries, and those of the catalog."""
    assert f"{status['layers']['done'] + status['layers']['failed']} layers" in hubcrawl(data, "report")
    sql = """
        SELECT sum(files) AS files, sum(directories) AS directories, sum(fls_bytes) AS fls_bytes,
               (SELECT count(*) FROM files WHERE is_last AND kind IN ('file', 'hard_link')) AS file_rows,
               (SELECT count(*) FROM directories WHERE path <> '') AS directory_rows,
               (SELECT sum(size_bytes) FROM files WHERE is_last AND kind = 'file') AS bytes_of_rows
        FROM layers"""
    (found,) = json.loads(hubcrawl(data, "query", "--json", sql))
    layers = status["layers"]
    assert found["files"] == found["file_rows"] == layers["files"]
    assert found["directories"] == found["directory_rows"] == layers["directories"]
    assert found["fls_bytes"] == found["bytes_of_rows"] == layers["fls_bytes"]


def test_a_second_run_finds_nothing_to_do_and_writes_no_file_of_the_census(data: Path) -> None:
    """Running any stage again does only what is missing: nothing."""

    def files() -> dict[Path, int]:
        kept = [path for folder in ("blobs", "profiles", "logs") for path in (data / folder).rglob("*")]
        return {path: path.stat().st_mtime_ns for path in [*kept, data / "index.json"]}

    before = files()
    for stage in STAGES:
        assert "nothing to do" in hubcrawl(data, stage)
    assert files() == before
