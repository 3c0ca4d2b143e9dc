"""What was fetched, as rows: manifests with what they list, and blobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, case, literal_column, or_

from corpus.catalog.database import IN_CHUNK, Row, upsert
from corpus.catalog.schema import blobs, manifest_children, manifest_layers, manifests
from corpus.records import UNKNOWN, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from corpus.records import FetchedBlob, FetchedManifest
    from registry.manifests import Manifest


async def record_manifests(
    connection: AsyncConnection, fetched: Sequence[FetchedManifest], now: float
) -> None:
    """Record manifests that are in the store, and what they list, in the transaction of ``connection``."""
    manifest_of_each = [each.manifest for each in fetched]
    rows = [_manifest_row(each, now) for each in fetched]
    stored = [_stored_row(manifest, now) for manifest in manifest_of_each]
    children = [row for manifest in manifest_of_each for row in _child_rows(manifest)]
    layers = [row for manifest in manifest_of_each for row in _layer_rows(manifest)]
    await upsert(connection, manifests, rows, key=["digest"])
    kept: dict[str, ColumnElement[Any]] = {
        name: literal_column(f"excluded.{name}")
        for name in ("state", "size_bytes", "reason", "detail", "is_temporary")
    }
    await upsert(connection, blobs, stored, key=["digest"], update=kept | {"role": _role(UNKNOWN)})
    await upsert(connection, manifest_children, children, key=["parent_digest", "position"])
    await upsert(connection, manifest_layers, layers, key=["manifest_digest", "position"])


def _stored_row(manifest: Manifest, now: float) -> Row:
    """The manifest as a blob of the store."""
    return {
        "digest": manifest.blob_digest,
        "role": "manifest",
        "size_bytes": manifest.size_bytes,
        "state": State.DONE,
        "reason": None,
        "detail": None,
        "is_temporary": None,
        "finished_at": now,
    }


def _child_rows(manifest: Manifest) -> list[Row]:
    return [
        {
            "parent_digest": manifest.blob_digest,
            "position": position,
            "digest": child.digest,
            "media_type": _storable(child.media_type),
            "size_bytes": child.size_bytes,
            "platform": _storable(str(child.platform)) if child.platform else None,
        }
        for position, child in enumerate(manifest.children)
    ]


def _layer_rows(manifest: Manifest) -> list[Row]:
    return [
        {
            "manifest_digest": manifest.blob_digest,
            "position": position,
            "digest": layer.digest,
            "media_type": _storable(layer.media_type),
            "size_bytes": layer.size_bytes,
        }
        for position, layer in enumerate(manifest.layers)
    ]


def _manifest_row(fetched: FetchedManifest, now: float) -> Row:
    manifest = fetched.manifest
    return {
        "digest": manifest.blob_digest,
        "canonical_digest": manifest.digest,
        "header_digest": None if fetched.header_digest is None else _storable(fetched.header_digest),
        "content_type": _storable(fetched.content_type),
        "media_type": _storable(manifest.media_type),
        "kind": manifest.kind,
        "size_bytes": manifest.size_bytes,
        "config_digest": manifest.config.digest if manifest.config else None,
        "fetched_at": now,
        "flags": " ".join(sorted(fetched.flags)),
        "artifact_type": None if manifest.artifact_type is None else _storable(manifest.artifact_type),
        "subject_digest": manifest.subject.digest if manifest.subject else None,
    }


def _storable(text: str) -> str:
    r"""Words of a registry as a database takes them: JSON may hold lone surrogates, and ``\x00``."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def _role(*weak: str) -> ColumnElement[str]:
    """The role that a blob has in the catalog, or is given now if that is one of the ``weak``."""
    is_weak = or_(*(blobs.c.role == role for role in weak))
    return case((is_weak, literal_column("excluded.role", Text)), else_=blobs.c.role)


async def record_blobs(connection: AsyncConnection, fetched: Sequence[FetchedBlob], now: float) -> None:
    """Record what became of blobs; one that is in the store stays so, whatever failed for another image."""
    rows: list[Row] = [
        {
            "digest": blob.digest,
            "role": blob.role,
            "size_bytes": blob.size_bytes,
            "state": State.DONE if blob.failure is None else State.FAILED,
            "reason": blob.failure.reason if blob.failure else None,
            "detail": blob.failure.detail if blob.failure else None,
            "is_temporary": blob.failure.is_temporary if blob.failure else None,
            "finished_at": now,
        }
        for blob in {(blob.digest, blob.role, blob.failure): blob for blob in fetched}.values()
    ]
    is_kept = blobs.c.state == State.DONE
    changes: dict[str, ColumnElement[Any]] = {
        name: case((is_kept, blobs.c[name]), else_=literal_column(f"excluded.{name}"))
        for name in ("size_bytes", "state", "reason", "detail", "is_temporary", "finished_at")
    }
    # A blob of an image and of an artifact is the image's: only those of artifacts are not analyzed.
    changes["role"] = _role(UNKNOWN, "artifact")
    for start in range(0, len(rows), IN_CHUNK):
        await upsert(connection, blobs, rows[start : start + IN_CHUNK], key=["digest"], update=changes)
