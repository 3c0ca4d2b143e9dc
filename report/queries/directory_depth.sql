-- name: directory_depth
-- section: layers
-- title: Depth of directories
-- paper: directories by depth
-- metric: 38
-- figure: 7
-- kind: distribution
-- unit: levels
-- axis: linear
-- histogram: 0 31 1
-- row: one directory of one analyzed layer, below the root
-- definition: Components below the root.
SELECT depth AS value, count(*) AS weight
FROM directories JOIN numbered_layers USING (layer)
WHERE is_analyzed AND depth > 0
GROUP BY depth
