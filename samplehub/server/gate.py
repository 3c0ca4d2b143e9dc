"""What every request to the site passes: the journal, the limit, troubles, and the token of an account."""

from __future__ import annotations

import json
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from aiohttp import web

from samplehub.server.options import RetryForm, Trouble
from samplehub.server.sealing import grant_of
from samplehub.server.visit import Visit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from samplehub.server.options import Happening
    from samplehub.server.state import State
    from samplehub.server.visit import Handler

_CHALLENGE = (
    "<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
    "<body><noscript>Enable JavaScript and cookies to continue</noscript></body></html>"
)

# The troubles that need nothing but their answer.
_ANSWERS: dict[Trouble, Callable[[], web.Response]] = {
    Trouble.CHALLENGE: lambda: web.Response(
        status=403, text=_CHALLENGE, content_type="text/html", headers={"cf-mitigated": "challenge"}
    ),
    Trouble.ABUSE: lambda: web.Response(status=429, text="Too Many Requests (HAP429)"),
    Trouble.FORBIDDEN: lambda: web.json_response("forbidden", status=403),
    Trouble.OUTAGE: lambda: web.Response(status=503, text="Service Unavailable"),
    Trouble.RETIRED: lambda: web.json_response(
        {"message": "this API was retired", "errinfo": {}}, status=410
    ),
    Trouble.SCOLDING: lambda: web.json_response({"detail": "something went wrong"}),
}


class Gate:
    """Before all handlers of one site."""

    def __init__(self, state: State) -> None:
        self._state = state

    def guard(self, endpoint: str, handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        """The handler behind the gate; three headers tell of the request limit on every answer."""

        async def answer(request: web.Request) -> web.Response:
            state = self._state
            visit = Visit(state, endpoint, state.journal.enter(state.clock(), request.path_qs))
            state.traffic[endpoint] += 1
            if not state.site_requests.take():
                state.traffic["throttled"] += 1
                return self._too_many()
            try:
                response = await self._answer(request, visit, handler)
            except web.HTTPException as refusal:
                refusal.headers.update(self._limit_headers())
                raise
            response.headers.update(self._limit_headers())
            return response

        return answer

    async def _answer(self, request: web.Request, visit: Visit, handler: Handler) -> web.Response:
        happening = self._happening(visit)
        trouble = happening.trouble if happening else None
        if trouble in _ANSWERS:
            return _ANSWERS[trouble]()
        if trouble is Trouble.TARPIT:
            await self._state.is_stopping.wait()
            return web.Response(status=503)
        is_account = self._is_account(request.headers.get("Authorization"))
        response = await handler(
            request, replace(visit, is_account=is_account, is_blocked=trouble is Trouble.SOFT_BLOCK)
        )
        if happening and trouble is Trouble.DRIFT and response.content_type == "application/json":
            return web.json_response(_renamed(json.loads(response.text or "null"), happening.renamed))
        return response

    def _happening(self, visit: Visit) -> Happening | None:
        """What comes over this request."""
        return next(
            (
                each
                for each in self._state.options.happenings
                if visit.number in each.requests and (not each.endpoints or visit.endpoint in each.endpoints)
            ),
            None,
        )

    def _is_account(self, authorization: str | None) -> bool:
        """Whether a request is one of an account; 401 for a token that is not, or no more, any good."""
        scheme, _, text = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return False
        grant = grant_of(text)
        if grant is None or grant.expires <= self._state.clock():
            body = json.dumps({"message": "token is invalid or expired", "errinfo": {}})
            raise web.HTTPUnauthorized(text=body, content_type="application/json")
        return bool(grant.subject)

    def _too_many(self) -> web.Response:
        """The 429 above the limit."""
        reset, form = self._state.site_requests.reset, self._state.options.retry_form
        response = web.json_response({"detail": "Rate limit exceeded", "error": False}, status=429)
        if form is not RetryForm.NOTHING:
            response.headers.update(self._limit_headers())
            response.headers.update(_retry_headers(form, reset, self._state.clock()))
        return response

    def _limit_headers(self) -> dict[str, str]:
        allowance = self._state.site_requests
        return {
            "X-RateLimit-Limit": str(allowance.limit),
            "X-RateLimit-Remaining": str(allowance.remaining),
            "X-RateLimit-Reset": str(allowance.reset),
        }


def _retry_headers(form: RetryForm, reset: int, now: float) -> Mapping[str, str]:
    """When to come back, in the form that was chosen."""
    texts = {
        RetryForm.SECONDS: str(max(1, int(reset - now))),
        RetryForm.DATE: formatdate(reset, usegmt=True),
        RetryForm.UNIX: str(reset),
        RetryForm.NONSENSE: "nan",
        RetryForm.PAST: "-1",
    }
    if form is RetryForm.OLD:
        return {"X-Retry-After": str(reset)}
    return {"Retry-After": texts[form]} if form in texts else {}


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """JSON with other keys."""
    if isinstance(value, dict):
        return {names.get(key, key): _renamed(each, names) for key, each in value.items()}
    return [_renamed(each, names) for each in value] if isinstance(value, list) else value
