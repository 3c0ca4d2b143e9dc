"""The tables that hold what profiles say: one row per layer, directory, file, package and image."""

from __future__ import annotations

from corpus.profiles import (
    Configuration,
    Directory,
    Entry,
    ImageLayer,
    ImageProfile,
    LayerCounts,
    LayerDepth,
    LayerSummary,
    Package,
)
from corpus.profiles.image import (
    Base,
    DiveEfficiency,
    ImageDistribution,
    ImageTotals,
    MergedTotals,
    Reclaimable,
    Sharing,
)
from report.tables.columns import Column, Table, columns_of

_LAYER = Column("layer", "VARCHAR", "", "Digest of the layer's blob: `sha256:` and lower-case hexadecimal.")
_MANIFEST = Column("manifest_digest", "VARCHAR", "", "Digest of the manifest's bytes.")
PROFILED_AT = Column("profiled_at", "TIMESTAMP", "", "When its profile was made, UTC.")

IS_LAST = Column(
    "is_last",
    "BOOLEAN",
    "",
    "Whether it is the entry that counts for its path: no later one of the layer has the same path. False "
    "for an entry that is incomplete, and for a global header, which has no path.",
)

LAYERS = Table(
    "layers",
    "one distinct layer that was profiled",
    (
        _LAYER,
        *columns_of(LayerSummary, without={"format", "digest"}, names={"version": "profile_version"}),
        *columns_of(LayerCounts, within=("counts",)),
        *columns_of(
            LayerDepth,
            within=("depth",),
            names={each: f"{each}_depth" for each in ("max", "min", "mean", "median")},
        ),
        Column("analysers", "VARCHAR", "", "The analysers that have read it, with their versions."),
        PROFILED_AT,
    ),
)

DIRECTORIES = Table(
    "directories",
    "one distinct directory of one layer, the root and implied ones included",
    (_LAYER, *columns_of(Directory)),
)

FILES = Table(
    "files",
    "one entry of the tar of one layer, of whatever kind; those of a layer lie together, in the order of "
    "`offset_bytes`",
    (
        _LAYER,
        *columns_of(
            Entry, names={"group": "type_group"}, without={"name", "pax", "device", "dialect", "stored_bytes"}
        ),
        IS_LAST,
    ),
)

PACKAGES = Table(
    "packages",
    "one package that a file of one layer says is installed",
    (_LAYER, *columns_of(Package)),
)

DISTINCT_IMAGES = Table(
    "distinct_images",
    "one distinct image that was profiled: one manifest, of one platform, whoever refers to it",
    (
        _MANIFEST,
        *columns_of(
            ImageProfile,
            without={"format", "blob_digest", "created"},
            names={"version": "profile_version", "digest": "canonical_digest"},
        ),
        Column(
            "created_at", "TIMESTAMP", "", "When the image says it was created, UTC; null if it does not."
        ),
        *columns_of(
            Configuration,
            within=("configuration",),
            without={
                "hostname",
                "domain_name",
                "mac_address",
                "has_terminal",
                "has_open_input",
                "has_no_network",
                "args_escaped",
            },
            names={"user": "user_name"},
        ),
        *columns_of(ImageTotals, within=("totals",)),
        *columns_of(MergedTotals, within=("merged",), prefix="merged_"),
        *columns_of(DiveEfficiency, within=("dive",), prefix="dive_"),
        *columns_of(Reclaimable, within=("reclaimable",), prefix="reclaimable_"),
        *columns_of(Base, within=("base",), prefix="base_"),
        *columns_of(Sharing, within=("sharing",)),
        *columns_of(ImageDistribution, within=("distribution",), prefix="distribution_"),
        Column("packages", "BIGINT", "1", "Packages installed in the merged file system; null without one."),
        Column("history_steps", "BIGINT", "1", "Steps of the build that the configuration tells of."),
        PROFILED_AT,
    ),
)

IMAGE_LAYERS = Table(
    "image_layers",
    "one layer of one distinct image; a layer that the image lists twice has two",
    (
        _MANIFEST,
        Column("position", "BIGINT", "1", "Its place in the image; 0 is the base."),
        _LAYER,
        *columns_of(ImageLayer, without={"digest", "profile"}),
        Column("created_by", "VARCHAR", "", "The build step that made it, as the configuration tells it."),
        Column("created_at", "TIMESTAMP", "", "When that step was done, UTC, as the configuration tells it."),
    ),
)
