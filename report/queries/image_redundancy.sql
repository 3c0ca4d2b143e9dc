-- name: image_redundancy
-- section: images
-- title: Repeated files within and across images
-- paper: intra and inter redundant ratio of images
-- metric: 24
-- figure: 26
-- kind: distribution
-- series: intra_files intra_bytes inter_any_files inter_any_bytes inter_strict_files inter_strict_bytes
-- unit: share
-- axis: linear
-- histogram: 0 1.05 0.05
-- row: one analyzed image
-- definition: Of the regular files of its distinct layers: all but one of each content (intra); those whose
--   content occurs more than once anywhere (inter_any, the paper's); those whose content another image has
--   too (inter_strict). By files and by bytes; none where there are no files, or no bytes. Images without any
--   repeated file count as 0.
-- note: The published profiles held most files twice, and images without a shared file are missing from the
--   curves. Published: of 90 % of images more than 99.4 % are repeated.
-- inflated: yes
-- s18: inter_any_files.p10=99.4%
-- curve: inter_any_files=cross_image_dup_ratio.count inter_any_bytes=cross_image_dup_ratio.capacity
WITH found AS (
    SELECT i.is_official, coalesce(files, 0) AS files, coalesce(bytes, 0) AS bytes,
        intra_files, intra_bytes, any_files, any_bytes, strict_files, strict_bytes
    FROM numbered_images i LEFT JOIN image_redundancy USING (image)
    WHERE is_complete
)
SELECT 'intra_files' AS series, intra_files / nullif(files, 0) AS value, is_official FROM found
UNION ALL SELECT 'intra_bytes', intra_bytes / nullif(bytes, 0), is_official FROM found
UNION ALL SELECT 'inter_any_files', any_files / nullif(files, 0), is_official FROM found
UNION ALL SELECT 'inter_any_bytes', any_bytes / nullif(bytes, 0), is_official FROM found
UNION ALL SELECT 'inter_strict_files', strict_files / nullif(files, 0), is_official FROM found
UNION ALL SELECT 'inter_strict_bytes', strict_bytes / nullif(bytes, 0), is_official FROM found
