-- name: layer_files
-- section: layers
-- title: Files of a layer
-- paper: file count
-- metric: 33
-- figure: 5
-- kind: distribution
-- unit: files
-- axis: log
-- row: one analyzed layer
-- definition: Regular files and hard links; a path that occurs more than once counts once.
-- note: The published profiles held most files twice.
-- inflated: yes
-- s17: p50=30 p90=7410 max=826196 mean=2200 F0=7%
-- s18: p50=12 p90=8700 F0=8.3%
-- curve: all=file_count.layer
SELECT files AS value, count(*) AS weight, is_official
FROM analyzed_layers GROUP BY files, is_official
