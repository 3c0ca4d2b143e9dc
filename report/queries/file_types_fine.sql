-- name: file_types_fine
-- section: files
-- title: Types of files, as fine as they are told
-- paper: -
-- metric: 41
-- kind: table
-- unit: as said
-- row: one type
-- definition: Regular files of analyzed layers by group and type, as in the profiles, with their mean size
--   and the group of the paper.
SELECT type_group, type, paper_group, sum(files)::BIGINT AS files, sum(bytes)::BIGINT AS bytes,
    sum(bytes) / sum(files) AS mean_bytes
FROM type_totals
GROUP BY type_group, type, paper_group
ORDER BY files DESC, type_group, type
