-- name: image_ratio
-- section: images
-- title: Compression ratio of images
-- paper: compression ratio of images
-- metric: 19
-- figure: 4
-- kind: distribution
-- series: archive files
-- unit: ratio
-- axis: log
-- histogram: 0 50 1
-- row: one analyzed image
-- definition: AIS / CIS and FIS / CIS; none where CIS is 0.
-- s17: archive.p50=3 archive.p90=4 files.p90=35
-- s18: archive.p50=2.6 archive.p80=2.9
-- curve: archive=compression_ratio.image
SELECT 'archive' AS series, ais_cis_ratio AS value, is_official FROM analyzed_images
UNION ALL SELECT 'files', fis_cis_ratio, is_official FROM analyzed_images
