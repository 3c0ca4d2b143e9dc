-- name: layer_sharing
-- section: sharing
-- title: Saved by sharing layers
-- paper: layer sharing
-- metric: 8
-- kind: ratio
-- unit: B
-- row: the dataset
-- definition: Compressed sizes (CLS) of the distinct layers of every profiled image, each image's counted,
--   against those of the distinct layers. As listed where a layer was not profiled.
-- s18: sharing=1.8
SELECT 'sharing' AS label,
    sum(blob_bytes * reference_count)::DOUBLE AS before, sum(blob_bytes)::DOUBLE AS after
FROM numbered_layers
WHERE reference_count > 0
HAVING count(*) > 0
