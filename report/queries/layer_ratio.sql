-- name: layer_ratio
-- section: layers
-- title: Compression ratio of layers
-- paper: compression ratio
-- metric: 32
-- figure: 4
-- kind: distribution
-- series: archive files
-- unit: ratio
-- axis: log
-- histogram: 0 50 1
-- row: one analyzed layer
-- definition: ALS / CLS and FLS / CLS; none where CLS is 0.
-- note: The published ratio is called FLS / CLS, but its numbers are those of ALS / CLS.
-- s17: archive.p50=2.6 archive.p90=4 archive.max=1026 files.p90=30 files.max=512930
-- s18: archive.p50=3.6 archive.p90=16.6
-- curve: archive=compression_ratio.layer
SELECT 'archive' AS series, als_cls_ratio AS value, is_official FROM analyzed_layers
UNION ALL SELECT 'files', fls_cls_ratio, is_official FROM analyzed_layers
