"""Sending the bytes of a blob: whole or in ranges, and those that never arrive completely."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from samplehub.server.ranges import byte_range

if TYPE_CHECKING:
    from registry.digests import Digest
    from samplehub.server.state import State


async def deliver(state: State, request: web.Request, digest: Digest) -> web.StreamResponse:
    """The answer to GET or HEAD of a blob that is there."""
    data = state.hub.blobs[digest]
    wanted = byte_range(request.headers.get("Range"), len(data))
    if wanted is not None and not wanted:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
    part = range(len(data)) if wanted is None else wanted
    answer = web.StreamResponse(
        status=200 if wanted is None else 206, headers=_headers(digest, wanted, len(data))
    )
    answer.content_type = "application/octet-stream"
    answer.content_length = len(part)
    await answer.prepare(request)
    if request.method == "GET":
        state.blob_gets[digest] += 1
        await _send(state, request, answer, digest, part)
    return answer


def _headers(digest: Digest, wanted: range | None, size_bytes: int) -> dict[str, str]:
    headers = {"Accept-Ranges": "bytes", "ETag": f'"{digest}"', "Docker-Content-Digest": digest}
    if wanted is not None:
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size_bytes}"
    return headers


async def _send(
    state: State, request: web.Request, answer: web.StreamResponse, digest: Digest, part: range
) -> None:
    data = state.hub.blobs[digest]
    if digest not in state.hub.truncated:
        await answer.write(data[part.start : part.stop])
        return
    await answer.write(data[part.start : min(part.stop, len(data) // 2)])
    if part.stop > len(data) // 2 and request.transport is not None:
        request.transport.close()  # after what was written: the reader meets the end too early
