-- name: layer_references
-- section: layers
-- title: Images that have a layer
-- paper: layer reference count
-- metric: 36
-- figure: 23
-- kind: distribution
-- unit: images
-- axis: log
-- row: one distinct layer that a profiled image lists
-- definition: Distinct images that list it.
-- note: Published: more than 25 for below 1 % of the layers.
-- s18: F1=90% F2=95% max=184171
-- curve: all=layer_reference_count.layer
SELECT reference_count AS value, count(*) AS weight, is_official
FROM numbered_layers
WHERE reference_count > 0
GROUP BY reference_count, is_official
