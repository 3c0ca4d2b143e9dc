-- name: layer_age
-- section: layers
-- title: Age of the newest file of a layer
-- paper: mtime
-- metric: 37
-- kind: distribution
-- unit: days
-- axis: log
-- row: one analyzed layer that an image lists
-- definition: Days from the newest time of modification in it until an image with it was first fetched; none
--   where there is no entry, or all times are of 1980 or before (no time was kept), or one is later than
--   that.
WITH fetched AS (
    SELECT number, epoch(min(fetched_at))::BIGINT AS fetched_s
    FROM layer_images JOIN numbered_images USING (image)
    GROUP BY number
)
SELECT
    CASE WHEN newest_mtime_s > 347155200 AND newest_mtime_s <= fetched_s
        THEN (fetched_s - newest_mtime_s) // 86400 END AS value,
    is_official
FROM analyzed_layers JOIN fetched USING (number)
