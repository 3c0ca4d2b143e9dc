-- name: download_outcome
-- section: dataset
-- title: What became of each repository
-- paper: download outcome
-- metric: 3
-- kind: shares
-- unit: repositories
-- row: one distinct repository
-- definition: Each has one class: downloaded, if an image of it was; pending, if one may still be; else why
--   none could be. The classes add up to all repositories.
-- s17: downloaded=346243 no_latest=96526 layer_unavailable=9078 auth=5780
SELECT
    CASE state WHEN 'done' THEN 'downloaded' WHEN 'pending' THEN 'pending'
        ELSE coalesce(failure_class, 'internal') END AS label,
    count(*) AS count
FROM repositories
GROUP BY label
ORDER BY count DESC, label
