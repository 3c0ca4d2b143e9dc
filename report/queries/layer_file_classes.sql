-- name: layer_file_classes
-- section: layers
-- title: Layers with no file, one, or more
-- paper: layers without files, with a single file
-- metric: 33
-- kind: shares
-- unit: layers
-- row: one analyzed layer
-- definition: By its number of regular files and hard links.
-- note: The published profiles held most files twice: two in S18 are mostly one.
-- inflated: yes
-- s17: none=7% one=27%
-- s18: none=8.3% one=4.7% two=26.6%
SELECT CASE files WHEN 0 THEN 'none' WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE 'more' END AS label,
    count(*) AS count
FROM analyzed_layers
GROUP BY label
ORDER BY count DESC, label
