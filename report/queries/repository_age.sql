-- name: repository_age
-- section: repositories
-- title: Days since the last push
-- paper: age
-- metric: 16
-- kind: distribution
-- unit: days
-- axis: log
-- row: one distinct repository
-- definition: Days from its last update until it was last listed, as the hub says.
SELECT
    greatest(date_diff('second', last_updated_at, last_seen_at), 0) // 86400 AS value,
    count(*) AS weight,
    is_official
FROM repositories
GROUP BY value, is_official
