"""What can happen to an answer on its way, and to which."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from tests.faults.origin import CDN, REGISTRY, Fault, Plan, error
from tests.faults.wire import Act, Asked, End, Reply, Wait

# A byte of a trickle comes after this many seconds: far less than the stall rate, far more often than
# a read times out.
_TRICKLE_S = 0.01


def reset_before_answer(_asked: Asked, _honest: Reply) -> Iterable[Act]:
    return [End.RESET]


def closed_before_answer(_asked: Asked, _honest: Reply) -> Iterable[Act]:
    return [End.CLOSE]


def reset_in_head(_asked: Asked, honest: Reply) -> Iterable[Act]:
    return [honest.head()[:25], End.RESET]


def reset_in_body(_asked: Asked, honest: Reply) -> Iterable[Act]:
    return [honest.head() + _half(honest), End.RESET]


def closed_in_body(_asked: Asked, honest: Reply) -> Iterable[Act]:
    return [honest.head() + _half(honest), End.CLOSE]


def one_byte_short(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """The last byte never comes."""
    return [honest.head() + honest.sent()[:-1], End.CLOSE]


def short_body(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """Less than there is, and announced as that."""
    return [replace(honest, body=_half(honest)).whole()]


def no_body(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """Nothing, and announced as that."""
    return [replace(honest, body=b"").whole()]


def long_body(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """More than there is, and announced as that."""
    return [replace(honest, body=honest.body + b"\0" * 100).whole()]


def wrong_bytes(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """One bit in the middle is another."""
    return [replace(honest, body=flipped(honest.body)).whole()]


def other_body(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """As long as it should be, but a page of a proxy."""
    page = b"<html>welcome to our hotspot</html>"
    return [replace(honest, body=(page * (len(honest.body) // len(page) + 1))[: len(honest.body)]).whole()]


def small_content_length(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """What is left looks like the next answer of the connection."""
    return [honest.head(len(honest.body) // 2) + honest.sent(), End.CLOSE]


def large_content_length(_asked: Asked, honest: Reply) -> Iterable[Act]:
    return [honest.head(len(honest.body) + 7) + honest.sent(), End.CLOSE]


def nonsense_content_length(_asked: Asked, honest: Reply) -> Iterable[Act]:
    head = re.sub(rb"Content-Length: \d+", b"Content-Length: many", honest.head())
    return [head + honest.sent(), End.CLOSE]


def no_content_length(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """The body ends with the connection, and that too early: nobody can tell by the protocol."""
    head = re.sub(rb"Content-Length: \d+\r\n", b"", honest.head())
    return [head + _half(honest), End.CLOSE]


def torn_chunks(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """A chunk that ends before its time."""
    if not honest.has_body:
        return [honest.whole()]
    head = re.sub(rb"Content-Length: \d+", b"Transfer-Encoding: chunked", honest.head())
    return [head + f"{len(honest.body) + 1:x}\r\n".encode() + honest.sent(), End.CLOSE]


def bad_chunks(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """A size of a chunk that is no number."""
    if not honest.has_body:
        return [honest.whole()]
    head = re.sub(rb"Content-Length: \d+", b"Transfer-Encoding: chunked", honest.head())
    return [head + b"zz\r\n" + honest.sent(), End.CLOSE]


def not_http(_asked: Asked, _honest: Reply) -> Iterable[Act]:
    return [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", End.CLOSE]


def stalled_head(_asked: Asked, honest: Reply) -> Iterable[Act]:
    return [honest.head()[:25], End.HANG]


def silent(_asked: Asked, _honest: Reply) -> Iterable[Act]:
    return [End.HANG]


def stalled_body(_asked: Asked, honest: Reply) -> Iterable[Act]:
    return [honest.head() + _half(honest), End.HANG] if honest.sent() else [honest.whole()]


def trickle(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """A byte now and then, never silent long enough for a timeout."""
    yield honest.head()
    for byte in honest.sent():
        yield Wait(_TRICKLE_S)
        yield bytes([byte])


def encoded(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """The bytes are right, and called something else than they are."""
    return [honest.with_headers(Content_Encoding="gzip").whole()]


def redirect_loop(asked: Asked, _honest: Reply) -> Iterable[Act]:
    return [Reply(307, b"", {"Location": asked.target}).whole()]


def redirect_nowhere(_asked: Asked, _honest: Reply) -> Iterable[Act]:
    return [Reply(307, b"", {"Location": "ftp://127.0.0.1/x"}).whole()]


def refused(status: int, code: str = "", **headers: str) -> Fault:
    """Answered by a status, with the registry's own words."""

    def fault(_asked: Asked, honest: Reply) -> Iterable[Act]:
        answer = error(status, code) if code else Reply(status, b"<html>sorry</html>")
        return [replace(answer, has_body=honest.has_body).with_headers(**headers).whole()]

    return fault


def expired(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """How S3 answers to a URL whose time is over."""
    answer = Reply(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
    return [replace(answer, has_body=honest.has_body).whole()]


def flipped(data: bytes) -> bytes:
    """The same, but for one bit."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :] if data else data


def _half(honest: Reply) -> bytes:
    return honest.sent()[: len(honest.body) // 2]


# Where a fault can strike. Redirects are answers of the registry to ``blob``.
KINDS = ("head", "manifest", "blob", "cdn", "token")


def kind_of(asked: Asked) -> str:
    """One of ``KINDS``; ``""`` for what no download depends on."""
    if asked.server == CDN:
        return "cdn"
    if asked.path == "/token":
        return "token"
    if "/manifests/" in asked.path:
        return "head" if asked.method == "HEAD" else "manifest"
    return "blob" if "/blobs/" in asked.path else ""


def first(fault: Fault, kind: str, times: int = 1) -> Plan:
    """Every path of a kind is struck at its first requests."""
    return lambda asked: fault if kind_of(asked) == kind and asked.turn < times else None


def always(fault: Fault, part: str, server: str = REGISTRY) -> Plan:
    """Every request is struck whose method and path contain ``part``."""
    return lambda asked: fault if asked.server == server and part in f"{asked.method} {asked.path}" else None


def in_words(status: int, text: str) -> Fault:
    """Refused with a sentence instead of JSON."""
    return lambda _asked, honest: [
        Reply(status, text.encode(), {"Content-Type": "text/plain"}, has_body=honest.has_body).whole()
    ]


def by_turn(part: str, *faults: Fault | None) -> Plan:
    """The requests whose method and path contain ``part``, one after the other."""

    def plan(asked: Asked) -> Fault | None:
        is_meant = part in f"{asked.method} {asked.path}" and asked.turn < len(faults)
        return faults[asked.turn] if is_meant else None

    return plan
