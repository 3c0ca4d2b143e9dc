"""Errors as data: what failed, whether trying again can help, and for which enumerated reason.

A foreign exception is translated once, at the seam where it appears, into one of
these. Decisions and counts use the fields, never the message text.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a unit of work failed: the failure table of the paper is a ``GROUP BY`` over these."""

    # of a repository or an image
    INVALID_NAME = "invalid_name"  # breaks the image-name grammar: cannot be pulled by anyone
    REPO_MISSING = "repo_missing"  # NAME_UNKNOWN: deleted, or never pushed to
    NO_TAG = "no_tag"  # the repository answers, the tag does not exist
    AUTH_REQUIRED = "auth_required"  # 401 after a token was obtained: private, login required
    DENIED = "denied"  # 403 for this credential
    LEGAL = "legal"  # 451
    # of a manifest
    MANIFEST_MISSING = "manifest_missing"  # a digest named by an index, or by the user, is not there
    MANIFEST_INVALID = "manifest_invalid"  # not JSON, or not a shape of any specification
    AMBIGUOUS = "ambiguous"  # fields of two kinds of manifest in one body
    UNSUPPORTED_TYPE = "unsupported_type"  # well-formed, but nothing we know how to follow
    NO_PLATFORM = "no_platform"  # the index has no child for the platforms asked for
    # of a blob
    BLOB_MISSING = "blob_missing"
    FOREIGN_SKIPPED = "foreign_skipped"  # a layer that lives elsewhere by licence, and was not asked for
    UNVERIFIABLE = "unverifiable"  # a digest algorithm nobody can compute here
    # of any body
    DIGEST_MISMATCH = "digest_mismatch"  # corrupt: all bytes came, and they are the wrong ones
    SIZE_MISMATCH = "size_mismatch"  # truncated, or longer than announced
    TOO_LARGE = "too_large"  # above the configured bound
    # of the way there
    QUOTA = "quota"  # the pull quota of the account or address is used up
    ABUSE_LIMIT = "abuse_limit"  # 429 without a quota
    TIMEOUT = "timeout"
    NETWORK = "network"
    TLS = "tls"
    SERVER_ERROR = "server_error"
    UNEXPECTED_ANSWER = "unexpected_answer"  # well-formed HTTP that no specification allows here
    # of this machine (a full disk is none of these: it stops the run)
    INTERNAL = "internal"  # a fault of this program; its log tells which


class ConfigurationError(Exception):
    """Something the user must change; the message is the one sentence they are shown (exit status 2)."""


class RegistryError(Exception):
    """A request that did not give what it asked for.

    Attributes:
        reason: The class of failure.
        temporary: Whether the same request may succeed later.
        url: Where, redacted; ``None`` when no request was made.
        status: HTTP status, ``None`` when there was no answer.
        code: The registry's own error code (``MANIFEST_UNKNOWN``, ...), if it gave one.
        detail: A short sentence for people; never decided upon.
        retry_after_s: How long the server asked us to wait, in seconds.
        attempts: How often it was tried before it was given up; 0 until then.
        is_shared: Whether it was somebody else's request, whose answer was waited for.
    """

    def __init__(  # noqa: PLR0913 - a record of fields, all but two by keyword
        self,
        reason: Reason,
        detail: str,
        *,
        temporary: bool = False,
        url: str | None = None,
        status: int | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.temporary = temporary
        self.url = url
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s
        self.attempts = 0
        self.is_shared = False

    def shared(self) -> RegistryError:
        """The same, for those who waited for the answer to somebody else's request."""
        twin = RegistryError(
            self.reason,
            self.detail,
            temporary=self.temporary,
            url=self.url,
            status=self.status,
            code=self.code,
            retry_after_s=self.retry_after_s,
        )
        twin.attempts, twin.is_shared = self.attempts, True
        return twin

    def __str__(self) -> str:
        """``reason: detail (status, url)``, as logged."""
        where = ", ".join(str(part) for part in (self.status, self.url) if part is not None)
        return f"{self.reason}: {self.detail}" + (f" ({where})" if where else "")
