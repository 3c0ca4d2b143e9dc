-- name: image_shared_layers
-- section: images
-- title: Layers that other images have too
-- paper: repeat layers
-- metric: 22
-- figure: 23
-- kind: distribution
-- series: count bytes
-- unit: share
-- axis: linear
-- histogram: 0 1.05 0.05
-- row: one distinct image that was profiled
-- definition: Of its distinct layers those that another distinct image lists too, by number and by compressed
--   size; none where it has no layers, or no bytes.
WITH shares AS (
    SELECT
        any_value(is_official) AS is_official,
        count(*) FILTER (reference_count > 1) / count(*) AS by_count,
        sum(blob_bytes) FILTER (reference_count > 1) AS shared_bytes,
        sum(blob_bytes) AS bytes
    FROM layer_images
    JOIN numbered_images USING (image)
    JOIN (SELECT number, reference_count, blob_bytes FROM numbered_layers) USING (number)
    GROUP BY image
)
SELECT 'count' AS series, by_count AS value, is_official FROM shares
UNION ALL
SELECT 'bytes', CASE WHEN bytes > 0 THEN coalesce(shared_bytes, 0) / bytes END, is_official FROM shares
