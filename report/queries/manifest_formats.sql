-- name: manifest_formats
-- section: dataset
-- title: Formats of manifests
-- paper: manifest versions
-- metric: 6
-- kind: shares
-- unit: images
-- row: one distinct image
-- definition: What its manifest is, by its content.
SELECT kind AS label, count(*) AS count FROM distinct_images GROUP BY label ORDER BY count DESC, label
