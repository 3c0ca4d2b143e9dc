"""The image profile: what a manifest, its configuration and its layers say together, as published."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from corpus.profiles.layer import LayerStatus
from corpus.profiles.units import count, described, levels, ratio, size

IMAGE_FORMAT = "hubcrawl.image-profile"
IMAGE_VERSION = 1


class ConfigurationStatus(StrEnum):
    """Where the configuration came from."""

    READ = "read"
    HISTORY = "history"  # schema 1 has none: the newest v1Compatibility record stands for it
    MISSING = "missing"  # the configuration blob is not in the corpus
    INVALID = "invalid"  # not JSON, or not an object
    NOT_AN_IMAGE = "not_an_image"  # JSON of another kind: an artifact's configuration


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """How a container of the image is run (OCI image-spec, config.md#properties)."""

    user: Annotated[str, described("User the process runs as; '' is the default, root.")] = ""
    environment: Annotated[tuple[str, ...], described("Environment, 'NAME=value' each.")] = ()
    entrypoint: Annotated[tuple[str, ...], described("Entry point.")] = ()
    command: Annotated[tuple[str, ...], described("Default arguments (Cmd).")] = ()
    working_directory: Annotated[str, described("Working directory.")] = ""
    exposed_ports: Annotated[tuple[str, ...], described("Ports, 'port/protocol', sorted.")] = ()
    volumes: Annotated[tuple[str, ...], described("Volumes, sorted.")] = ()
    labels: Annotated[dict[str, str], described("Labels, sorted by name.")] = msgspec.field(
        default_factory=dict
    )
    stop_signal: Annotated[str, described("Signal that ends the container; '' is the default.")] = ""
    shell: Annotated[tuple[str, ...], described("Shell of the build instructions, where set.")] = ()
    on_build: Annotated[tuple[str, ...], described("Instructions for images built on this one.")] = ()


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of the build."""

    created: Annotated[str | None, described("When, as stored (RFC 3339).")] = None
    created_by: Annotated[str | None, described("The command.")] = None
    author: Annotated[str | None, described("The author.")] = None
    comment: Annotated[str | None, described("A comment.")] = None
    empty_layer: Annotated[bool, described("Whether the step changed no file.")] = False


class ImageLayer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer of the image, base first; a layer listed twice has two rows."""

    digest: Annotated[str, described("Digest of the blob.")]
    media_type: Annotated[str, described("Media type as the manifest lists it.")]
    size_bytes: Annotated[
        int | None, size("Size as the manifest lists it, or of the blob where it lists none; else null.")
    ] = None
    diffid: Annotated[str | None, described("DiffID as computed from the blob; null if not known.")] = None
    diffid_ok: Annotated[
        bool | None, described("Whether it is the one the configuration lists; null if either is missing.")
    ] = None
    is_empty: Annotated[
        bool | None, described("Whether the layer has no entry; null if it was not analyzed.")
    ] = None
    is_foreign: Annotated[bool, described("Whether the layer lives elsewhere, by licence.")] = False
    status: Annotated[LayerStatus | None, described("Status of its profile; null if not analyzed.")] = None
    profile: Annotated[str | None, described("Path of its profile below the data directory, or null.")] = None


class ImageTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over the distinct layers of the image that were analyzed."""

    layers: Annotated[int, count("Layers, every reference counted.")] = 0
    distinct_layers: Annotated[int, count("Distinct layers.")] = 0
    empty_layers: Annotated[int, count("Layers without any entry, every reference counted.")] = 0
    cis_bytes: Annotated[int, size("CIS: sum of CLS.")] = 0
    ais_bytes: Annotated[int, size("AIS: sum of ALS.")] = 0
    fis_bytes: Annotated[int, size("FIS: sum of FLS.")] = 0
    fis_cis_ratio: Annotated[float | None, ratio("FIS / CIS; null if CIS is 0.")] = None
    ais_cis_ratio: Annotated[float | None, ratio("AIS / CIS; null if CIS is 0.")] = None
    files: Annotated[int, count("Sum of the layers' files (not the merged file system).")] = 0
    directories: Annotated[int, count("Sum of the layers' directories (not merged).")] = 0
    max_depth: Annotated[int, levels("Largest depth of the layers.")] = 0


class ImageProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one image that follows from its content; who refers to it is in the catalog."""

    format: Annotated[str, described("Name of this format.")] = IMAGE_FORMAT
    version: Annotated[int, described("Version of this format; it changes when a field changes.")] = (
        IMAGE_VERSION
    )
    digest: Annotated[str, described("Canonical digest of the manifest.")]
    blob_digest: Annotated[str, described("Digest of the manifest's bytes: the name it is stored under.")]
    kind: Annotated[str, described("schema1, schema1_signed, schema2, oci_manifest or v1_image.")]
    schema_version: Annotated[int, described("schemaVersion of that kind: 1 or 2; 1 for v1_image.")]
    media_type: Annotated[str, described("Media type of the manifest.")]
    config_digest: Annotated[str | None, described("Digest of the configuration; null for schema 1.")] = None
    configuration_status: Annotated[ConfigurationStatus, described("Where the configuration came from.")]
    os: Annotated[str | None, described("Operating system.")] = None
    os_version: Annotated[str | None, described("Version of the operating system (Windows).")] = None
    architecture: Annotated[str | None, described("Processor architecture, in Go's names.")] = None
    variant: Annotated[str | None, described("Variant of the architecture.")] = None
    created: Annotated[str | None, described("When the image was created, as stored (RFC 3339).")] = None
    author: Annotated[str | None, described("Author of the image.")] = None
    configuration: Annotated[Configuration, described("How a container of it is run.")] = Configuration()
    is_complete: Annotated[bool, described("Whether every layer has a complete profile.")] = False
    totals: Annotated[ImageTotals, described("Sums over the distinct layers.")] = ImageTotals()
    history: Annotated[tuple[HistoryRow, ...], described("Steps of the build, base first.")] = ()
    history_matches: Annotated[
        bool | None,
        described("Whether history has one non-empty step per layer; null without history."),
    ] = None
    layers: Annotated[tuple[ImageLayer, ...], described("The layers, base first, repeats kept.")] = ()
