"""Every statistic of the small census, worked out by hand from what it holds.

Of distributions: for each series (value, how many values are that or less); of shares: (count, bytes); of
ratios: (before, after); of tables: the rows.
"""

from __future__ import annotations

from tests.report.small_census import content, digest

# The three analyzed images are "one" (base, empty), "two" (base, app, empty) and "three" (base, data); their
# regular files, by bytes, are 4 (120), 6 (270) and 5 (1120). The analyzed layers have 4 (120), 2 (150),
# 1 (1000) and none. Contents: sh and ten occur twice, nothing, script and packed once.
CURVES: dict[str, dict[str, list[tuple[float, int]]]] = {
    "pulls": {"": [(0, 1), (10, 2), (20, 3), (30, 4), (1000, 5)]},
    "stars": {"": [(0, 5), (10, 6)]},
    "repository_age": {"": [(1, 1), (30, 6)]},
    "repository_images": {"": [(0, 1), (1, 5), (2, 6)]},
    "image_size": {
        "compressed": [(132, 1), (332, 2), (2100, 3)],
        "archive": [(5120, 1), (6144, 2), (8192, 3)],
        "files": [(120, 1), (270, 2), (1120, 3)],
    },
    "image_ratio": {
        "archive": [(6144 / 2100, 1), (8192 / 332, 2), (5120 / 132, 3)],
        "files": [(1120 / 2100, 1), (270 / 332, 2), (120 / 132, 3)],
    },
    "image_layers": {"distinct": [(2, 3), (3, 4)], "all": [(2, 3), (4, 4)], "empty": [(0, 1), (1, 3)]},
    "image_depth": {"": [(1, 2), (2, 3)]},
    # base is in all four images, empty in two; app, data and broken in one each.
    "image_shared_layers": {
        "count": [(1 / 2, 2), (2 / 3, 3), (1, 4)],
        "bytes": [(100 / 2100, 1), (100 / 400, 2), (132 / 332, 3), (1, 4)],
    },
    "image_files": {"sum": [(4, 1), (6, 3)], "merged": [(4, 1), (5, 2), (6, 3)]},
    "image_directories": {"sum": [(2, 2), (4, 3)], "merged": [(2, 2), (4, 3)]},
    # Distinct contents of the images: 3 (110), 4 (160), 4 (1110). Repeated anywhere: sh, and ten twice. In
    # two images: all of base.
    "image_redundancy": {
        "intra_files": [(1 / 5, 1), (1 / 4, 2), (2 / 6, 3)],
        "intra_bytes": [(10 / 1120, 1), (10 / 120, 2), (110 / 270, 3)],
        "inter_any_files": [(3 / 5, 1), (4 / 6, 2), (3 / 4, 3)],
        "inter_any_bytes": [(120 / 1120, 1), (220 / 270, 2), (1, 3)],
        "inter_strict_files": [(4 / 5, 1), (5 / 6, 2), (1, 3)],
        "inter_strict_bytes": [(120 / 1120, 1), (220 / 270, 2), (1, 3)],
    },
    "image_age": {"": [(22, 1), (30, 2)]},
    "platforms_per_reference": {"": [(1, 4)]},
    "image_base_layers": {"": [(1 / 4, 1)]},
    "image_packages": {"": [(0, 1), (2, 2), (3, 3)]},
    "image_waste": {"": [(0, 1), (1 / 10, 3)]},
    "image_efficiency": {"": [(0.5, 1), (1, 3)]},
    "layer_size": {
        "compressed": [(32, 1), (100, 2), (200, 3), (2000, 4)],
        "archive": [(1024, 1), (2048, 2), (3072, 3), (4096, 4)],
        "files": [(0, 1), (120, 2), (150, 3), (1000, 4)],
    },
    "layer_ratio": {
        "archive": [(2048 / 2000, 1), (3072 / 200, 2), (1024 / 32, 3), (4096 / 100, 4)],
        "files": [(0, 1), (1000 / 2000, 2), (150 / 200, 3), (120 / 100, 4)],
    },
    "layer_files": {"": [(0, 1), (2, 3), (4, 4)]},
    "layer_directories": {"": [(0, 2), (2, 4)]},
    "layer_depth": {
        "max": [(0, 2), (1, 3), (2, 4)],
        "median": [(0, 2), (1, 3), (1.5, 4)],
        "mean": [(0, 2), (1, 3), (1.5, 4)],
        "min": [(0, 2), (1, 4)],
    },
    # base has ten twice, and shares sh with app.
    "layer_redundancy": {
        "intra_files": [(0, 2), (1 / 4, 3)],
        "intra_bytes": [(0, 2), (10 / 120, 3)],
        "inter_any_files": [(0, 1), (1 / 2, 2), (3 / 4, 3)],
        "inter_any_bytes": [(0, 1), (100 / 150, 2), (1, 3)],
        "inter_strict_files": [(0, 1), (1 / 4, 2), (1 / 2, 3)],
        "inter_strict_bytes": [(0, 1), (100 / 150, 2), (100 / 120, 3)],
    },
    "private_layer_redundancy": {"shared": [(1 / 4, 1)], "private": [(0, 1), (1 / 2, 2)]},
    "layer_references": {"": [(1, 3), (2, 4), (4, 5)]},
    # data and broken: a-b/c, whose two images count once; app: a/b-c; empty: 1000 + 30; base: all three.
    "layer_pulls": {"": [(20, 2), (30, 3), (1030, 4), (1050, 5)]},
    "layer_age": {"": [(71, 2)]},
    "directory_depth": {"": [(1, 3), (2, 4)]},
    "directory_files": {"direct": [(1, 3), (3, 4)], "recursive": [(1, 2), (2, 3), (3, 4)]},
    "directory_bytes": {"": [(20, 1), (100, 3), (150, 4)]},
    "directory_repeats": {"": [(1, 4)]},
    "file_size": {
        "all": [(0, 1), (10, 3), (50, 4), (100, 6), (1000, 7)],
        "once": [(0, 1), (50, 2), (1000, 3)],
        "repeated": [(10, 2), (100, 4)],
        "distinct": [(10, 1), (50, 2), (100, 3), (1000, 4)],
    },
    "repeat_counts": {"": [(1, 3), (2, 5)]},
}

# Things without a value: x/secret has no counter of pulls, "empty" no files, app and "empty" no times;
# "three" says that it is of 1970, and "four" nothing.
MISSING: dict[tuple[str, str], int] = {
    ("pulls", ""): 1,
    ("image_age", ""): 2,
    ("layer_age", ""): 2,
    **{
        ("layer_redundancy", f"{kind}_{unit}"): 1
        for kind in ("intra", "inter_any", "inter_strict")
        for unit in ("files", "bytes")
    },
}

SHARES: dict[str, dict[tuple[str, str], tuple[int, int | None]]] = {
    "repositories": {("", "distinct"): (6, None), ("", "repeated"): (3, None)},
    "repository_badges": {
        ("", "other"): (4, None),
        ("", "official"): (1, None),
        ("", "without images"): (1, None),
    },
    "download_outcome": {
        ("", "downloaded"): (3, None),
        ("", "pending"): (1, None),
        ("", "no_latest"): (1, None),
        ("", "auth"): (1, None),
    },
    "download_failures": {("", "no_latest"): (1, None), ("", "auth"): (1, None)},
    "failures": {
        ("analyze", "layer: corrupt"): (1, None),
        ("download", "image: auth_required"): (1, None),
        ("download", "image: no_tag"): (1, None),
    },
    "layer_outcome": {("", "complete"): (4, None), ("", "corrupt: crc"): (1, None)},
    "image_outcome": {("", "complete"): (3, None), ("", "damaged_layer"): (1, None)},
    "manifest_formats": {("", "oci_manifest"): (3, None), ("", "schema1_signed"): (1, None)},
    "configuration_formats": {
        ("", "read"): (2, None),
        ("", "history"): (1, None),
        ("", "missing"): (1, None),
    },
    "layer_formats": {
        ("compression", "gzip"): (4, 632),
        ("compression", "zstd"): (1, 2000),
        ("media type", "application/vnd.oci.image.layer.v1.tar+gzip"): (5, 2632),
        ("seekable", "no"): (5, 2632),
        ("writer", "go"): (4, 632),
        ("writer", "not told"): (1, 2000),
    },
    "image_platforms": {("", "linux/amd64"): (3, None), ("", "linux/arm/v7"): (1, None)},
    "image_distributions": {
        ("distribution", "debian"): (2, None),
        ("distribution", "none named"): (1, None),
        ("version", "debian 12"): (2, None),
    },
    "image_bases": {("", "no base known"): (3, None), ("", "built on another"): (1, None)},
    "package_types": {("", "deb"): (2, None), ("", "npm"): (1, None)},
    "layer_ratio_classes": {("", "above"): (3, 332), ("", "near_1"): (1, 2000)},
    "layer_file_classes": {("", "two"): (2, None), ("", "more"): (1, None), ("", "none"): (1, None)},
    "entry_kinds": {
        ("", "regular_files"): (7, None),
        ("", "directories"): (4, None),
        ("", "hard_links"): (1, None),
        ("", "symlinks"): (1, None),
        **{
            ("", kind): (0, None)
            for kind in ("block_devices", "character_devices", "fifos", "opaques", "others", "whiteouts")
        },
    },
    # References: base four times, app and empty twice each, data and broken once.
    "build_instructions": {
        ("", "ADD"): (4, 400),
        ("", "RUN"): (4, 464),
        ("", "not told"): (1, 2000),
        ("", "other"): (1, 300),
    },
    "file_groups": {
        ("", "EOL"): (2, 200),
        ("", "Documents"): (2, 20),
        ("", "Archives"): (1, 1000),
        ("", "Scripts"): (1, 50),
        ("", "Others"): (1, 0),
    },
    "file_types": {
        ("EOL", "elf"): (2, 200),
        ("Documents", "ascii"): (2, 20),
        ("Archives", "zip_gzip"): (1, 1000),
        ("Scripts", "python"): (1, 50),
        ("Others", "empty"): (1, 0),
    },
    "type_methods": {("", "signature"): (6, 1220), ("", "shebang"): (1, 50)},
    "repeat_classes": {
        ("files", "once"): (3, 1050),
        ("files", "repeated"): (4, 220),
        ("distinct", "once"): (3, 1050),
        ("distinct", "repeated"): (2, 110),
    },
    "empty_files": {("", "empty"): (1, None), ("", "not_empty"): (6, None)},
    "file_owners": {("", "root"): (5, 1210), ("", "system"): (1, 10), ("", "user"): (1, 50)},
}

# In random order, base comes first, then empty, data and app. All references: 4 x 100 + 2 x 32 + 200 +
# 2000 + 300, as app counts once in its image.
RATIOS: dict[str, dict[tuple[str, str], tuple[float, float]]] = {
    "layer_sharing": {("", "sharing"): (2964, 2632)},
    "file_dedup": {("", "files"): (7, 5), ("", "files_not_empty"): (6, 4), ("", "bytes"): (1270, 1160)},
    "dedup_growth": {
        ("files", "1"): (4, 3),
        ("files", "2"): (4, 3),
        ("files", "4"): (7, 5),
        ("bytes", "1"): (120, 110),
        ("bytes", "2"): (120, 110),
        ("bytes", "4"): (1270, 1160),
    },
    "combined_saving": {
        ("", "sharing"): (2964, 2632),
        ("", "compression"): (1270, 2332),
        ("", "sharing_compression"): (2964 * 1270 / 2332, 2632),
        ("", "deduplication"): (1270, 1160),
        ("", "sharing_compression_deduplication"): (2964 * 1270 / 2332 * 1270 / 1160, 2632),
    },
    "dedup_by_group": {
        ("", "Archives"): (1000, 1000),
        ("", "EOL"): (200, 100),
        ("", "Scripts"): (50, 50),
        ("", "Documents"): (20, 10),
        ("", "Others"): (0, 0),
    },
    "dedup_by_type": {
        ("Archives", "gzip"): (1000, 1000),
        ("EOL", "elf_executable"): (200, 100),
        ("Scripts", "python"): (50, 50),
        ("Documents", "ascii"): (20, 10),
        ("Others", "empty"): (0, 0),
    },
}

_DOCKER = "docker.io"
TABLES: dict[str, list[tuple[object, ...]]] = {
    "repository_growth": [("2017-01", 2, 2, 2 / 31), ("2017-02", 1, 3, 1 / 28)],
    "totals": [
        ("repositories", 6, "repositories"),
        ("references", 4, "references"),
        ("images", 4, "images"),
        ("analyzed_images", 3, "images"),
        ("layer_references", 10, "layers"),
        ("layers", 5, "layers"),
        ("analyzed_layers", 4, "layers"),
        ("cls_bytes", 2332, "B"),
        ("als_bytes", 10240, "B"),
        ("fls_bytes", 1270, "B"),
        ("files", 8, "files"),
        ("contents", 5, "contents"),
        ("directories", 4, "directories"),
        ("symlinks", 1, "symlinks"),
    ],
    "layer_oddities": [("no_end_blocks", 1, 200), ("trailing_zeros", 1, 200)],
    # 1060 pulls of five repositories that have a counter: of all but 0.5 of them the first has 1000.
    "pull_concentration": [
        *((share, 1, 1000 / 1060) for share in (0.0001, 0.001, 0.0025, 0.01, 0.05, 0.1, 0.2)),
        (0.5, 3, 1050 / 1060),
    ],
    "top_repositories": [
        (_DOCKER, "library/base", 1000, 10, True),
        (_DOCKER, "a/b-c", 30, 0, False),
        (_DOCKER, "a-b/c", 20, 0, False),
        (_DOCKER, "x/waiting", 10, 0, False),
        (_DOCKER, "x/untagged", 0, 0, False),
    ],
    "image_settings": [
        ("runs_as_root", 2, 2 / 3),
        ("entrypoint", 1, 1 / 3),
        *(
            (setting, 0, 0.0)
            for setting in (
                "command",
                "environment",
                "exposed_ports",
                "labels",
                "on_build",
                "volumes",
                "working_directory",
            )
        ),
    ],
    "images_created": [("2017-05", 2, 132)],
    "top_bases": [("library/base:latest", 1, digest("chain"))],
    "top_packages": [("deb", "dash", 2, 2), ("npm", "left-pad", 1, 1)],
    "waste_causes": [
        ("overwritten", 27, 1),
        ("duplicate_elsewhere", 12, 1),
        ("deleted", 0, 0),
        ("identical_rewrite", 0, 0),
        ("metadata_only", 0, 0),
    ],
    "top_layers": [
        (digest("base"), 4, 100, 4, False),
        (digest("empty"), 2, 32, 0, True),
        (digest("data"), 1, 2000, 2, False),
        (digest("app"), 1, 200, 2, False),
        (digest("broken"), 1, 300, 1, False),
    ],
    "file_modes": [("setuid", 1, 1), ("world_writable", 1, 1)],
    "file_types_fine": [
        ("eol", "elf_executable", "EOL", 2, 200, 100.0),
        ("text", "ascii", "Documents", 2, 20, 10.0),
        ("archive", "gzip", "Archives", 1, 1000, 1000.0),
        ("empty", "empty", "Others", 1, 0, 0.0),
        ("script", "python", "Scripts", 1, 50, 50.0),
    ],
    # 1000, 200, 50, 20 and 0 of 1270 bytes.
    "common_types": [(0.5, 1, 5), (0.9, 2, 5), (0.95, 3, 5), (0.984, 3, 5), (0.99, 4, 5)],
    "top_contents": [
        ("bin/sh", 2, 2, 100, "eol/elf_executable", content("sh")),
        ("etc/a", 2, 1, 10, "text/ascii", content("ten")),
        ("etc/none", 1, 1, 0, "empty/empty", content("nothing")),
        ("usr/x.py", 1, 1, 50, "script/python", content("script")),
        ("d.gz", 1, 1, 1000, "archive/gzip", content("packed")),
    ],
    "double_counting": [
        (1, 3, 0.6, True, False),
        (2, 2, 0.4, False, False),
        *((repeats, 0, 0.0, False, False) for repeats in range(3, 8)),
    ],
    "file_years": [(1970, 1, 50), (2017, 6, 1220)],
}
