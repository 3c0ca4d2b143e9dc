"""ECDSA over P-256 with SHA-256 (JWS ``ES256``, RFC 7518 section 3.4), enough to sign schema 1 manifests.

The key is a constant of this file and the nonce is derived from key and message, so signatures are the same
in every process. Nothing here is hardened: it signs samples, never secrets.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache

# FIPS 186-4, D.1.2.3: field, order and base point of P-256; a = -3.
_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_KEY = int.from_bytes(hashlib.sha256(b"samplehub signing key").digest()) % _N

# DER of a P-256 SubjectPublicKeyInfo up to the point (RFC 5480), as libtrust hashes it for key ids.
_SPKI_PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")

_Point = tuple[int, int] | None  # None is the point at infinity


def sign(message: bytes) -> str:
    """The signature of ``message``: r and s, 32 bytes each, in unpadded base64url."""
    hashed = int.from_bytes(hashlib.sha256(message).digest())
    nonce = int.from_bytes(hashlib.sha512(_KEY.to_bytes(32) + message).digest()) % _N
    point = _multiply(nonce, _G)
    if point is None:
        raise ArithmeticError("a nonce of zero")
    r = point[0] % _N
    s = pow(nonce, -1, _N) * (hashed + r * _KEY) % _N
    return base64url(r.to_bytes(32) + s.to_bytes(32))


@cache
def public_key() -> dict[str, str]:
    """The public key as a JWK, with the key id of libtrust (240 bits of the DER's SHA-256, base32)."""
    point = _multiply(_KEY, _G)
    if point is None:
        raise ArithmeticError("a key of zero")
    x, y = (coordinate.to_bytes(32) for coordinate in point)
    hashed = base64.b32encode(hashlib.sha256(_SPKI_PREFIX + b"\x04" + x + y).digest()[:30]).decode()
    key_id = ":".join(hashed[i : i + 4] for i in range(0, len(hashed), 4))
    return {"crv": "P-256", "kid": key_id, "kty": "EC", "x": base64url(x), "y": base64url(y)}


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _add(a: _Point, b: _Point) -> _Point:
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % _P == 0:
        return None
    if a == b:
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, _P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, _P)
    x = (slope * slope - a[0] - b[0]) % _P
    return x, (slope * (a[0] - x) - a[1]) % _P


def _multiply(factor: int, point: _Point) -> _Point:
    result: _Point = None
    while factor:
        if factor & 1:
            result = _add(result, point)
        point = _add(point, point)
        factor >>= 1
    return result
