-- name: repositories
-- section: dataset
-- title: Repositories
-- paper: crawl: listed, distinct, repeated, official
-- metric: 1
-- kind: shares
-- unit: repositories
-- row: one row of a listing
-- definition: Rows of listings that named a repository: the first of each repository (distinct), and the
--   others (repeated), as far as they were counted.
-- note: The published listing was the search for "/" of 2017-05-30.
-- s17: distinct=457627 repeated=176785
SELECT 'distinct' AS label, count(*) AS count FROM repositories HAVING count(*) > 0
UNION ALL
SELECT 'repeated', sum(greatest(times_listed - 1, 0))::BIGINT FROM repositories HAVING count(*) > 0
