-- name: repository_badges
-- section: dataset
-- title: Kinds of repositories
-- paper: official repositories
-- metric: 15
-- kind: shares
-- unit: repositories
-- row: one distinct repository
-- definition: Official as the hub says; one of which no image was chosen to be fetched is without images.
-- note: Published: fewer than 200 official ones.
SELECT
    CASE
        WHEN is_official THEN 'official'
        WHEN NOT coalesce(is_pullable, true) THEN 'not pullable'
        WHEN images = 0 THEN 'without images'
        ELSE 'other'
    END AS label,
    count(*) AS count
FROM repositories
GROUP BY label
ORDER BY count DESC, label
