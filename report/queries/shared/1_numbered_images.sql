-- name: numbered_images
-- definition: Distinct images that were profiled, with numbers in the order of their digests. Official is one
--   that an official repository refers to; null where the hub does not say.
CREATE OR REPLACE TEMP TABLE numbered_images AS
WITH referred AS (
    SELECT i.manifest_digest, bool_or(r.is_official) AS is_official, min(i.fetched_at) AS fetched_at
    FROM images i LEFT JOIN repositories r USING (registry, repository)
    GROUP BY i.manifest_digest
)
SELECT
    (row_number() OVER (ORDER BY manifest_digest))::INTEGER AS image,
    manifest_digest, is_complete, is_official, fetched_at
FROM distinct_images LEFT JOIN referred USING (manifest_digest)
