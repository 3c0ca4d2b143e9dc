-- name: file_groups
-- section: files
-- title: Groups of files
-- paper: file types, level 2
-- metric: 41
-- figure: 13 14 15
-- kind: shares
-- unit: files
-- row: one regular file of one analyzed layer
-- definition: The paper's eight groups; each file has one, by its content.
-- note: Which of the two crawls the published shares are of is not known.
-- s17: EOL=11% Documents=44% Source=13% Archives=9% Scripts=9% Images=4% Databases=0.09% Others=10%
--   EOL.bytes=37% Documents.bytes=14% Source.bytes=3% Archives.bytes=23% Scripts.bytes=2% Images.bytes=1%
--   Databases.bytes=3% Others.bytes=16% EOL.mean=115KiB Documents.mean=16KiB Source.mean=10KiB
--   Archives.mean=94KiB Scripts.mean=10KiB Images.mean=16KiB Databases.mean=979KiB Others.mean=57KiB
SELECT paper_group AS label, sum(files)::BIGINT AS count, sum(bytes)::BIGINT AS size_bytes
FROM type_totals
GROUP BY label
ORDER BY count DESC, label
