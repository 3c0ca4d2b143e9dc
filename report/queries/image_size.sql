-- name: image_size
-- section: images
-- title: Size of images
-- paper: CIS, AIS, FIS
-- metric: 18
-- figure: 9
-- kind: distribution
-- series: compressed archive files
-- unit: B
-- axis: log
-- histogram: 0 1536MiB 32MiB
-- row: one analyzed image
-- definition: Compressed size (CIS), size of the tars (AIS) and of the regular files (FIS): those of its
--   distinct layers, added up.
-- note: In the published numbers files take more than the tars that hold them. What the draft calls
--   uncompressed is most likely the tars.
-- s17: files.p50=94MiB archive.p50=46MiB compressed.p50=17MiB files.p90=1.3GiB compressed.p90=0.48GiB
--   files.max=498GiB compressed.max=202GiB
-- s18: archive.p50=406MiB compressed.p50=157MiB archive.p90=1.07GiB compressed.p90=0.44GiB
-- curve: archive=image_size_MB.uncompressed compressed=image_size_MB.compressed
SELECT 'compressed' AS series, cis_bytes AS value, is_official FROM analyzed_images
UNION ALL SELECT 'archive', ais_bytes, is_official FROM analyzed_images
UNION ALL SELECT 'files', fis_bytes, is_official FROM analyzed_images
