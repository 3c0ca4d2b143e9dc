"""The image profile: what a manifest, its configuration and its layers say together, as published."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from corpus.profiles.layer import LayerStatus
from corpus.profiles.units import count, described, duration, levels, ratio, size

IMAGE_FORMAT = "hubcrawl.image-profile"
IMAGE_VERSION = 2


class ConfigurationStatus(StrEnum):
    """Where the configuration came from."""

    READ = "read"
    HISTORY = "history"  # schema 1 has none: the newest v1Compatibility record stands for it
    MISSING = "missing"  # the configuration blob is not in the corpus
    INVALID = "invalid"  # not JSON, or not an object
    NOT_AN_IMAGE = "not_an_image"  # JSON of another kind: an artifact's configuration


class MergeGap(StrEnum):
    """Why there is no merged file system."""

    MISSING_LAYER = "missing_layer"  # a layer has no profile
    DAMAGED_LAYER = "damaged_layer"  # a layer is not complete: nobody can say what the rest of it held
    PATHS = "paths"  # more paths than may be held in memory


class Healthcheck(msgspec.Struct, frozen=True, kw_only=True):
    """How it is found out whether a container works (Docker's ``Healthcheck``); null is the default."""

    test: Annotated[tuple[str, ...], described("NONE, CMD and arguments, or CMD-SHELL and a command.")] = ()
    interval_s: Annotated[float | None, duration("Time between two tests.")] = None
    timeout_s: Annotated[float | None, duration("Time after which a test has failed.")] = None
    start_period_s: Annotated[float | None, duration("Time in which failures do not count.")] = None
    start_interval_s: Annotated[float | None, duration("Time between two tests in that period.")] = None
    retries: Annotated[int | None, count("Failures in a row that make it unhealthy.")] = None


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
    healthcheck: Annotated[Healthcheck | None, described("Test of a container; null without one.")] = None
    stop_timeout_s: Annotated[int | None, duration("Time to end in before it is killed; null: default.")] = (
        None
    )
    hostname: Annotated[str, described("Host name; '' is the default.")] = ""
    domain_name: Annotated[str, described("Domain name; '' is the default.")] = ""
    mac_address: Annotated[str, described("MAC address; '' is the default.")] = ""
    has_terminal: Annotated[bool, described("Whether it is run with a terminal (Tty).")] = False
    has_open_input: Annotated[bool, described("Whether its standard input stays open (OpenStdin).")] = False
    has_no_network: Annotated[bool, described("Whether it has no network (NetworkDisabled).")] = False
    args_escaped: Annotated[
        bool, described("Whether the command is a single, escaped line (Windows; ArgsEscaped).")
    ] = False


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of the build."""

    created: Annotated[str | None, described("When, as stored (RFC 3339).")] = None
    created_by: Annotated[str | None, described("The command.")] = None
    author: Annotated[str | None, described("The author.")] = None
    comment: Annotated[str | None, described("A comment.")] = None
    empty_layer: Annotated[bool, described("Whether the step changed no file.")] = False
    layer: Annotated[
        int | None,
        count("Index in layers of the layer it made; null if it made none, or history does not match."),
    ] = None
    layer_digest: Annotated[str | None, described("Digest of that layer's blob.")] = None


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
    chain_id: Annotated[
        str | None,
        described(
            "ChainID of this layer upon those below it (OCI image-spec, config.md), from the DiffIDs as "
            "computed; null where one of them is not known."
        ),
    ] = None
    is_of_base: Annotated[bool, described("Whether it belongs to the base image (see base).")] = False
    is_shared: Annotated[
        bool, described("Whether another image of the corpus lists it too (see sharing).")
    ] = False
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


class MergedTotals(msgspec.Struct, frozen=True, kw_only=True):
    """The file system that a container of the image sees, below its root."""

    files: Annotated[int, count("Paths of regular files, hard links included.")] = 0
    regular_files: Annotated[int, count("Regular files, each once however many names it has.")] = 0
    hard_links: Annotated[int, count("Further names of regular files, and hard links to nothing.")] = 0
    unresolved_hard_links: Annotated[
        int, count("Hard links whose target is neither in their layer nor below it; files and hard_links.")
    ] = 0
    symlinks: Annotated[int, count("Paths of symbolic links.")] = 0
    directories: Annotated[int, count("Directories, implied ones included.")] = 0
    implied_directories: Annotated[int, count("Directories of which no layer has an entry.")] = 0
    character_devices: Annotated[int, count("Paths of character devices.")] = 0
    block_devices: Annotated[int, count("Paths of block devices.")] = 0
    fifos: Annotated[int, count("Paths of named pipes.")] = 0
    others: Annotated[int, count("Paths of entries of any other kind.")] = 0
    bytes: Annotated[int, size("Apparent sizes of the regular files, each once.")] = 0
    distinct_contents: Annotated[int, count("Distinct contents of the regular files.")] = 0
    distinct_bytes: Annotated[int, size("Apparent sizes of the distinct contents.")] = 0
    max_depth: Annotated[int, levels("Depth of the deepest directory.")] = 0
    whiteouts_without_target: Annotated[
        int, count("Whiteouts of which no layer below has the target, over all layers.")
    ] = 0
    whiteouts_with_entry: Annotated[
        int,
        count(
            "Whiteouts of what their own layer has too, over all layers. It stays; in some runtimes the "
            "order in the tar would decide."
        ),
    ] = 0
    replaced_parents: Annotated[
        int,
        count(
            "Times that a directory took the place of something else because an entry lies below it; of a "
            "symbolic link a runtime may have followed it instead."
        ),
    ] = 0
    left_out: Annotated[
        int,
        count(
            "Entries that are not in it: too deep for any file system, an entry for the root that is no "
            "directory, and of a Windows layer what is not below Files."
        ),
    ] = 0


class DiveEfficiency(msgspec.Struct, frozen=True, kw_only=True):
    """What dive would show, by its own definition."""

    score: Annotated[
        float, ratio("Sum over the paths of the smallest size / sum of all their sizes; 1 without any.")
    ] = 1.0
    wasted_bytes: Annotated[int, size("Sum of the sizes of paths that are in more than one layer.")] = 0
    size_bytes: Annotated[int, size("Sum of the sizes of all entries.")] = 0
    user_bytes: Annotated[int, size("The same without the first layer.")] = 0
    wasted_user_ratio: Annotated[
        float | None, ratio("wasted_bytes / user_bytes; null if the latter is 0.")
    ] = None


class Reclaimable(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of regular files in the distinct layers that the merged file system does not need."""

    overwritten_bytes: Annotated[
        int, size("Contents that gave way to another content, or to something that is no file.")
    ] = 0
    deleted_bytes: Annotated[int, size("Contents hidden by a whiteout or an opaque marker.")] = 0
    metadata_only_bytes: Annotated[
        int,
        size("Contents written again as they were, with another mode, owner, time or extended attribute."),
    ] = 0
    identical_rewrite_bytes: Annotated[int, size("Contents written again with nothing changed.")] = 0
    duplicate_elsewhere_bytes: Annotated[
        int, size("Contents of visible files that another visible file has too, all but one of each.")
    ] = 0
    total_bytes: Annotated[int, size("Sum of the five.")] = 0


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """The image this one is built on: its whole chain is the longest proper beginning of this one's."""

    chain_id: Annotated[str, described("ChainID of its top layer.")]
    manifests: Annotated[
        tuple[str, ...],
        described(
            "Digests of the manifests in the corpus with this chain (of their bytes), the smallest first, at "
            "most four."
        ),
    ]
    layers: Annotated[int, count("Layers of this image that are its layers, every reference counted.")]


class Sharing(msgspec.Struct, frozen=True, kw_only=True):
    """What of the image's distinct layers other images of the corpus have too."""

    shared_layers: Annotated[int, count("Distinct layers that another image lists too.")] = 0
    shared_cls_bytes: Annotated[int, size("CLS of these, as far as they were analyzed.")] = 0
    private_layers: Annotated[int, count("Distinct layers that no other image lists.")] = 0
    private_cls_bytes: Annotated[int, size("CLS of these, as far as they were analyzed.")] = 0


class ImageDistribution(msgspec.Struct, frozen=True, kw_only=True):
    """The distribution of the merged file system, from its os-release(5)."""

    id: Annotated[str, described("ID: debian, alpine, fedora, ...")]
    version: Annotated[str, described("VERSION_ID; '' where it has none (rolling releases).")] = ""
    name: Annotated[str, described("NAME.")] = ""
    pretty_name: Annotated[str, described("PRETTY_NAME, for people.")] = ""
    id_like: Annotated[str, described("ID_LIKE: the distributions it is derived from.")] = ""
    path: Annotated[str, described("The file it is from, with links followed.")] = ""


class InstalledPackage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, order=True):
    """A package that a visible file of the merged file system says is installed."""

    type: Annotated[str, described("The world of packages it belongs to: deb, apk, rpm, pypi or npm.")]
    name: Annotated[str, described("Name, as its database writes it.")]
    version: Annotated[str, described("Version, as its package manager writes it.")] = ""
    architecture: Annotated[str, described("Architecture as the package manager calls it.")] = ""
    source: Annotated[str, described("What it was built from: source package, origin or source RPM.")] = ""
    source_version: Annotated[str, described("Version of that, where it differs from its own.")] = ""
    purl: Annotated[str, described("Package URL (package-url/purl-spec).")] = ""
    path: Annotated[str, described("The file that says so.")] = ""
    layer: Annotated[int, count("Index in layers of the layer that has this file.")] = 0


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
    merged: Annotated[
        MergedTotals | None, described("Totals of the merged file system; null: see merge_gap.")
    ] = None
    merge_gap: Annotated[MergeGap | None, described("Why there is none; null if there is.")] = None
    dive: Annotated[
        DiveEfficiency | None, described("Efficiency by dive's definition; null without merged.")
    ] = None
    reclaimable: Annotated[
        Reclaimable | None, described("Bytes that are not needed, by cause; null without merged.")
    ] = None
    base: Annotated[
        Base | None, described("The image it is built on; null if none in the corpus is known to be.")
    ] = None
    sharing: Annotated[Sharing, described("What other images have too.")] = Sharing()
    distribution: Annotated[
        ImageDistribution | None, described("Distribution; null if none is named, or without merged.")
    ] = None
    packages: Annotated[
        tuple[InstalledPackage, ...],
        described("Packages installed, by type, name and version; none without merged."),
    ] = ()
    history: Annotated[tuple[HistoryRow, ...], described("Steps of the build, base first.")] = ()
    history_matches: Annotated[
        bool | None,
        described(
            "Whether history has one step per layer: one that is not empty, or for schema 1 and v1_image one "
            "of any kind; null without history."
        ),
    ] = None
    diffids_match: Annotated[
        bool | None,
        described(
            "Whether the DiffIDs of the configuration are those of the layers, in number and order; null if "
            "it lists none, or one that would decide it is not known."
        ),
    ] = None
    layers: Annotated[tuple[ImageLayer, ...], described("The layers, base first, repeats kept.")] = ()
