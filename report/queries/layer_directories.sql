-- name: layer_directories
-- section: layers
-- title: Directories of a layer
-- paper: directory count
-- metric: 34
-- figure: 6
-- kind: distribution
-- unit: directories
-- axis: log
-- row: one analyzed layer
-- definition: Directories below the root, implied parents included.
-- s17: p50=11 p90=826 max=111940 mean=273
-- s18: p50=8 p90=1120
-- curve: all=dir_count.layer
SELECT directories AS value, count(*) AS weight, is_official
FROM analyzed_layers GROUP BY directories, is_official
