-- name: directory_repeats
-- section: layers
-- title: Layers that have a directory
-- paper: directory redundancy by names
-- metric: 39
-- kind: distribution
-- unit: layers
-- axis: log
-- row: one distinct path of directories, below the root
-- definition: Analyzed layers that have a directory of this path.
WITH paths AS (
    SELECT md5_number(path) AS name, count(*) AS layers
    FROM directories JOIN numbered_layers USING (layer)
    WHERE is_analyzed AND depth > 0
    GROUP BY name
)
SELECT layers AS value, count(*) AS weight FROM paths GROUP BY layers
