-- name: top_packages
-- section: images
-- title: The most frequent packages
-- paper: -
-- metric: 28
-- kind: table
-- unit: layers
-- row: one package, of whatever version
-- definition: The thirty that most distinct layers say are installed.
SELECT type, name, count(DISTINCT layer) AS layers, count(DISTINCT version) AS versions
FROM packages
WHERE status IS NULL OR status = 'installed'
GROUP BY type, name
ORDER BY layers DESC, type, name
LIMIT 30
