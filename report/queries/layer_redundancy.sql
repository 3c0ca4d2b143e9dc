-- name: layer_redundancy
-- section: layers
-- title: Repeated files within and across layers
-- paper: intra and inter redundant ratio of layers
-- metric: 35
-- figure: 26
-- kind: distribution
-- series: intra_files intra_bytes inter_any_files inter_any_bytes inter_strict_files inter_strict_bytes
-- unit: share
-- axis: linear
-- histogram: 0 1.05 0.05
-- row: one analyzed layer
-- definition: Of its regular files: all but one of each content (intra); those whose content occurs more than
--   once anywhere (inter_any, the paper's); those whose content another layer has too (inter_strict). By
--   files and by bytes; none where there are no files, or no bytes. Layers without any repeated file count as
--   0.
-- note: The published profiles held most files twice, so that intra is 0.5 for most layers, and layers
--   without a shared file are missing from the curves. Published: of 90 % of layers more than 97.6 % are
--   repeated.
-- inflated: yes
-- s18: inter_any_files.p10=97.6%
-- curve: intra_files=intra_inter_layer_dup_ratio.intra_file_count
--   intra_bytes=intra_inter_layer_dup_ratio.intra_capacity
--   inter_any_files=cross_layer_dup_ratio.count inter_any_bytes=cross_layer_dup_ratio.capacity
WITH found AS (
    SELECT n.is_official, coalesce(files, 0) AS files, coalesce(bytes, 0) AS bytes,
        intra_files, intra_bytes, any_files, any_bytes, strict_files, strict_bytes
    FROM numbered_layers n LEFT JOIN layer_redundancy USING (number)
    WHERE is_analyzed
)
SELECT 'intra_files' AS series, intra_files / nullif(files, 0) AS value, is_official FROM found
UNION ALL SELECT 'intra_bytes', intra_bytes / nullif(bytes, 0), is_official FROM found
UNION ALL SELECT 'inter_any_files', any_files / nullif(files, 0), is_official FROM found
UNION ALL SELECT 'inter_any_bytes', any_bytes / nullif(bytes, 0), is_official FROM found
UNION ALL SELECT 'inter_strict_files', strict_files / nullif(files, 0), is_official FROM found
UNION ALL SELECT 'inter_strict_bytes', strict_bytes / nullif(bytes, 0), is_official FROM found
