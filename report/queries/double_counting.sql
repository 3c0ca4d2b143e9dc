-- name: double_counting
-- section: files
-- title: Whether files are counted twice
-- paper: -
-- metric: 42
-- kind: table
-- unit: contents
-- row: one repeat count from 1 to 7
-- definition: Distinct contents that occur so often, and whether that is more than occur once more and once
--   less often. Where each of 2, 4 and 6 is more frequent than both its neighbours, the profiles hold files
--   twice (`is_suspicious`), as the published ones did: 50.2, 1.7, 10.1, 0.6 and 3.9 % for 2 to 6.
WITH counted AS (
    SELECT repeats, count(content) AS contents
    FROM range(1, 8) AS counts(repeats) LEFT JOIN contents ON files = repeats
    GROUP BY repeats
),
compared AS (
    SELECT *,
        contents > coalesce(lag(contents) OVER (ORDER BY repeats), 0)
            AND contents > coalesce(lead(contents) OVER (ORDER BY repeats), 0) AS is_peak
    FROM counted
)
SELECT repeats, contents, contents / (SELECT count(*) FROM contents) AS share, is_peak,
    (SELECT bool_and(is_peak) FROM compared WHERE repeats IN (2, 4, 6)) AS is_suspicious
FROM compared
WHERE (SELECT count(*) FROM contents) > 0
ORDER BY repeats
