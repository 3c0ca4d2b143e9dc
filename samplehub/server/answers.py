"""Answers in the shapes that registries give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

API_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}


def registry_error(
    status: int, code: str, message: str, *, detail: Any = None, headers: Mapping[str, str] | None = None
) -> web.Response:
    """An error of the registry (OCI distribution-spec, "Error codes")."""
    body = {"errors": [{"code": code, "message": message, "detail": detail}]}
    return web.json_response(body, status=status, headers={**API_VERSION, **(headers or {})})


def not_found(message: str = "object not found") -> web.Response:
    """The 404 of the Hub's own API."""
    return web.json_response({"message": message, "errinfo": {}}, status=404)
