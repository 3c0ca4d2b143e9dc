-- name: directory_bytes
-- section: layers
-- title: Size of directories
-- paper: directory size
-- metric: 38
-- kind: distribution
-- unit: B
-- axis: log
-- row: one directory of one analyzed layer, below the root
-- definition: Apparent sizes of the regular files in it and below.
SELECT recursive_bytes AS value, count(*) AS weight
FROM directories JOIN numbered_layers USING (layer)
WHERE is_analyzed AND depth > 0
GROUP BY value
