-- name: image_distributions
-- section: images
-- title: Distributions
-- paper: -
-- metric: 27
-- kind: shares
-- unit: images
-- row: one analyzed image
-- definition: The distribution that the file system of a container names in os-release, and its version.
SELECT 'distribution' AS series, coalesce(distribution_id, 'none named') AS label, count(*) AS count
FROM analyzed_images GROUP BY label
UNION ALL
(SELECT 'version', concat_ws(' ', distribution_id, nullif(distribution_version, '')), count(*)
FROM analyzed_images WHERE distribution_id IS NOT NULL GROUP BY ALL)
ORDER BY series, count DESC, label
