-- name: images_created
-- section: images
-- title: Images by the month they were made in
-- paper: created
-- metric: 26
-- kind: table
-- unit: images
-- row: one month, UTC
-- definition: Distinct images by when they say they were created, with their median compressed size; those
--   without a time from 2013 on are left out.
SELECT
    strftime(date_trunc('month', created_at), '%Y-%m') AS month,
    count(*) AS images,
    quantile_disc(cis_bytes, 0.5) FILTER (is_complete) AS median_cis_bytes
FROM distinct_images
WHERE created_at >= TIMESTAMP '2013-01-01'
GROUP BY month
ORDER BY month
