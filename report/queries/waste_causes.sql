-- name: waste_causes
-- section: images
-- title: Why bytes are not needed
-- paper: -
-- metric: 29
-- kind: table
-- unit: B
-- row: one cause
-- definition: Those bytes by cause, over all analyzed images: overwritten, deleted, written again with other
--   metadata or as they were, or a further copy of a visible file. With the images that have any.
WITH causes AS (
    UNPIVOT (
        SELECT
            reclaimable_overwritten_bytes AS overwritten,
            reclaimable_deleted_bytes AS deleted,
            reclaimable_metadata_only_bytes AS metadata_only,
            reclaimable_identical_rewrite_bytes AS identical_rewrite,
            reclaimable_duplicate_elsewhere_bytes AS duplicate_elsewhere
        FROM analyzed_images
    ) ON COLUMNS(*) INTO NAME cause VALUE bytes
)
SELECT cause, sum(bytes)::BIGINT AS bytes, count(*) FILTER (bytes > 0) AS images
FROM causes
GROUP BY cause
ORDER BY bytes DESC, cause
