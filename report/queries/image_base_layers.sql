-- name: image_base_layers
-- section: images
-- title: Part of an image that is its base
-- paper: -
-- metric: 27
-- kind: distribution
-- unit: share
-- axis: linear
-- histogram: 0 1.05 0.05
-- row: one distinct image that is built on another of the corpus
-- definition: References to layers that belong to its base / all references.
SELECT base_layers / nullif(layers, 0) AS value, is_official
FROM distinct_images JOIN numbered_images USING (manifest_digest)
WHERE base_chain_id IS NOT NULL
