"""One blob from the registry into the store: resumed where it broke off, verified before it is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry.errors import Reason, RegistryError

if TYPE_CHECKING:
    from corpus.blobs import BlobStore, Receiver
    from registry.client import RegistryClient
    from registry.manifests import Descriptor
    from registry.transport.bodies import Stream

_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-\d{1,19}/(\d{1,19}|\*)", re.ASCII)

# How servers refuse a range, whatever they think of the rest of the request.
_RANGE_REFUSED = frozenset({400, 416})

# Wrong bytes may be a broken cache on the way; twice the same is what the registry holds.
_TRIES_OF_WRONG_BYTES = 2
_WRONG_BYTES = frozenset({Reason.DIGEST_MISMATCH, Reason.SIZE_MISMATCH})

# Bytes that a resumed try must bring to be free of charge. Anything less, and a server that
# sends one byte at a time would be asked for ever; skopeo's threshold.
_WORTH_A_TRY_BYTES = 1 << 20


class _Patience:
    """The tries left for one blob."""

    def __init__(self, attempts: int) -> None:
        self._tries = attempts
        self._tries_of_wrong_bytes = _TRIES_OF_WRONG_BYTES

    def has_another_try(self, error: RegistryError, resumed_bytes: int) -> bool:
        """Whether to try again after ``error``; ``resumed_bytes`` came since the body was resumed."""
        if error.reason in _WRONG_BYTES:
            self._tries_of_wrong_bytes -= 1
            return self._tries_of_wrong_bytes > 0
        if resumed_bytes < _WORTH_A_TRY_BYTES:
            self._tries -= 1
        # A request that got no answer had its tries below; only a body that broke off is for us.
        return error.temporary and not error.attempts and self._tries > 0


async def receive_blob(
    store: BlobStore,
    client: RegistryClient,
    repository: str,
    descriptor: Descriptor,
    *,
    attempts: int,
    max_bytes: int,
) -> int:
    """Bring one blob into the store; returns its size in bytes.

    Args:
        store: Where to.
        client: From where.
        repository: Of the registry, that holds the blob.
        descriptor: The blob; its digest must be verifiable.
        attempts: Tries for the body. One that resumed it, and brought much, does not count.
        max_bytes: Bound of a body whose size the descriptor does not give.

    Raises:
        RegistryError: The blob cannot be had. What came is kept if that is temporary.
    """
    patience = _Patience(attempts)
    while True:
        async with store.receive(descriptor.digest, descriptor.size_bytes) as receiver:
            before = receiver.offset
            try:
                await _read(receiver, client, repository, descriptor, max_bytes)
                return await receiver.commit()
            except RegistryError as error:
                if error.reason is Reason.NETWORK and not error.attempts and 0 < before == receiver.offset:
                    _call_truncated(error, before)
                if not patience.has_another_try(error, receiver.resumed_bytes):
                    if not error.temporary:
                        receiver.discard()
                    raise


async def _read(
    receiver: Receiver, client: RegistryClient, repository: str, descriptor: Descriptor, max_bytes: int
) -> None:
    """Read what is missing of the body, to its end; all of it where the server does not serve that part."""
    offset, size = receiver.offset, descriptor.size_bytes
    if offset and offset == size:
        return
    end = None if size is None else size - 1
    try:
        async with client.blob(repository, descriptor.digest, offset=offset, end=end) as stream:
            start = _first_byte(stream, size)
            if start in {0, offset}:
                if start != offset:
                    receiver.restart()
                await _take(receiver, stream, max_bytes)
                return
    except RegistryError as error:
        if not (offset and error.attempts and error.status in _RANGE_REFUSED):
            raise
    receiver.restart()
    async with client.blob(repository, descriptor.digest) as stream:
        await _take(receiver, stream, max_bytes)


async def _take(receiver: Receiver, stream: Stream, max_bytes: int) -> None:
    async for chunk in stream.chunks():
        await receiver.write(chunk)
        if receiver.offset > max_bytes:
            raise RegistryError(
                Reason.TOO_LARGE, f"the body is larger than {max_bytes} bytes", url=stream.url
            )


def _first_byte(stream: Stream, size: int | None) -> int | None:
    """Where a body starts (RFC 9110 section 14.4); ``None`` for a part of something else."""
    if stream.status == 200:
        return 0
    match = _CONTENT_RANGE.fullmatch(stream.headers.get("Content-Range", ""))
    if match is None or (size is not None and match[2] not in {"*", str(size)}):
        return None
    return int(match[1])


def _call_truncated(error: RegistryError, size_bytes: int) -> None:
    """It broke off at the same byte again: that is all the registry has."""
    error.reason, error.temporary = Reason.SIZE_MISMATCH, False
    error.detail = f"the body always ends after {size_bytes} bytes"
