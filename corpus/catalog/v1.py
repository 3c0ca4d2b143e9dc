"""What the image ids of registries of version 1 stand for: they are asked for by no digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from corpus.catalog.database import uninterrupted, upsert
from corpus.catalog.schema import v1_layers
from registry.digests import Digest
from registry.v1_images import V1Layer

if TYPE_CHECKING:
    from corpus.catalog.database import Database


class V1Catalog:
    """Image ids of a registry, and the blobs that came for them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def layer(self, registry: str, image_id: str) -> V1Layer | None:
        """What came for an image id; whether the blobs are still there is for the store to say."""
        query = select(v1_layers).where(v1_layers.c.registry == registry, v1_layers.c.image_id == image_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        return V1Layer(
            row.image_id, Digest(row.json_digest), row.json_bytes, Digest(row.layer_digest), row.layer_bytes
        )

    @uninterrupted
    async def record(self, registry: str, layer: V1Layer) -> None:
        """Keep what came for an image id, at once: after a crash only this row leads to the blobs."""
        row = {
            "registry": registry,
            "image_id": layer.image_id,
            "json_digest": layer.json_digest,
            "json_bytes": layer.json_bytes,
            "layer_digest": layer.digest,
            "layer_bytes": layer.size_bytes,
        }
        changes = ["json_digest", "json_bytes", "layer_digest", "layer_bytes"]
        async with self._database.write() as connection:
            await upsert(connection, v1_layers, [row], key=["registry", "image_id"], update=changes)
