"""The CDN: blobs behind signed URLs that expire."""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from aiohttp import web

from registry.digests import Digest
from samplehub.server.delivery import deliver
from samplehub.server.sealing import signature

if TYPE_CHECKING:
    from samplehub.server.state import State

_PREFIX = "/registry-v2/docker/registry/v2/blobs"
_EXPIRES = re.compile(r"\?Expires=(\d{1,12})&", re.ASCII)


def signed_path(digest: Digest, method: str, expires: int) -> str:
    """Path and query of a blob, for one method, until ``expires`` (unix s).

    The escapes in the query (``%27``, ``%2F``) are what a client that normalises URLs would destroy.
    """
    hexadecimal = digest.encoded
    target = (
        f"{_PREFIX}/{digest.algorithm}/{hexadecimal[:2]}/{hexadecimal}/data"
        f"?Expires={expires}&Key-Pair-Id=SAMPLEHUB&response-content-disposition=filename%3D%27layer%2Fdata%27"
    )
    return f"{target}&Signature={quote(signature(f'{method} {target}'), safe='')}"


def cdn_routes(state: State) -> list[web.RouteDef]:
    """The one route of the CDN."""

    async def blob(request: web.Request) -> web.StreamResponse:
        state.traffic[f"cdn_{request.method.lower()}"] += 1
        hexadecimal = request.match_info["hex"]
        digest = Digest(f"sha256:{hexadecimal}")
        refusal = _refusal(request, digest, state.clock())
        if refusal is not None:
            return refusal
        if digest not in state.hub.blobs:
            return _error(404, "NoSuchKey", "The specified key does not exist.")
        return await deliver(state, request, digest)

    return [web.get(f"{_PREFIX}/sha256/{{aa:[0-9a-f]{{2}}}}/{{hex:[0-9a-f]{{64}}}}/data", blob)]


def _refusal(request: web.Request, digest: Digest, now: float) -> web.Response | None:
    if "Authorization" in request.headers:
        return _error(400, "InvalidArgument", "Only one auth mechanism allowed.")
    expires = _EXPIRES.search(request.raw_path)
    if expires is None:
        return _error(403, "AccessDenied", "Access Denied")
    expected = signed_path(digest, request.method, int(expires[1]))
    if not hmac.compare_digest(expected.encode(), request.raw_path.encode(errors="replace")):
        return _error(
            403, "SignatureDoesNotMatch", "The request signature does not match the signature provided."
        )
    if now >= int(expires[1]):
        return _error(403, "AccessDenied", "Request has expired")
    return None


def _error(status: int, code: str, message: str) -> web.Response:
    """An error in the shape of S3."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return web.Response(status=status, text=text, content_type="application/xml")
