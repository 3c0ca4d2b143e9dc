-- name: build_instructions
-- section: layers
-- title: Instructions that made the layers
-- paper: instruction
-- metric: 37
-- kind: shares
-- unit: references
-- row: one layer of one distinct image
-- definition: The instruction of the step that made it, as far as the configuration tells; with sizes as
--   listed.
SELECT
    CASE
        WHEN created_by IS NULL OR created_by = '' THEN 'not told'
        WHEN regexp_matches(created_by, '^(/bin/sh -c )?#\(nop\)\s+[A-Z]+')
            THEN regexp_extract(created_by, '#\(nop\)\s+([A-Z]+)', 1)
        WHEN regexp_matches(
            created_by, '^(ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|LABEL|RUN|USER|VOLUME|WORKDIR)\s'
        ) THEN regexp_extract(created_by, '^([A-Z]+)', 1)
        WHEN regexp_matches(created_by, '^(\|[0-9]+ .*)?/bin/(ba)?sh ') THEN 'RUN'
        ELSE 'other'
    END AS label,
    count(*) AS count,
    sum(coalesce(size_bytes, 0))::BIGINT AS size_bytes
FROM image_layers
GROUP BY label
ORDER BY count DESC, label
