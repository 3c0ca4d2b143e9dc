-- name: image_bases
-- section: images
-- title: Images built on others of the corpus
-- paper: -
-- metric: 27
-- kind: shares
-- unit: images
-- row: one distinct image
-- definition: Whether the whole chain of layers of another image of the corpus is the beginning of its own.
SELECT CASE WHEN base_chain_id IS NULL THEN 'no base known' ELSE 'built on another' END AS label,
    count(*) AS count
FROM distinct_images
GROUP BY label
ORDER BY count DESC, label
