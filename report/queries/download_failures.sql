-- name: download_failures
-- section: dataset
-- title: Why repositories could not be downloaded
-- paper: failure classes
-- metric: 3
-- kind: shares
-- unit: repositories
-- row: one distinct repository of which no image could be fetched
-- definition: Its class of failure; each has one, by the reason that is first by name. They add up to all
--   that failed.
-- s17: no_latest=86.66% layer_unavailable=8.15% auth=5.19%
SELECT coalesce(failure_class, 'internal') AS label, count(*) AS count
FROM repositories
WHERE state = 'failed'
GROUP BY label
ORDER BY count DESC, label
