"""Layer and image profiles: their published format, and reading and writing it as a stream."""

from __future__ import annotations

from corpus.profiles.image import (
    Configuration,
    ConfigurationStatus,
    HistoryRow,
    ImageLayer,
    ImageProfile,
    ImageTotals,
)
from corpus.profiles.layer import (
    LAYER_VERSION,
    Compression,
    Directory,
    Entry,
    EntryFlag,
    Kind,
    LayerCounts,
    LayerDepth,
    LayerFlag,
    LayerProfile,
    LayerReason,
    LayerStatus,
    LayerSummary,
)
from corpus.profiles.names import bytes_of, text_of
from corpus.profiles.schema import profile_schema
from corpus.profiles.stream import (
    LayerProfileWriter,
    ProfileError,
    commit,
    iter_directories,
    iter_entries,
    read_image_profile,
    read_layer_profile,
    read_summary,
    temporary_name,
    write_image_profile,
)

__all__ = [
    "LAYER_VERSION",
    "Compression",
    "Configuration",
    "ConfigurationStatus",
    "Directory",
    "Entry",
    "EntryFlag",
    "HistoryRow",
    "ImageLayer",
    "ImageProfile",
    "ImageTotals",
    "Kind",
    "LayerCounts",
    "LayerDepth",
    "LayerFlag",
    "LayerProfile",
    "LayerProfileWriter",
    "LayerReason",
    "LayerStatus",
    "LayerSummary",
    "ProfileError",
    "bytes_of",
    "commit",
    "iter_directories",
    "iter_entries",
    "profile_schema",
    "read_image_profile",
    "read_layer_profile",
    "read_summary",
    "temporary_name",
    "text_of",
    "write_image_profile",
]
