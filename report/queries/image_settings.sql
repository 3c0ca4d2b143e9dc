-- name: image_settings
-- section: images
-- title: How images are run
-- paper: environment
-- metric: 25
-- kind: table
-- unit: images
-- row: one setting
-- definition: Distinct images with a configuration whose configuration has it. The user is root where it is
--   empty, `root` or 0, with whatever group.
WITH found AS (
    SELECT *, split_part(coalesce(user_name, ''), ':', 1) AS runs_as
    FROM distinct_images WHERE configuration_status IN ('read', 'history')
),
counted AS (
    SELECT
        count(*) AS images,
        count(*) FILTER (runs_as IN ('', 'root', '0')) AS runs_as_root,
        count(*) FILTER (entrypoint <> '[]') AS entrypoint,
        count(*) FILTER (command <> '[]') AS command,
        count(*) FILTER (exposed_ports <> '[]') AS exposed_ports,
        count(*) FILTER (volumes <> '[]') AS volumes,
        count(*) FILTER (labels <> '{}') AS labels,
        count(*) FILTER (environment <> '[]') AS environment,
        count(*) FILTER (working_directory <> '') AS working_directory,
        count(*) FILTER (on_build <> '[]') AS on_build
    FROM found
)
SELECT setting, with_it AS images, with_it / (SELECT images FROM counted) AS share
FROM (
    UNPIVOT (SELECT * EXCLUDE (images) FROM counted WHERE images > 0)
    ON COLUMNS(*) INTO NAME setting VALUE with_it
)
ORDER BY images DESC, setting
