"""Tokens and signed URLs: text that only this server can have made, and that expires (pure)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass

# A constant, so that a token outlives a restart of the sample hub; it guards nothing.
_KEY = b"samplehub sealing key"
_JWT_HEADER = b'{"alg":"HS256","typ":"JWT"}'


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows.

    Attributes:
        subject: Account name, ``""`` for anonymous.
        repositories: Names whose contents may be pulled.
        issued: Unix s.
        expires: Unix s.
    """

    subject: str
    repositories: frozenset[str]
    issued: int
    expires: int


def token(grant: Grant) -> str:
    """The bearer token of a grant (JWT, RFC 7519; claims as in distribution, docs/spec/auth/jwt.md)."""
    access = [
        {"type": "repository", "name": name, "actions": ["pull"]} for name in sorted(grant.repositories)
    ]
    claims = {
        "iss": "samplehub",
        "sub": grant.subject,
        "aud": "samplehub",
        "iat": grant.issued,
        "exp": grant.expires,
        "access": access,
    }
    signed = f"{_encoded(_JWT_HEADER)}.{_encoded(json.dumps(claims).encode())}"
    return f"{signed}.{_encoded(_mac(signed))}"


def grant_of(text: str) -> Grant | None:
    """The grant in a token, expired or not; ``None`` when this server did not make it."""
    signed, _, signature = text.rpartition(".")
    if not hmac.compare_digest(_encoded(_mac(signed)).encode(), signature.encode(errors="replace")):
        return None
    claims = json.loads(_decoded(signed.partition(".")[2]))
    names = frozenset(access["name"] for access in claims["access"])
    return Grant(claims["sub"], names, claims["iat"], claims["exp"])


def signature(text: str) -> str:
    """A signature in standard base64, whose ``+/=`` must be percent-encoded in a query."""
    return base64.b64encode(_mac(text)).decode()


def _mac(text: str) -> bytes:
    return hmac.digest(_KEY, text.encode(errors="replace"), hashlib.sha256)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
