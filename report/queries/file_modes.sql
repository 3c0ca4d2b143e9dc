-- name: file_modes
-- section: files
-- title: Risky modes
-- paper: -
-- metric: 30
-- kind: table
-- unit: entries
-- row: one flag
-- definition: Entries of analyzed layers with that flag, the last of each path, and the layers that have any.
SELECT flag, count(*) AS entries, count(DISTINCT layer) AS layers
FROM (
    SELECT layer, unnest(string_split(flags, ' ')) AS flag
    FROM files JOIN numbered_layers USING (layer)
    WHERE is_analyzed AND is_last AND flags <> ''
)
WHERE flag IN ('setuid', 'setgid', 'world_writable')
GROUP BY flag
ORDER BY entries DESC, flag
