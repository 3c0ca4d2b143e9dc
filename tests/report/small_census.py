"""A census so small that every statistic of it can be worked out by hand.

Five layers, of which one is corrupt (its rows count nowhere) and one is empty::

    base     bin/sh 100 B (sh)   etc/a 10 B (ten)   etc/b 10 B (ten)   etc/none 0 B (nothing)
    app      usr/bin/sh 100 B (sh)   usr/x.py 50 B (script)   usr/old: twice, 7 B (old) and 0 B as a symlink
    data     d.gz 1000 B (packed)   d2, a hard link to it
    empty    no entry
    broken   bin/sh 100 B (sh), then its end

and four images, each of one repository's tag:

    library/base:latest   base, empty                official, 1000 pulls
    a/b-c:latest          base, app, empty, app      30 pulls
    a-b/c:latest          base, data                 20 pulls
    a-b/c:old             base, broken               the same repository
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from report.tables import TABLES

Rows = Sequence[Mapping[str, Any]]
_COLUMNS = {table.name: {column.name: column.type for column in table.columns} for table in TABLES}


def digest(name: str) -> str:
    return "sha256:" + sha256(name.encode()).hexdigest()


def content(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def file(layer: str, path: str, what: str, size: int, kind: tuple[str, str], **others: Any) -> dict[str, Any]:
    group, name = kind
    return {
        "layer": digest(layer),
        "path": path,
        "kind": "file",
        "size_bytes": size,
        "uid": 0,
        "mtime_s": 1_500_000_000,
        "sha256": content(what),
        "type_group": group,
        "type": name,
        "method": "signature",
        "flags": "",
        "is_last": True,
    } | others


_COUNTS = ("files", "regular_files", "hard_links", "symlinks", "directories", "fifos", "whiteouts")
_NO_COUNTS = ("character_devices", "block_devices", "opaques", "others")


def layer(name: str, sizes: Sequence[int], counts: Mapping[str, int], **others: Any) -> dict[str, Any]:
    cls_bytes, als_bytes, fls_bytes = sizes
    return {
        "layer": digest(name),
        "media_type": "application/vnd.oci.image.layer.v1.tar+gzip",
        "compression": "gzip",
        "status": "complete",
        "flags": "",
        "producer": "go",
        "cls_bytes": cls_bytes,
        "als_bytes": als_bytes,
        "fls_bytes": fls_bytes,
        "fls_cls_ratio": fls_bytes / cls_bytes,
        "als_cls_ratio": als_bytes / cls_bytes,
        "max_depth": 0,
        "min_depth": 0,
        "mean_depth": 0.0,
        "median_depth": 0.0,
        "newest_mtime_s": 1_490_000_000,
        "is_empty": False,
        **dict.fromkeys((*_COUNTS, *_NO_COUNTS), 0),
        **counts,
        **others,
    }


def directory(
    layer_name: str, path: str, depth: int, files: int, all_files: int, size: int
) -> dict[str, Any]:
    return {
        "layer": digest(layer_name),
        "path": path,
        "depth": depth,
        "files": files,
        "recursive_files": all_files,
        "recursive_bytes": size,
    }


_ELF, _TEXT, _EMPTY = ("eol", "elf_executable"), ("text", "ascii"), ("empty", "empty")
_PYTHON, _GZIP = ("script", "python"), ("archive", "gzip")

LAYERS = [
    layer(
        "base",
        (100, 4096, 120),
        {"files": 4, "regular_files": 4, "directories": 2},
        max_depth=1,
        min_depth=1,
        mean_depth=1.0,
        median_depth=1.0,
    ),
    layer(
        "app",
        (200, 3072, 150),
        {"files": 2, "regular_files": 2, "symlinks": 1, "directories": 2},
        flags="trailing_zeros no_end_blocks",
        max_depth=2,
        min_depth=1,
        mean_depth=1.5,
        median_depth=1.5,
        newest_mtime_s=0,
    ),
    layer(
        "data",
        (2000, 2048, 1000),
        {"files": 2, "regular_files": 1, "hard_links": 1},
        compression="zstd",
        producer=None,
    ),
    layer("empty", (32, 1024, 0), {}, is_empty=True, newest_mtime_s=None),
    layer("broken", (300, 512, 100), {"files": 1}, status="corrupt", reason="crc"),
]

FILES = [
    file("base", "bin/sh", "sh", 100, _ELF, flags="setuid world_writable"),
    file("base", "etc/a", "ten", 10, _TEXT),
    file("base", "etc/b", "ten", 10, _TEXT, uid=100),
    file("base", "etc/none", "nothing", 0, _EMPTY),
    file("app", "usr/bin/sh", "sh", 100, _ELF),
    file("app", "usr/x.py", "script", 50, _PYTHON, uid=1000, mtime_s=0, method="shebang"),
    file("app", "usr/old", "old", 7, _TEXT, is_last=False),
    {
        "layer": digest("app"),
        "path": "usr/old",
        "kind": "symlink",
        "size_bytes": 0,
        "flags": "duplicate",
        "is_last": True,
        "uid": 0,
        "mtime_s": 0,
    },
    file("data", "d.gz", "packed", 1000, _GZIP),
    {
        "layer": digest("data"),
        "path": "d2",
        "kind": "hard_link",
        "size_bytes": 0,
        "flags": "",
        "is_last": True,
        "uid": 0,
        "mtime_s": 0,
    },
    file("broken", "bin/sh", "sh", 100, _ELF, flags="setgid"),
]

DIRECTORIES = [
    directory("base", "", 0, 0, 4, 120),
    directory("base", "bin", 1, 1, 1, 100),
    directory("base", "etc", 1, 3, 3, 20),
    directory("app", "", 0, 0, 2, 150),
    directory("app", "usr", 1, 1, 2, 150),
    directory("app", "usr/bin", 2, 1, 1, 100),
    directory("data", "", 0, 2, 2, 1000),
    directory("empty", "", 0, 0, 0, 0),
    directory("broken", "bin", 1, 1, 1, 100),
]

_LAYERS_OF = {
    "one": ["base", "empty"],
    "two": ["base", "app", "empty", "app"],
    "three": ["base", "data"],
    "four": ["base", "broken"],
}
_STEPS = {
    "base": "/bin/sh -c #(nop) ADD file:1 in / ",
    "app": "RUN make install",
    "empty": "/bin/sh -c apt-get update",
    "data": None,
    "broken": "something",
}
IMAGE_LAYERS = [
    {
        "manifest_digest": digest(image),
        "position": position,
        "layer": digest(name),
        "size_bytes": next(each["cls_bytes"] for each in LAYERS if each["layer"] == digest(name)),
        "created_by": _STEPS[name],
    }
    for image, names in _LAYERS_OF.items()
    for position, name in enumerate(names)
]

_PROFILED: dict[str, Any] = {
    "is_complete": True,
    "kind": "oci_manifest",
    "configuration_status": "read",
    "os": "linux",
    "architecture": "amd64",
    "variant": "",
    "user_name": "",
    "entrypoint": "[]",
    "command": "[]",
    "exposed_ports": "[]",
    "volumes": "[]",
    "labels": "{}",
    "environment": "[]",
    "working_directory": "",
    "on_build": "[]",
    "empty_layers": 0,
}
_WASTE = ("overwritten", "deleted", "metadata_only", "identical_rewrite", "duplicate_elsewhere")


def _image(name: str, counts: Sequence[int], sizes: Sequence[int], **others: Any) -> dict[str, Any]:
    """``counts`` are layers, distinct layers, files and directories; ``sizes`` CIS, AIS and FIS."""
    references, distinct, files, directories = counts
    cis, ais, fis = sizes
    waste = {f"reclaimable_{cause}_bytes": 0 for cause in _WASTE} | {"reclaimable_total_bytes": 0}
    return (
        {"manifest_digest": digest(name)}
        | _PROFILED
        | waste
        | {
            "layers": references,
            "distinct_layers": distinct,
            "files": files,
            "directories": directories,
            "cis_bytes": cis,
            "ais_bytes": ais,
            "fis_bytes": fis,
            "ais_cis_ratio": ais / cis,
            "fis_cis_ratio": fis / cis,
        }
        | others
    )


DISTINCT_IMAGES = [
    _image(
        "one",
        (2, 2, 4, 2),
        (132, 5120, 120),
        empty_layers=1,
        max_depth=1,
        merged_files=4,
        merged_directories=2,
        created_at=datetime(2017, 5, 1),  # noqa: DTZ001 - tables have UTC without a zone
        distribution_id="debian",
        distribution_version="12",
        packages=2,
        dive_score=1.0,
        reclaimable_duplicate_elsewhere_bytes=12,
        reclaimable_total_bytes=12,
    ),
    _image(
        "two",
        (4, 3, 6, 4),
        (332, 8192, 270),
        empty_layers=1,
        max_depth=2,
        merged_files=5,
        merged_directories=4,
        created_at=datetime(2017, 5, 9),  # noqa: DTZ001
        distribution_id="debian",
        distribution_version="12",
        packages=3,
        dive_score=0.5,
        base_chain_id=digest("chain"),
        base_layers=1,
        base_manifests=f'["{digest("one")}"]',
        user_name="app:app",
        entrypoint='["sh"]',
        reclaimable_overwritten_bytes=27,
        reclaimable_total_bytes=27,
    ),
    _image(
        "three",
        (2, 2, 6, 2),
        (2100, 6144, 1120),
        max_depth=1,
        merged_files=6,
        merged_directories=2,
        created_at=datetime(1970, 1, 1),  # noqa: DTZ001
        packages=0,
        dive_score=1.0,
        kind="schema1_signed",
        configuration_status="history",
        architecture="arm",
        variant="v7",
    ),
    _image(
        "four",
        (2, 2, 4, 2),
        (100, 4096, 120),
        is_complete=False,
        merge_gap="damaged_layer",
        configuration_status="missing",
    ),
]


def _reference(repository: str, reference: str, name: str) -> dict[str, Any]:
    profiled = next(each for each in DISTINCT_IMAGES if each["manifest_digest"] == digest(name))
    return {
        "registry": "docker.io",
        "repository": repository,
        "reference": reference,
        "fetched_at": datetime(2017, 5, 31),  # noqa: DTZ001
        "root_digest": digest(name),
        "is_profiled": True,
    } | profiled


IMAGES = [
    _reference("library/base", "latest", "one"),
    _reference("a/b-c", "latest", "two"),
    _reference("a-b/c", "latest", "three"),
    _reference("a-b/c", "old", "four"),
]


def _repository(name: str, state: str, pulls: int | None, **others: Any) -> dict[str, Any]:
    return {
        "registry": "docker.io",
        "repository": name,
        "is_official": False,
        "is_pullable": True,
        "pulls": pulls,
        "stars": 0,
        "last_updated_at": datetime(2017, 5, 1),  # noqa: DTZ001
        "last_seen_at": datetime(2017, 5, 31),  # noqa: DTZ001
        "times_listed": 1,
        "images": 1,
        "state": state,
    } | others


REPOSITORIES = [
    _repository(
        "library/base",
        "done",
        1000,
        is_official=True,
        stars=10,
        times_listed=2,
        registered_at=datetime(2017, 1, 10),  # noqa: DTZ001
        last_updated_at=datetime(2017, 5, 30),  # noqa: DTZ001
    ),
    _repository("a/b-c", "done", 30, registered_at=datetime(2017, 1, 20)),  # noqa: DTZ001
    _repository("a-b/c", "done", 20, images=2, registered_at=datetime(2017, 2, 1)),  # noqa: DTZ001
    _repository("x/untagged", "failed", 0, images=0, times_listed=3, failure_class="no_latest"),
    _repository("x/secret", "failed", None, failure_class="auth"),
    _repository("x/waiting", "pending", 10),
]

PACKAGES = [
    {"layer": digest("base"), "type": "deb", "name": "dash", "version": "1", "status": "installed"},
    {"layer": digest("app"), "type": "deb", "name": "dash", "version": "2", "status": "installed"},
    {"layer": digest("app"), "type": "deb", "name": "gone", "version": "1", "status": "config-files"},
    {"layer": digest("app"), "type": "npm", "name": "left-pad", "version": "1", "status": "installed"},
]

FAILURES = [
    {"stage": "download", "unit": "image", "reason": "no_tag"},
    {"stage": "download", "unit": "image", "reason": "auth_required"},
    {"stage": "analyze", "unit": "layer", "reason": "corrupt"},
]

CENSUS: Mapping[str, Rows] = {
    "repositories": REPOSITORIES,
    "images": IMAGES,
    "distinct_images": DISTINCT_IMAGES,
    "image_layers": IMAGE_LAYERS,
    "layers": LAYERS,
    "directories": DIRECTORIES,
    "files": FILES,
    "packages": PACKAGES,
    "failures": FAILURES,
}


def attach(connection: duckdb.DuckDBPyConnection, census: Mapping[str, Rows]) -> None:
    """Have the tables of a census in a database, empty where it has none."""
    for name, columns in _COLUMNS.items():
        typed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        connection.execute(f"CREATE TABLE {name} ({typed})")
        for row in census.get(name, ()):
            _insert(connection, name, row)


def _insert(connection: duckdb.DuckDBPyConnection, name: str, row: Mapping[str, Any]) -> None:
    unknown = row.keys() - _COLUMNS[name].keys()
    assert not unknown, (name, unknown)
    columns = ", ".join(f'"{column}"' for column in row)
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {name} ({columns}) VALUES ({marks})", list(row.values()))  # noqa: S608


def write_parts(folder: Path, parts: Iterable[Mapping[str, Rows]]) -> None:
    """Write each of ``parts`` as one Parquet file of each table."""
    for number, part in enumerate(parts):
        with duckdb.connect() as connection:
            attach(connection, part)
            for name in _COLUMNS:
                (folder / name).mkdir(parents=True, exist_ok=True)
                connection.execute(f"COPY {name} TO '{folder / name / str(number)}.parquet'")


def attach_parts(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Have the tables that :func:`write_parts` wrote as views."""
    for name in _COLUMNS:
        files = [str(path) for path in sorted((folder / name).iterdir())]
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({files})")  # noqa: S608
