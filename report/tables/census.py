"""The tables that hold what the catalog says: repositories, what refers to images, and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.errors import Reason
from report.tables.columns import Column, Table
from report.tables.contents import DISTINCT_IMAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

_REGISTRY = Column("registry", "VARCHAR", "", "Name of the registry: `docker.io`, `host:port`, `sample`.")
_REPOSITORY = Column("repository", "VARCHAR", "", "Name of the repository within it: `library/debian`.")
_CLASS = Column(
    "failure_class",
    "VARCHAR",
    "",
    "The class of that reason, as the paper counts failures: `no_latest`, `auth`, `repository_gone`, "
    "`layer_unavailable`, `rate_limited`, `unsupported_type`, `digest_mismatch`, `parse_error`, `network`, "
    "`invalid_name`, `internal`. Of a profile it is its status.",
)

REPOSITORIES = Table(
    "repositories",
    "one distinct repository that was listed",
    (
        _REGISTRY,
        _REPOSITORY,
        Column("namespace", "VARCHAR", "", "What stands before the first slash of the name; empty without."),
        Column("is_official", "BOOLEAN", "", "Whether the hub says it is official; null if it does not say."),
        Column("is_pullable", "BOOLEAN", "", "Whether its name is one that can be pulled at all."),
        Column("description", "VARCHAR", "", "Its description, as listed."),
        Column("pulls", "BIGINT", "1", "Pulls that the hub counts; null if it does not say."),
        Column("stars", "BIGINT", "1", "Stars; null if the hub does not say."),
        Column("storage_bytes", "BIGINT", "B", "Storage that the hub says it takes; null if it does not."),
        Column(
            "registered_at", "TIMESTAMP", "", "When it was registered, UTC; null if the hub does not say."
        ),
        Column("last_updated_at", "TIMESTAMP", "", "When it was last pushed to, UTC; null if not said."),
        Column("first_seen_at", "TIMESTAMP", "", "When a listing first had it, UTC."),
        Column("last_seen_at", "TIMESTAMP", "", "When a listing last had it, UTC."),
        Column("gone_at", "TIMESTAMP", "", "When a complete listing of its namespace had it no more, UTC."),
        Column("times_listed", "BIGINT", "1", "Rows of listings that named it, as far as they were counted."),
        Column("images", "BIGINT", "1", "Its tags and digests that were chosen to be fetched."),
        Column("images_fetched", "BIGINT", "1", "Those of them that were fetched."),
        Column(
            "state",
            "VARCHAR",
            "",
            "`done`: an image of it was fetched; `pending`: one may still be; `failed`: none could be.",
        ),
        Column("reason", "VARCHAR", "", "Why none could be, the first by name; null unless it failed."),
        _CLASS,
    ),
)

REPOSITORY_COUNTS = Table(
    "repository_counts",
    "one time that pulls or stars of a repository were found to be others than before",
    (
        _REGISTRY,
        _REPOSITORY,
        Column("counted_at", "TIMESTAMP", "", "When, UTC."),
        Column("pulls", "BIGINT", "1", "Pulls; null if not said."),
        Column("stars", "BIGINT", "1", "Stars; null if not said."),
    ),
)

REFERENCES = (
    _REGISTRY,
    _REPOSITORY,
    Column("reference", "VARCHAR", "", "Tag or digest by which it was fetched."),
    Column("fetched_at", "TIMESTAMP", "", "When, UTC."),
    Column("root_digest", "VARCHAR", "", "Digest of what the reference leads to: the manifest, or an index."),
    Column("manifest_digest", "VARCHAR", "", "Digest of the bytes of the manifest of one platform."),
)

IS_PROFILED = Column(
    "is_profiled", "BOOLEAN", "", "Whether it has a profile; all columns that follow are null without one."
)

IMAGES = Table(
    "images",
    "one platform's manifest of one image that was fetched (repository and reference). The same manifest has "
    "as many rows as references lead to it: `distinct_images` has one",
    (
        *REFERENCES,
        IS_PROFILED,
        *(column for column in DISTINCT_IMAGES.columns if column.name != "manifest_digest"),
    ),
)

FAILURES = Table(
    "failures",
    "one unit of work that failed, and is still so: a page, a listing of tags, an image, a blob, a profile",
    (
        Column("stage", "VARCHAR", "", "`crawl`, `download` or `analyze`."),
        Column("unit", "VARCHAR", "", "`page`, `tag listing`, `image`, `blob`, `layer` or `image profile`."),
        Column("subject", "VARCHAR", "", "Which: `registry/repository:tag`, a digest, or a page."),
        Column("reason", "VARCHAR", "", "Why; of profiles their status, such as `corrupt`."),
        _CLASS,
        Column("is_temporary", "BOOLEAN", "", "Whether it is tried again by itself."),
        Column("detail", "VARCHAR", "", "More of it, for people; of profiles the reason in it."),
    ),
)

_STAGES = {
    "page": "crawl",
    "tag listing": "download",
    "image": "download",
    "blob": "download",
    "layer": "analyze",
    "image profile": "analyze",
}

_CLASSES: Mapping[Reason, str] = {
    Reason.INVALID_NAME: "invalid_name",
    Reason.REPO_MISSING: "repository_gone",
    Reason.LEGAL: "repository_gone",
    Reason.NO_TAG: "no_latest",
    Reason.AUTH_REQUIRED: "auth",
    Reason.DENIED: "auth",
    Reason.MANIFEST_MISSING: "layer_unavailable",
    Reason.BLOB_MISSING: "layer_unavailable",
    Reason.FOREIGN_SKIPPED: "layer_unavailable",
    Reason.MANIFEST_INVALID: "parse_error",
    Reason.AMBIGUOUS: "parse_error",
    Reason.TOO_LARGE: "parse_error",
    Reason.UNSUPPORTED_TYPE: "unsupported_type",
    Reason.NO_PLATFORM: "unsupported_type",
    Reason.UNVERIFIABLE: "unsupported_type",
    Reason.DIGEST_MISMATCH: "digest_mismatch",
    Reason.SIZE_MISMATCH: "digest_mismatch",
    Reason.QUOTA: "rate_limited",
    Reason.ABUSE_LIMIT: "rate_limited",
    Reason.TIMEOUT: "network",
    Reason.NETWORK: "network",
    Reason.TLS: "network",
    Reason.SERVER_ERROR: "network",
    Reason.UNEXPECTED_ANSWER: "network",
    Reason.INTERNAL: "internal",
}


def failure_class(reason: str | None) -> str | None:
    """The class of a reason; what is no :class:`Reason` (the status of a profile) is a class of its own."""
    return _CLASSES[Reason(reason)] if reason in set(Reason) else reason


def stage_of(unit: str) -> str:
    """The stage that works on units of this kind."""
    return _STAGES[unit]
