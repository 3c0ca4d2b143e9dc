"""How a catalog written by an earlier version is brought up to date; nothing in it is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# A rule of format 1 was "all", or names separated by commas; what a repository has besides, a list named.
_CHOSE_IT = (
    "r.id = repository_id AND "
    "(r.tags_rule = 'all' OR instr(',' || replace(r.tags_rule, ' ', '') || ',', ',' || reference || ','))"
)

# By the format they start from: what existing tables lack, indexes included. New tables are created from
# the schema.
MIGRATIONS: Mapping[int, Sequence[str]] = {
    1: (
        "ALTER TABLE images ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE images ADD COLUMN retry_at FLOAT",
        "ALTER TABLE images ADD COLUMN tags_rule TEXT",
        "ALTER TABLE images ADD COLUMN missed_platforms TEXT",
        "UPDATE images SET attempts = 1, retry_at = finished_at WHERE state = 'failed' AND is_temporary",
        f"UPDATE images SET tags_rule = (SELECT tags_rule FROM repositories AS r WHERE {_CHOSE_IT})",  # noqa: S608 - our own words
        "ALTER TABLE repositories ADD COLUMN gone_at FLOAT",
        "ALTER TABLE manifests ADD COLUMN flags TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE manifests ADD COLUMN artifact_type TEXT",
        "ALTER TABLE manifests ADD COLUMN subject_digest TEXT",
        "CREATE INDEX manifests_by_canonical_digest ON manifests (canonical_digest)",
        "CREATE INDEX image_manifests_by_manifest ON image_manifests (manifest_digest)",
    ),
    2: (
        "ALTER TABLE layer_profiles ADD COLUMN analysers TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE layer_profiles ADD COLUMN diffid TEXT",
        "ALTER TABLE image_profiles ADD COLUMN surroundings TEXT",
        "CREATE INDEX blobs_by_size ON blobs (coalesce(size_bytes, 0) DESC, digest)",
    ),
}
