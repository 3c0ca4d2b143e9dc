"""Censuses written by hand: layers and images whose every row is known, and the catalog that knows them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from corpus.catalog import open_catalog
from corpus.layout import Layout
from corpus.profiles import (
    ConfigurationStatus,
    Directory,
    Entry,
    Findings,
    ImageLayer,
    ImageProfile,
    Kind,
    LayerCounts,
    LayerProfileWriter,
    LayerStatus,
    LayerSummary,
    Package,
    temporary_name,
    write_findings,
    write_image_profile,
)
from corpus.profiles.image import IMAGE_VERSION
from corpus.profiles.layer import LAYER_VERSION
from registry.digests import Digest
from report.settings import ReportSettings
from report.tables import TABLES
from report.tables.engine import TablesEngine, TablesSummary

REGISTRY = "registry.test"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest_of(name: str) -> Digest:
    """The digest of something that was never made."""
    return Digest.of(name.encode())


def a_file(path: str, content: str = "", **others: Any) -> Entry:
    """A file with this content."""
    fields = {"size_bytes": len(content), "sha256": digest_of(content).encoded, **others}
    return Entry(path, Kind.FILE, **fields)


def take_name(target: Path) -> None:
    """Give a file written under a temporary name its own, without a sync."""
    temporary_name(target).replace(target)


class Census:
    """A data directory in the making."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self.layout.ensure()
        asyncio.run(self._begin())
        self.insert("registries", name=REGISTRY, source=f"registry=http://{REGISTRY}")

    async def _begin(self) -> None:
        async with open_catalog(self.layout):
            pass

    def insert(self, table: str, **row: Any) -> None:
        """Put a row into the catalog, in the place of one with the same key."""
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        self.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", *row.values())  # noqa: S608 - names of ours

    def execute(self, statement: str, *values: Any) -> None:
        """Change the catalog."""
        with closing(sqlite3.connect(self.layout.catalog)) as catalog, catalog:
            catalog.execute("PRAGMA synchronous = OFF")  # nothing here is worth keeping
            catalog.execute(statement, values)

    def layer(
        self,
        name: str,
        entries: Sequence[Entry] = (),
        directories: Sequence[Directory] = (Directory("", 0),),
        *,
        at: float = 1.0,
        packages: Sequence[Package] = (),
        **summary: Any,
    ) -> str:
        """Profile a layer; returns its digest."""
        digest = digest_of(name)
        counts = LayerCounts(
            entries=len(entries),
            files=sum(entry.kind == Kind.FILE for entry in entries),
            directories=len(directories) - 1,
            duplicate_entries=sum("duplicate" in entry.flags for entry in entries),
        )
        facts = {"media_type": OCI_LAYER, "status": LayerStatus.COMPLETE, "counts": counts, **summary}
        target = self.layout.layer_profile(digest)
        with LayerProfileWriter(target) as writer:
            writer.entries(list(entries))
            writer.directories(directories)
            writer.finish(LayerSummary(digest=str(digest), **facts))
        take_name(target)
        if packages:
            self._find(digest, packages)
        self._profiled("layer_profiles", digest, LAYER_VERSION, at)
        analysers = "dpkg=1" if packages else ""
        self.execute("UPDATE layer_profiles SET analysers = ? WHERE digest = ?", analysers, str(digest))
        return str(digest)

    def image(self, repository: str, digests: Sequence[str], *, at: float = 1.0, **profile: Any) -> str:
        """Fetch and profile an image, tagged ``latest``; returns the digest of its manifest."""
        digest = digest_of(f"manifest of {repository} {' '.join(digests)}")
        facts = {
            "layers": tuple(ImageLayer(digest=layer, media_type=OCI_LAYER) for layer in digests),
            "configuration_status": ConfigurationStatus.READ,
            **profile,
        }
        written = ImageProfile(
            digest=str(digest),
            blob_digest=str(digest),
            kind="oci_manifest",
            schema_version=2,
            media_type="application/vnd.oci.image.manifest.v1+json",
            **facts,
        )
        write_image_profile(written, self.layout.image_profile(digest))
        take_name(self.layout.image_profile(digest))
        self._profiled("image_profiles", digest, IMAGE_VERSION, at)
        number = self.repository(repository)
        self.reference(number, "latest", str(digest), at)
        return str(digest)

    def repository(self, name: str, **columns: Any) -> int:
        """List a repository; returns its number."""
        number = int(digest_of(name).encoded[:10], 16)
        facts = {"is_pullable": 1, "first_seen_at": 1.0, "last_seen_at": 2.0, **columns}
        self.insert("repositories", id=number, registry=REGISTRY, name=name, **facts)
        return number

    def reference(self, repository: int, reference: str, manifest: str, at: float = 1.0) -> None:
        """Have a reference of a repository lead to a manifest."""
        number = int(digest_of(f"{repository} {reference}").encoded[:10], 16)
        row = {"repository_id": repository, "reference": reference, "root_digest": manifest}
        self.insert("images", id=number, state="done", finished_at=at, **row)
        self.insert("image_manifests", image_id=number, manifest_digest=manifest)

    def update(self, *, rows_per_part: int = 2_000_000, anew: bool = False) -> TablesSummary:
        """Bring the tables up to date."""

        async def run() -> TablesSummary:
            settings = ReportSettings(threads=1, rows_per_part=rows_per_part)
            async with open_catalog(self.layout) as catalog:
                return await TablesEngine(catalog, self.layout, settings, anew=anew).run()

        return asyncio.run(run())

    def rows(self, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
        """The rows of a table as any engine reads them: all files of its folder."""
        files = self.layout.tables / table / "*.parquet"
        query = f"SELECT {columns} FROM read_parquet('{files}')"  # noqa: S608 - as above
        return duckdb.execute(query).fetchall()

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables, in an order that does not depend on that of parts."""
        return {table.name: sorted(self.rows(table.name), key=repr) for table in TABLES}

    def files(self) -> dict[str, int]:
        """Every file below the folder of the tables, and when it was written."""
        tables = self.layout.tables
        paths = [path for path in tables.rglob("*") if path.is_file()]
        return {path.relative_to(tables).as_posix(): path.stat().st_mtime_ns for path in paths}

    def _find(self, digest: Digest, packages: Sequence[Package]) -> None:
        found = tuple(
            {"analyser": "dpkg", **msgspec.to_builtins(package), "path": "status"} for package in packages
        )
        others = ({"kind": "distribution", "analyser": "os-release", "id": "debian"}, {"analyser": "mine"})
        path = self.layout.findings(digest)
        write_findings(Findings(digest=str(digest), analysers={"dpkg": 1}, findings=(*found, *others)), path)
        take_name(path)

    def _profiled(self, table: str, digest: Digest, version: int, at: float) -> None:
        row = {"profile_version": version, "duration_s": 0.5, "finished_at": at}
        self.insert(table, digest=str(digest), state="done", status="complete", **row)


def populate(census: Census, layers: int = 12, files: int = 3) -> list[str]:
    """Layers with a few files each, some contents in several of them, and an image of each two of them."""
    digests = [
        census.layer(
            f"layer {number}",
            [
                a_file(f"usr/{number}/{each}", f"content {(number * each) % 7}", offset_bytes=1024 * each)
                for each in range(files)
            ],
            [Directory("", 0, directories=1), Directory("usr", 1, files=files)],
            at=1.0 + number,
        )
        for number in range(layers)
    ]
    for number in range(0, layers, 2):
        census.image(f"team/image-{number}", digests[number : number + 2])
    return digests
