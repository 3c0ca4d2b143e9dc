-- name: pull_concentration
-- section: repositories
-- title: How few repositories have how many of the pulls
-- paper: popularity: share of the top images
-- metric: 14
-- kind: table
-- unit: share
-- row: one share of the repositories
-- definition: Of all pulls, those of the repositories that are pulled most: this share of them, rounded up.
-- s18: 0.0025=90%
WITH ranked AS (
    SELECT pulls, row_number() OVER (ORDER BY pulls DESC) AS place, count(*) OVER () AS n
    FROM repositories WHERE pulls IS NOT NULL
)
SELECT
    top_share,
    count(*) AS repositories,
    coalesce(sum(pulls) / nullif((SELECT sum(pulls) FROM ranked), 0), 0) AS pull_share
FROM (SELECT unnest([0.0001, 0.001, 0.0025, 0.01, 0.05, 0.1, 0.2, 0.5]::DOUBLE[]) AS top_share)
JOIN ranked ON place <= ceil(top_share * n)
GROUP BY top_share
ORDER BY top_share
