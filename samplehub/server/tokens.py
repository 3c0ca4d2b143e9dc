"""The token server (distribution, docs/spec/auth/token.md)."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiohttp import web

from samplehub.server.sealing import Grant, token

if TYPE_CHECKING:
    from collections.abc import Iterable

    from samplehub.server.state import State


def token_routes(state: State) -> list[web.RouteDef]:
    """``GET /token?service=...&scope=repository:<name>:pull``, anonymous or Basic."""

    async def issue(request: web.Request) -> web.Response:
        state.traffic["token"] += 1
        if "service" not in request.query:
            return web.json_response({"details": "service is required"}, status=400)
        subject = _account(state, request.headers.get("Authorization"))
        if subject is None:
            return web.json_response({"details": "incorrect username or password"}, status=401)
        now = int(state.clock())
        names = frozenset(_granted(state, subject, _requested(request.query.getall("scope", []))))
        return web.json_response(_answer(Grant(subject, names, now, now + state.options.token_lifetime_s)))

    return [web.get("/token", issue)]


def account_routes(state: State) -> list[web.RouteDef]:
    """``POST /v2/auth/token`` with an identifier and a secret: the token of an account for the site."""

    async def sign_in(request: web.Request) -> web.Response:
        state.traffic["account_token"] += 1
        try:
            asked = await request.json()
            identifier, secret = str(asked["identifier"]), str(asked["secret"])
        except (ValueError, KeyError, TypeError):
            return web.json_response({"message": "identifier and secret are required"}, status=400)
        if not _is_right(state.options.users.get(identifier), secret):
            return web.json_response({"detail": "Incorrect authentication credentials"}, status=401)
        now = int(state.clock())
        grant = Grant(identifier, frozenset(), now, now + state.options.account_lifetime_s)
        return web.json_response({"access_token": token(grant)})

    return [web.post("/v2/auth/token", sign_in)]


def _account(state: State, authorization: str | None) -> str | None:
    """The account of a request (RFC 7617), ``""`` for anonymous, ``None`` for wrong credentials."""
    if authorization is None:
        return ""
    scheme, _, encoded = authorization.partition(" ")
    try:
        login, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    is_right = scheme.lower() == "basic" and _is_right(state.options.users.get(login), password)
    return login if is_right else None


def _is_right(known: str | None, password: str) -> bool:
    return known is not None and hmac.compare_digest(known.encode(), password.encode(errors="replace"))


def _requested(scopes: Iterable[str]) -> Iterable[str]:
    """Repositories of all scopes that ask for pulling; a scope may also hold several, separated by spaces."""
    for scope in (part for text in scopes for part in text.split()):
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        if kind == "repository" and "pull" in actions.split(","):
            yield name


def _granted(state: State, subject: str, names: Iterable[str]) -> Iterable[str]:
    """Like Docker's, this server gives a token in any case, and leaves out what it does not allow."""
    return (name for name in names if subject or not state.is_private(name))


def _answer(grant: Grant) -> dict[str, object]:
    text = token(grant)
    return {
        "token": text,
        "access_token": text,
        "expires_in": grant.expires - grant.issued,
        "issued_at": datetime.fromtimestamp(grant.issued, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
