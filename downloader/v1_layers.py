"""One layer of a registry of version 1 into the store: resumed where it broke off, checked where it can be.

It has no digest to be asked for by. What is resumed is known by its length, and its ETag if it has
one; a layer without a length is taken from its beginning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from corpus.unnamed import UnnamedReceiver, Version
from downloader.plan import is_of_the_bytes
from registry.errors import Reason, RegistryError

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from corpus.blobs import BlobStore
    from registry.digests import Digest
    from registry.transport.bodies import Stream
    from registry.v1 import V1Client, V1ImageJson, V1Repository

# Bytes that a try must bring to be free of charge; skopeo's threshold.
_WORTH_A_TRY_BYTES = 1 << 20

# Wrong bytes may be a broken cache on the way; twice the same is what the registry holds.
_TRIES_OF_WRONG_BYTES = 2

# A body that did not come to its end.
_BROKEN_OFF = frozenset({Reason.NETWORK, Reason.SIZE_MISMATCH})

# How servers refuse a range. docker-registry 0.9 says 416 to a range of one byte.
_RANGE_REFUSED = frozenset({400, 416})

# docker-registry 0.9 leaves the unit out.
_CONTENT_RANGE = re.compile(r"(?:bytes )?(\d{1,19})-\d{1,19}/(\d{1,19})", re.ASCII)


@dataclass(frozen=True, slots=True)
class LayerSource:
    """Where a layer is.

    Attributes:
        client: Of its registry.
        repository: A repository that has it.
        image_id: The image whose layer it is.
        described: The JSON of that image.
    """

    client: V1Client
    repository: V1Repository
    image_id: str
    described: V1ImageJson

    def open(self, part: Part | None = None) -> AbstractAsyncContextManager[Stream]:
        """Ask for the layer, or for a part of it."""
        return self.client.layer(self.repository, self.image_id, {} if part is None else part.headers())


@dataclass(frozen=True, slots=True)
class Part:
    """The rest of a layer, from ``offset``."""

    version: Version
    offset: int

    def headers(self) -> dict[str, str]:
        """What asks for it. Closed: docker-registry 0.9 is wrong by one about the end of an open range."""
        wanted = {"Range": f"bytes={self.offset}-{self.version.size_bytes - 1}"}
        return wanted if self.version.etag is None else wanted | {"If-Range": self.version.etag}

    def is_in(self, stream: Stream) -> bool:
        """Whether an answer is this part of the same version."""
        match = _CONTENT_RANGE.fullmatch(stream.headers.get("Content-Range", ""))
        if stream.status != 206 or match is None:
            return False
        is_same = _strong_etag(stream) in {None, self.version.etag}
        return is_same and (int(match[1]), int(match[2])) == (self.offset, self.version.size_bytes)


async def receive_layer(
    store: BlobStore, path: Path, source: LayerSource, *, attempts: int, max_bytes: int
) -> tuple[Digest, int]:
    """Bring one layer into the store; returns its digest, and its size in bytes.

    Args:
        store: Where to.
        path: Where it is gathered; what an earlier process left there is resumed.
        source: From where.
        attempts: Tries for the body. One that brought much does not count.
        max_bytes: Bound of the body.

    Raises:
        RegistryError: The layer cannot be had. What came is kept unless it is wrong for good.
    """
    described = source.described
    async with UnnamedReceiver(path, described.raw + b"\n" if described.checksums else None) as receiver:
        taking = _Taking(store, receiver, source, max_bytes)
        while True:
            before = receiver.offset
            try:
                await taking.read()
                digest = await taking.finish()
            except RegistryError as error:
                if 0 < before == receiver.offset:
                    _call_truncated(error, before)
                attempts -= receiver.offset - before < _WORTH_A_TRY_BYTES
                if not taking.may_go_on_after(error) or attempts <= 0:
                    if is_of_the_bytes(error.reason) and not error.temporary:
                        receiver.discard()
                    raise
            else:
                store.adopt(digest, path)
                return digest, receiver.offset


class _Taking:
    """The tries for one layer."""

    def __init__(
        self, store: BlobStore, receiver: UnnamedReceiver, source: LayerSource, max_bytes: int
    ) -> None:
        self._store = store
        self._receiver = receiver
        self._source = source
        self._max_bytes = max_bytes
        self._tries_of_wrong_bytes = _TRIES_OF_WRONG_BYTES

    def may_go_on_after(self, error: RegistryError) -> bool:
        """Whether another try makes sense."""
        if error.reason is Reason.DIGEST_MISMATCH:
            self._tries_of_wrong_bytes -= 1
            return self._tries_of_wrong_bytes > 0
        # A request that got no answer had its tries below; only a body that broke off is for us.
        return error.temporary and not error.attempts

    async def read(self) -> None:
        """Read what is missing to the end; all of it where the server does not serve that part."""
        version, offset = self._receiver.version, self._receiver.offset
        if version is not None and offset == version.size_bytes:
            return
        if version is None or not offset or not await self._read_rest(Part(version, offset)):
            async with self._source.open() as stream:
                await self._take_whole(stream)

    async def finish(self) -> Digest:
        """The digest of what came, if it is what the registry has a checksum of."""
        sums, checksums = await self._receiver.finish(), self._source.described.checksums
        if checksums and checksums.isdisjoint(sums):
            raise RegistryError(Reason.DIGEST_MISMATCH, "the layer is not the one that its checksum is of")
        return sums.digest

    async def _read_rest(self, part: Part) -> bool:
        """Whether the server gave the part asked for, or all."""
        try:
            async with self._source.open(part) as stream:
                if stream.status == 200:
                    await self._take_whole(stream)
                    return True
                if part.is_in(stream):
                    await self._take(stream, part.version.size_bytes)
                    return True
        except RegistryError as error:
            if not (error.attempts and error.status in _RANGE_REFUSED):
                raise
        return False

    async def _take_whole(self, stream: Stream) -> None:
        if stream.status != 200:
            raise RegistryError(
                Reason.UNEXPECTED_ANSWER, "a part came where all was asked for", url=stream.url
            )
        size = stream.size_bytes
        self._receiver.restart(None if size is None else Version(size, _strong_etag(stream)))
        await self._take(stream, size)
        if size is None and "Transfer-Encoding" not in stream.headers:
            # Where such a body ends, or breaks off, nothing tells; what the registry says of it has to do.
            self._check_is_all(stream, self._source.described.layer_bytes or 0)

    async def _take(self, stream: Stream, size: int | None) -> None:
        receiver = self._receiver
        async for chunk in stream.chunks():
            self._store.received_bytes += len(chunk)
            await receiver.write(chunk)
            if receiver.offset > self._max_bytes:
                detail = f"the layer is larger than {self._max_bytes} bytes"
                raise RegistryError(Reason.TOO_LARGE, detail, url=stream.url)
        if size is not None and receiver.offset > size:  # a range that is longer than it says
            receiver.restart(None)
        self._check_is_all(stream, size or 0)

    def _check_is_all(self, stream: Stream, size: int) -> None:
        if self._receiver.offset < size:
            detail = f"the body ended after {self._receiver.offset} of {size} bytes"
            raise RegistryError(Reason.SIZE_MISMATCH, detail, temporary=True, url=stream.url)


def _call_truncated(error: RegistryError, size_bytes: int) -> None:
    """It broke off at the same byte again: that is all the registry has."""
    if error.reason in _BROKEN_OFF and not error.attempts:
        error.reason, error.temporary = Reason.SIZE_MISMATCH, False
        error.detail = f"the body always ends after {size_bytes} bytes"


def _strong_etag(stream: Stream) -> str | None:
    """The ETag of an answer, if it stands for the very bytes (RFC 9110 section 8.8.3)."""
    etag = stream.headers.get("ETag", "")
    return etag if etag.startswith('"') else None
