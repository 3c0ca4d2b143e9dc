-- name: top_repositories
-- section: repositories
-- title: The repositories pulled most
-- paper: most popular images
-- metric: 14
-- kind: table
-- unit: pulls
-- row: one repository
-- definition: The twenty with the most pulls.
SELECT registry, repository, pulls, stars, is_official
FROM repositories
WHERE pulls IS NOT NULL
ORDER BY pulls DESC, registry, repository
LIMIT 20
