"""How a catalog written by an earlier version is brought up to date; nothing in it is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# By the format they start from: what existing tables lack, indexes included. New tables are created from
# the schema.
MIGRATIONS: Mapping[int, Sequence[str]] = {
    1: (
        "ALTER TABLE images ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE images ADD COLUMN retry_at FLOAT",
        "UPDATE images SET attempts = 1, retry_at = finished_at WHERE state = 'failed' AND is_temporary",
        "ALTER TABLE repositories ADD COLUMN gone_at FLOAT",
        "ALTER TABLE manifests ADD COLUMN flags TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE manifests ADD COLUMN artifact_type TEXT",
        "ALTER TABLE manifests ADD COLUMN subject_digest TEXT",
        "CREATE INDEX manifests_by_canonical_digest ON manifests (canonical_digest)",
        "CREATE INDEX image_manifests_by_manifest ON image_manifests (manifest_digest)",
    ),
}
