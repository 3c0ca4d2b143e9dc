"""Tables of the catalog, format 3.

Times ``*_at`` are unix seconds (REAL) when we set them, ISO 8601 text when a registry
said them. Sizes are bytes. ``state`` is ``pending``, ``done`` or ``failed``; a failed row
has a ``reason`` (:class:`registry.errors.Reason`), a ``detail`` for people, and
``is_temporary`` when another try may help.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
    literal_column,
    text,
)

FORMAT_VERSION = 3

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

registries = Table(
    "registries",
    metadata,
    Column("name", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("last_crawled_at", Float),
)

repositories = Table(
    "repositories",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("registry", Text, ForeignKey("registries.name"), nullable=False),
    Column("name", Text, nullable=False),
    Column("is_official", Boolean),
    Column("is_pullable", Boolean, nullable=False),  # the name fits the image-name grammar
    Column("pull_count", BigInteger),
    Column("star_count", BigInteger),
    Column("description", Text),
    Column("registered_at", Text),
    Column("last_updated_at", Text),
    Column("storage_bytes", BigInteger),
    Column("first_seen_at", Float, nullable=False),
    Column("last_seen_at", Float, nullable=False),
    Column("tags_rule", Text),  # the rule by which tags were last turned into images
    Column("gone_at", Float),  # when its namespace, or its own page, no longer had it
    UniqueConstraint("registry", "name"),
)

# Pulls and stars over time: one row for each time they were found to be others than before.
repository_counts = Table(
    "repository_counts",
    metadata,
    Column("repository_id", Integer, ForeignKey("repositories.id"), primary_key=True),
    Column("seen_at", Float, primary_key=True),
    Column("pull_count", BigInteger),
    Column("star_count", BigInteger),
    sqlite_with_rowid=False,
)

# Repositories whose tags could not be listed when they were last asked for; gone as soon as they can.
tag_failures = Table(
    "tag_failures",
    metadata,
    Column("repository_id", Integer, ForeignKey("repositories.id"), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("is_temporary", Boolean, nullable=False),  # the next run asks again
)

# Where and how often a repository was listed, but for what a sweep lists again within minutes.
sightings = Table(
    "sightings",
    metadata,
    Column("repository_id", Integer, ForeignKey("repositories.id"), primary_key=True),
    Column("source", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("first_seen_at", Float, nullable=False),
    Column("last_seen_at", Float, nullable=False),
    Column("times_seen", Integer, nullable=False),
)

# The crawl frontier: one row per page of a listing.
pages = Table(
    "pages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("cursor", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("rows", Integer),
    Column("rows_new", Integer),
    Column("reason", Text),
    Column("detail", Text),
    Column("is_temporary", Boolean),
    Column("finished_at", Float),
    UniqueConstraint("source", "cursor"),
    Index("pages_by_state", "source", "state"),  # the next page among 100,000 that are done
)

# When a hub was listed by many queries.
sweeps = Table(
    "sweeps",
    metadata,
    Column("registry", Text, ForeignKey("registries.name"), primary_key=True),
    Column("started_at", Float, nullable=False),
    Column("completed_at", Float),
    Column("rows_before", BigInteger, nullable=False, server_default=text("0")),  # of earlier sweeps
    Column("coverage", Text),  # JSON
)

# Up to when changes are known, beyond what a sweep has listed.
updates = Table(
    "updates",
    metadata,
    Column("registry", Text, ForeignKey("registries.name"), primary_key=True),
    Column("known_until", Float),  # what changed before is known
    Column("started_at", Float),  # of the update under way
)

# The ledger of a sweep: every query of every endpoint, and what it showed. Its state is ``pending`` (not
# asked yet), ``open`` (some of its pages are here), or its end (:class:`corpus.catalog.ledgers.End`).
queries = Table(
    "queries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("registry", Text, ForeignKey("registries.name"), nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("key", Text, nullable=False),  # term, facets and order, as JSON
    Column("parent_id", Integer),  # the query that was split into this one
    Column("state", Text, nullable=False),
    Column("priority", Float, nullable=False),  # what is asked first has the highest
    Column("claimed", BigInteger),  # rows, as the site says
    Column("rows", Integer, nullable=False, server_default=text("0")),
    Column("distinct_names", Integer, nullable=False, server_default=text("0")),
    Column("new_names", Integer, nullable=False, server_default=text("0")),
    Column(
        "prefixed", Integer, nullable=False, server_default=text("0")
    ),  # rows whose name begins with the term
    Column("last_new", Integer, nullable=False, server_default=text("0")),  # new names of the last page
    Column("pages", Integer, nullable=False, server_default=text("0")),  # that came
    Column("whole", Integer, nullable=False, server_default=text("0")),  # rows that have its words as words
    Column("refused_at", Integer),  # the lowest offset that was refused, in rows
    Column("unreadable", Integer, nullable=False, server_default=text("0")),  # rows behind a bad document
    Column("retry_at", Float, nullable=False, server_default=text("0")),  # not before; a page of it failed
    Column("why", Text),  # why it ended as it did
    Column("finished_at", Float),
    UniqueConstraint("registry", "endpoint", "key"),
    Index("queries_by_priority", "registry", "state", text("priority DESC"), "id"),
    Index("queries_by_parent", "parent_id"),
)

# The pages of queries: those that came, those that failed, and parts of the latter that are to be asked for.
slices = Table(
    "slices",
    metadata,
    Column("query_id", Integer, ForeignKey("queries.id"), primary_key=True),
    Column("page", Integer, primary_key=True),  # from 1
    Column("size", Integer, primary_key=True),  # rows per page
    Column("state", Text, nullable=False),
    Column("rows", Integer),
    Column("names", LargeBinary),  # 8 bytes for each name, while its query is open
    Column("reason", Text),
    Column("detail", Text),
    Column("is_temporary", Boolean),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("finished_at", Float),
    sqlite_with_rowid=False,
)

# The words of names, and how many known names have each.
words = Table(
    "words",
    metadata,
    Column("registry", Text, ForeignKey("registries.name"), primary_key=True),
    Column("word", Text, primary_key=True),
    Column("names", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# What is known of the windows that endpoints grant.
windows = Table(
    "windows",
    metadata,
    Column("registry", Text, ForeignKey("registries.name"), primary_key=True),
    Column("endpoint", Text, primary_key=True),
    Column("account", Text, primary_key=True),  # "" is anonymous
    Column("window", Text, nullable=False),  # JSON
    Column("learned_at", Float, nullable=False),
)

# Answers that were not what their endpoint gives; the bodies are files, named by their sha256.
evidence = Table(
    "evidence",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("registry", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("status", Integer),
    Column("reason", Text, nullable=False),
    Column("body_sha256", Text, nullable=False),
    Column("seen_at", Float, nullable=False),
)

images = Table(
    "images",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("repository_id", Integer, ForeignKey("repositories.id"), nullable=False),
    Column("reference", Text, nullable=False),  # tag or digest
    Column("tags_rule", Text),  # the rule that chose it last; none for one that a list names itself
    Column("state", Text, nullable=False),
    Column("platforms", Text),  # the rule with which it was done
    Column("missed_platforms", Text),  # of one that is done: a wider rule, with which it failed since
    Column("root_digest", Text),  # of the stored bytes
    Column("reason", Text),
    Column("detail", Text),
    Column("is_temporary", Boolean),
    Column("finished_at", Float),
    # Tries in a row that failed for a passing reason, and when the next one is due; after the last, none is.
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("retry_at", Float),
    UniqueConstraint("repository_id", "reference"),
    Index("images_by_state", "state"),
)

manifests = Table(
    "manifests",
    metadata,
    Column("digest", Text, primary_key=True),  # sha256 of the stored bytes: the name of the blob
    Column("canonical_digest", Text, nullable=False),  # schema 1 signed: of the JWS payload
    Column("header_digest", Text),  # Docker-Content-Digest
    Column("content_type", Text, nullable=False),  # of the answer
    Column("media_type", Text, nullable=False),  # of the body
    Column("kind", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("config_digest", Text),
    Column("fetched_at", Float, nullable=False),
    Column("flags", Text, nullable=False, server_default=text("''")),  # what is odd about it: words, sorted
    Column("artifact_type", Text),  # of an artifact: "application/vnd.example.sbom.v1+json"
    Column("subject_digest", Text),  # the manifest that an artifact is about
    Index("manifests_by_canonical_digest", "canonical_digest"),
)

# Artifacts about a manifest, and how each was found: "referrers" (the API), "index" (listed there), or the
# tag that led to it.
referrers = Table(
    "referrers",
    metadata,
    Column("subject_digest", Text, primary_key=True),  # canonical
    Column("manifest_digest", Text, ForeignKey("manifests.digest"), primary_key=True),
    Column("found_by", Text, nullable=False),
    Index("referrers_by_manifest", "manifest_digest"),
)

# The order of the present run: what it takes first has the lowest rank. It is made anew at will: no other
# table refers to it.
plan = Table(
    "plan",
    metadata,
    Column("rank", BigInteger, primary_key=True),
    Column("image_id", Integer, primary_key=True),
    Index("plan_by_image", "image_id"),  # a few that failed among millions
    sqlite_with_rowid=False,
)

# What registries last said of our pull quota.
quotas = Table(
    "quotas",
    metadata,
    Column("host", Text, primary_key=True),  # host[:port]
    Column("username", Text, primary_key=True),  # "" is anonymous
    Column("remaining", Integer, nullable=False),  # manifest GETs left
    Column("limit", Integer),  # per window
    Column("window_s", Integer),
    Column("seen_at", Float, nullable=False),
)

# The requests that count against the user's own limits: so many, made at some time between two moments.
requests = Table(
    "requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("starts_at", Float, nullable=False),
    Column("ends_at", Float, nullable=False),
    Column("requests", Integer, nullable=False),
)

manifest_children = Table(
    "manifest_children",
    metadata,
    Column("parent_digest", Text, ForeignKey("manifests.digest"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size_bytes", BigInteger),
    Column("platform", Text),
)

manifest_layers = Table(
    "manifest_layers",
    metadata,
    Column("manifest_digest", Text, ForeignKey("manifests.digest"), primary_key=True),
    Column("position", Integer, primary_key=True),  # 0 is the base
    Column("digest", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size_bytes", BigInteger),
    Index("manifest_layers_by_digest", "digest"),
)

# The manifests (never indexes) that an image consists of: one per platform fetched.
image_manifests = Table(
    "image_manifests",
    metadata,
    Column("image_id", Integer, ForeignKey("images.id"), primary_key=True),
    Column("manifest_digest", Text, ForeignKey("manifests.digest"), primary_key=True),
    Index("image_manifests_by_manifest", "manifest_digest"),  # else each of a million is sought in a million
)

blobs = Table(
    "blobs",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("role", Text, nullable=False),  # manifest, config, layer or artifact; unknown until one lists it
    Column("size_bytes", BigInteger),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("detail", Text),
    Column("is_temporary", Boolean),
    Column("finished_at", Float, nullable=False),
)

# What work is ordered by; the index serves the largest of those that are left among a million.
BLOB_SIZE = func.coalesce(blobs.c.size_bytes, literal_column("0"))
Index("blobs_by_size", BLOB_SIZE.desc(), blobs.c.digest)

# What came for the image ids of registries of version 1, which name no content by its digest.
v1_layers = Table(
    "v1_layers",
    metadata,
    Column("registry", Text, primary_key=True),
    Column("image_id", Text, primary_key=True),
    Column("json_digest", Text, nullable=False),
    Column("json_bytes", BigInteger, nullable=False),
    Column("layer_digest", Text, nullable=False),
    Column("layer_bytes", BigInteger, nullable=False),
)

_PROFILE_COLUMNS = ("files", "directories", "cls_bytes", "als_bytes", "fls_bytes")


def _profile_table(name: str, *extra: Column[Any]) -> Table:
    """One row per profile written; ``state`` is ``failed`` unless its status is ``complete``."""
    return Table(
        name,
        metadata,
        Column("digest", Text, primary_key=True),
        Column("profile_version", Integer, nullable=False),
        Column("state", Text, nullable=False),
        Column("status", Text, nullable=False),
        Column("reason", Text),
        Column("duration_s", Float, nullable=False),
        Column("finished_at", Float, nullable=False),
        *(Column(column, BigInteger) for column in _PROFILE_COLUMNS),
        *extra,
    )


layer_profiles = _profile_table(
    "layer_profiles",
    Column("max_depth", BigInteger),
    Column("analysers", Text, nullable=False, server_default=text("''")),  # that have read it: "apk=1 dpkg=1"
    Column("diffid", Text),  # null where the layer could not be decoded to its end
)
image_profiles = _profile_table(
    "image_profiles",
    Column("layers", BigInteger),
    Column("surroundings", Text),  # what it says of other images (corpus.records.Surroundings.key)
)

# The layers of an image as one name, by which an image built on another one is told: of every image fetched
# whose layers all have a DiffID.
image_chains = Table(
    "image_chains",
    metadata,
    Column("manifest_digest", Text, ForeignKey("manifests.digest"), primary_key=True),
    Column("chain_id", Text),  # of the top layer; null where no layer counts
    Index("image_chains_by_chain", "chain_id", "manifest_digest"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("stage", Text, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("outcome", Text),
    Column("settings", Text, nullable=False),  # JSON, without secrets
    Column("summary", Text),  # JSON
)
