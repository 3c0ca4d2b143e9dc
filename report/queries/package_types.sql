-- name: package_types
-- section: images
-- title: Packages by kind
-- paper: -
-- metric: 28
-- kind: shares
-- unit: packages
-- row: one package that one distinct layer says is installed
-- definition: The world it belongs to.
SELECT type AS label, count(*) AS count
FROM packages
WHERE status IS NULL OR status = 'installed'
GROUP BY label
ORDER BY count DESC, label
