-- name: layer_size
-- section: layers
-- title: Size of layers
-- paper: CLS, ALS, FLS
-- metric: 31
-- figure: 3
-- kind: distribution
-- series: compressed archive files
-- unit: B
-- axis: log
-- histogram: 0 128MiB 4MiB
-- row: one analyzed layer
-- definition: Size of the blob as served (CLS), of the tar in it (ALS), and of its regular files (FLS).
-- note: Published for 2017: half of the layers are below 4 MiB, compressed or not. What the draft calls
--   uncompressed is most likely the tars.
-- s17: files.p90=177MiB compressed.p90=63MiB
-- s18: archive.p50=0.85MiB compressed.p50=0.26MiB archive.p90=170MiB compressed.p90=64MiB
-- curve: archive=layer_size_MB.uncompressed compressed=layer_size_MB.compressed
SELECT 'compressed' AS series, cls_bytes AS value, is_official FROM analyzed_layers
UNION ALL SELECT 'archive', als_bytes, is_official FROM analyzed_layers
UNION ALL SELECT 'files', fls_bytes, is_official FROM analyzed_layers
