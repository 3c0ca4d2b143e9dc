-- name: image_files
-- section: images
-- title: Files of an image
-- paper: file count of images
-- metric: 23
-- figure: 12
-- kind: distribution
-- series: sum merged
-- unit: files
-- axis: log
-- row: one analyzed image
-- definition: Regular files and hard links: of its distinct layers, added up (sum); in the file system that a
--   container sees (merged).
-- note: The published profiles held most files twice.
-- inflated: yes
-- s17: sum.p50=1090 sum.p90=64780 sum.max=8509958
-- s18: sum.p50=27194 sum.p90=74266
-- curve: sum=file_count.image
SELECT 'sum' AS series, files AS value, is_official FROM analyzed_images
UNION ALL SELECT 'merged', merged_files, is_official FROM analyzed_images
