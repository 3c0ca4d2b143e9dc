-- name: image_platforms
-- section: images
-- title: Platforms
-- paper: operating system and architecture
-- metric: 25
-- kind: shares
-- unit: images
-- row: one distinct image
-- definition: Operating system, architecture and variant, as its configuration says.
SELECT
    concat_ws('/', coalesce(os, 'unknown'), coalesce(architecture, 'unknown'), nullif(variant, '')) AS label,
    count(*) AS count
FROM distinct_images
GROUP BY label
ORDER BY count DESC, label
