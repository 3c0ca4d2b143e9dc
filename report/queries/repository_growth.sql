-- name: repository_growth
-- section: dataset
-- title: Repositories over time
-- paper: growth of Docker Hub
-- metric: 2
-- figure: draft
-- kind: table
-- unit: repositories
-- row: one month, UTC
-- definition: Repositories by the month in which they were registered, how many there were at its end, and
--   new ones per day of the whole month. Those of which the hub does not say are not in it.
-- note: Published, new repositories per day: 1,241 over 43 days and 1,325 over 57 days in 2017.
SELECT
    strftime(date_trunc('month', registered_at), '%Y-%m') AS month,
    count(*) AS new_repositories,
    (sum(count(*)) OVER (ORDER BY month))::BIGINT AS repositories,
    count(*) / day(last_day(any_value(registered_at))) AS new_per_day
FROM repositories
WHERE registered_at IS NOT NULL
GROUP BY month
ORDER BY month
