"""Foreign exceptions and unwanted answers, translated once into :class:`RegistryError`.

What is shown comes from us, not from the exception or the server: both like to repeat the URL or
the headers they were given, and so the signature or token in them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import aiohttp

from registry.errors import Reason, RegistryError
from registry.transport.addresses import PrivateAddressError
from registry.transport.quota import parse_quota
from registry.transport.retry import classify_status, parse_retry_after
from registry.transport.urls import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

# Whatever aiohttp raises for the network's and the server's sake; ValueError is a URL it cannot use.
FOREIGN_ERRORS = (aiohttp.ClientError, OSError, TimeoutError, ValueError)

# Kind of exception -> reason, whether it may pass by itself, what to tell. Special kinds before general ones.
_VERDICTS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], tuple[Reason, bool, str]], ...] = (
    (
        aiohttp.ClientConnectorCertificateError,
        (Reason.TLS, False, "the certificate of the host cannot be trusted"),
    ),
    (
        (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch),
        (Reason.TLS, True, "the secure connection failed"),
    ),
    (TimeoutError, (Reason.TIMEOUT, True, "no answer in time")),
    (aiohttp.ClientConnectorDNSError, (Reason.NETWORK, True, "the name of the host cannot be looked up")),
    (aiohttp.ClientConnectorError, (Reason.NETWORK, True, "the host cannot be reached")),
    (aiohttp.ClientPayloadError, (Reason.NETWORK, True, "the body broke off")),
    (aiohttp.ClientResponseError, (Reason.UNEXPECTED_ANSWER, True, "the answer is not HTTP")),
    (
        PrivateAddressError,
        (Reason.UNEXPECTED_ANSWER, False, "somebody outside sends us into a private network by a name"),
    ),
    (ValueError, (Reason.UNEXPECTED_ANSWER, False, "the URL cannot be asked for")),  # aiohttp.InvalidURL too
)
_CONNECTION_LOST = (Reason.NETWORK, True, "the connection was lost")

# Registry error codes that tell more than the status (distribution-spec, "Error Codes").
_REASONS = {
    "NAME_UNKNOWN": Reason.REPO_MISSING,
    "NAME_INVALID": Reason.INVALID_NAME,
    "MANIFEST_UNKNOWN": Reason.MANIFEST_MISSING,
    "BLOB_UNKNOWN": Reason.BLOB_MISSING,
}
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)

# The code for an answer of 429, and the text it also comes in. Alone it says no more than the status does:
# other registries use it for an ordinary rate (ECR: "Rate exceeded").
_TOO_MANY_CODE = "TOOMANYREQUESTS"
_TOO_MANY_TEXT = b"toomanyrequests:"

# What Docker Hub's front door calls its 429 to whom it takes for an abuser: "Too Many Requests (HAP429)".
ABUSE_CODE = "HAP429"

# In every sentence by which Docker Hub says that the pull quota is used up ("You have reached your pull
# rate limit", "your unauthenticated pull rate limit").
_QUOTA_WORDS = b"pull rate limit"


def error_of_exception(error: Exception, url: str) -> RegistryError:
    """Translate one of ``FOREIGN_ERRORS``, raised while asking for ``url`` or reading its body."""
    verdict = next((verdict for kinds, verdict in _VERDICTS if isinstance(error, kinds)), _CONNECTION_LOST)
    reason, temporary, detail = verdict
    # The system's words ("Connection refused") are safe and tell people most; else the kind of exception.
    cause = getattr(error, "strerror", None) or type(error).__name__
    return RegistryError(reason, f"{detail} ({cause})", temporary=temporary, url=redacted(url))


def error_of_answer(
    url: str, status: int, headers: Mapping[str, str], body: bytes, *, now: float
) -> RegistryError:
    """Translate an answer that is not what was asked for.

    Args:
        url: Who answered.
        status: Of the answer.
        headers: Of the answer.
        body: Its beginning; empty for HEAD.
        now: Unix time in seconds, to read ``Retry-After`` by.
    """
    reason, temporary = classify_status(status)
    code = error_code(body)
    if status == 429 and _is_quota(headers, body, now):
        reason = Reason.QUOTA
    if status in {400, 404} and code in _REASONS:
        reason = _REASONS[code]
    retry_after = headers.get("Retry-After") or headers.get("X-Retry-After")  # the latter: Docker Hub, once
    return RegistryError(
        reason,
        f"the server answered {status}" + (f" {code}" if code else ""),
        temporary=temporary,
        url=redacted(url),
        status=status,
        code=code,
        retry_after_s=parse_retry_after(retry_after, now) if temporary else None,
    )


def _is_quota(headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether an answer of 429 is about the pull quota. That to HEAD has no body: its headers say so."""
    quota = parse_quota(headers, now)
    return _QUOTA_WORDS in body.lower() or (quota is not None and quota.remaining == 0)


def error_code(body: bytes) -> str | None:
    """The first code of ``{"errors": [{"code": ...}]}``, if the body is that, or one told in a text."""
    if body.lstrip()[: len(_TOO_MANY_TEXT)].lower() == _TOO_MANY_TEXT:
        return _TOO_MANY_CODE
    if ABUSE_CODE.encode() in body:
        return ABUSE_CODE
    try:
        errors = json.loads(body)["errors"]
        code = errors[0]["code"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None
