-- name: file_years
-- section: files
-- title: When files were last modified
-- paper: file metadata
-- metric: 44
-- kind: table
-- unit: files
-- row: one year, UTC
-- definition: Regular files of analyzed layers by their time of modification. 1980 and before mostly means
--   that no time was kept; later than 2100 is taken together.
SELECT year(make_timestamp(greatest(least(mtime_s, 4102444800), 0) * 1000000)) AS year,
    count(*) AS files, sum(size_bytes)::BIGINT AS bytes
FROM files JOIN numbered_layers USING (layer)
WHERE is_analyzed AND is_last AND kind = 'file'
GROUP BY year
ORDER BY year
