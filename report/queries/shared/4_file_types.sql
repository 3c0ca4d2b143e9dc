-- name: file_type
-- definition: Every group and type of files, as one small value.
DROP TYPE IF EXISTS file_type;
CREATE TEMP TYPE file_type AS ENUM (
    SELECT DISTINCT type_group || '/' || type FROM files
    WHERE type_group IS NOT NULL AND type IS NOT NULL
    UNION SELECT 'other/unknown'
    ORDER BY 1
)
