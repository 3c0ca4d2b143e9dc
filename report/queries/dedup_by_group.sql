-- name: dedup_by_group
-- section: sharing
-- title: Deduplication by group of files
-- paper: deduplication by type group
-- metric: 43
-- figure: 27
-- kind: ratio
-- unit: B
-- row: one group of the paper
-- definition: Bytes of regular files, and of distinct contents, by the group of the content; its first by
--   name where layers disagree. The groups add up to all files.
-- note: The published profiles held most files twice: their ratios are upper bounds.
-- inflated: yes
-- s18: EOL=7.1 Documents=12.5 Source=31 Archives=7.3 Scripts=50 Databases=4.2 Others=4.3
SELECT coalesce(paper_group, 'Others') AS label,
    sum(bytes)::DOUBLE AS before, sum(size_bytes)::DOUBLE AS after
FROM contents LEFT JOIN paper_groups ON type_group = split_part(type::VARCHAR, '/', 1)
GROUP BY label
ORDER BY before DESC, label
