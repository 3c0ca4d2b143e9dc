-- name: common_types
-- section: files
-- title: How few types hold how much
-- paper: common types, level 1
-- metric: 41
-- figure: 13
-- kind: table
-- unit: share
-- row: one share of the bytes
-- definition: Types of files, the largest first, that together have this share of all bytes.
-- note: Published: 133 of some 1,500 types of libmagic have 98.4 %.
WITH types AS (
    SELECT type_group, type, sum(bytes) AS bytes FROM type_totals GROUP BY type_group, type
),
ranked AS (
    SELECT
        row_number() OVER (ORDER BY bytes DESC, type_group, type) AS place,
        sum(bytes) OVER (ORDER BY bytes DESC, type_group, type) AS upto,
        sum(bytes) OVER () AS total,
        count(*) OVER () AS all_types
    FROM types
)
SELECT byte_share, min(place) AS types, any_value(all_types) AS all_types
FROM (SELECT unnest([0.5, 0.9, 0.95, 0.984, 0.99]::DOUBLE[]) AS byte_share)
JOIN ranked ON upto >= byte_share * total
WHERE total > 0
GROUP BY byte_share
ORDER BY byte_share
