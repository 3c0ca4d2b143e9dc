-- name: image_layers
-- section: images
-- title: Layers of an image
-- paper: layers per image
-- metric: 20
-- figure: 10
-- kind: distribution
-- series: distinct all empty
-- unit: layers
-- axis: linear
-- histogram: 0 128 1
-- row: one distinct image that was profiled
-- definition: Distinct layers; every reference (all); references to layers without an entry (empty).
-- s17: distinct.p50=8 distinct.p90=18 distinct.mode=8 distinct.max=120 distinct.mean=10
-- s18: distinct.p50=11 distinct.p90=25 distinct.mode=11
-- curve: distinct=layers_per_image.image
SELECT 'distinct' AS series, distinct_layers AS value, is_official
FROM distinct_images JOIN numbered_images USING (manifest_digest)
UNION ALL
SELECT 'all', layers, is_official FROM distinct_images JOIN numbered_images USING (manifest_digest)
UNION ALL
SELECT 'empty', empty_layers, is_official FROM analyzed_images
