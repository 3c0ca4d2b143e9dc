-- name: dedup_by_type
-- section: sharing
-- title: Deduplication by type of files
-- paper: deduplication by type
-- metric: 43
-- figure: 28
-- kind: ratio
-- unit: B
-- row: one type
-- definition: As by group, for each type; in its group of the paper.
-- note: The published profiles held most files twice: their ratios are upper bounds.
-- inflated: yes
SELECT
    coalesce(paper_group, 'Others') AS series,
    split_part(type::VARCHAR, '/', 2) AS label,
    sum(bytes)::DOUBLE AS before,
    sum(size_bytes)::DOUBLE AS after
FROM contents LEFT JOIN paper_groups ON type_group = split_part(type::VARCHAR, '/', 1)
GROUP BY series, label
ORDER BY series, before DESC, label
