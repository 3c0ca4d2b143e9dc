-- name: configuration_formats
-- section: dataset
-- title: Configurations
-- paper: image configurations
-- metric: 6
-- kind: shares
-- unit: images
-- row: one distinct image
-- definition: Where its configuration came from; `history` is schema 1 and version 1, which have none.
SELECT configuration_status AS label, count(*) AS count
FROM distinct_images GROUP BY label ORDER BY count DESC, label
