"""Requests for tokens and the answers to them, as values."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qsl

import pytest

from registry.errors import Reason, RegistryError
from registry.transport.credentials import Account
from registry.transport.tokens import TokenKey, parse_token, ways_to_ask

PASSWORD = Account("me", "pass:word")
IDENTITY = Account("", identity_token="SECRET")


def form_of(body: bytes | None) -> dict[str, str]:
    return dict(parse_qsl((body or b"").decode(), strict_parsing=True))


@pytest.mark.parametrize(
    ("answer", "value", "lifetime"),
    [
        ({"token": "a", "access_token": "b", "expires_in": 300}, "a", 290),
        ({"access_token": "b", "expires_in": 2}, "b", 1.8),
        ({"token": "a"}, "a", 54),
        ({"token": "a", "expires_in": 0}, "a", 54),
        ({"token": "a", "expires_in": -1}, "a", 54),
        ({"token": "a", "expires_in": True}, "a", 54),
        ({"token": "a", "expires_in": "300"}, "a", 54),
        ({"token": "a", "expires_in": None}, "a", 54),
        ({"token": "a", "expires_in": 10**400}, "a", 54),
    ],
)
def test_a_token_is_good_until_a_little_before_its_end(
    answer: dict[str, object], value: str, lifetime: float
) -> None:
    token = parse_token(json.dumps(answer).encode(), 1000.0, "https://a/token")
    assert token.value == value
    assert token.good_until == pytest.approx(1000 + lifetime)
    assert f"value={value!r}" not in repr(token)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"token": 5}', b'{"token": "a\\r\\nX: y"}', b"[" * 99_999, b"\xff"]
)
def test_an_answer_without_a_usable_token_is_unexpected(body: bytes) -> None:
    with pytest.raises(RegistryError) as caught:
        parse_token(body, 0.0, "https://a/token?scope=x&key=SECRET")
    assert caught.value.reason is Reason.UNEXPECTED_ANSWER
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("realm", "url"),
    [
        ("https://a/t", "https://a/t?service=s+s&scope=repository%3Ax%3Apull"),
        ("https://a/t?k=v#f", "https://a/t?k=v&service=s+s&scope=repository%3Ax%3Apull"),
    ],
)
def test_nobody_asks_for_a_token_by_service_and_scope(realm: str, url: str) -> None:
    (way,) = ways_to_ask(TokenKey("https://r", realm, "s s", "repository:x:pull", ""), None)
    assert (way.method, way.url, way.headers, way.form) == ("GET", url, {}, None)


def test_whatever_a_server_calls_its_service_is_sent_back_as_the_same_bytes() -> None:
    """``surrogateescape`` is how bytes of a header that are no UTF-8 arrive here."""
    (way,) = ways_to_ask(
        TokenKey("https://r", "https://a/t", b"s\xff".decode(errors="surrogateescape"), "", ""), None
    )
    assert way.url == "https://a/t?service=s%FF"


def test_a_password_goes_into_a_header_first_and_else_into_a_form() -> None:
    get, post = ways_to_ask(TokenKey("https://r", "https://a/t?k=v", "s", "x", "me"), PASSWORD)
    assert (get.method, get.url, get.form) == ("GET", "https://a/t?k=v&service=s&scope=x", None)
    assert get.headers == {"Authorization": "Basic " + base64.b64encode(b"me:pass:word").decode()}
    assert (post.method, post.url) == ("POST", "https://a/t?k=v")
    assert post.headers == {"Content-Type": "application/x-www-form-urlencoded"}
    assert form_of(post.form) == {
        "grant_type": "password",
        "username": "me",
        "password": "pass:word",
        "client_id": "hubcrawl",
        "service": "s",
        "scope": "x",
    }


def test_an_identity_token_goes_into_a_form_first_and_else_into_a_header() -> None:
    post, get = ways_to_ask(TokenKey("https://r", "https://a/t", "", "", "<token>"), IDENTITY)
    assert form_of(post.form) == {
        "grant_type": "refresh_token",
        "refresh_token": "SECRET",
        "client_id": "hubcrawl",
    }
    assert (get.url, get.headers) == (
        "https://a/t",
        {"Authorization": "Basic " + base64.b64encode(b":SECRET").decode()},
    )


@pytest.mark.parametrize(
    ("method", "statuses"), [("GET", {404, 405}), ("POST", {400, 401, 404, 405})]
)  # fmt: skip
def test_only_some_answers_mean_that_the_other_way_may_be_wanted(method: str, statuses: set[int]) -> None:
    way = next(
        each
        for each in ways_to_ask(TokenKey("https://r", "https://a/t", "", "", "me"), PASSWORD)
        if each.method == method
    )
    candidates = (None, 200, 307, 400, 401, 403, 404, 405, 429, 500, 503)
    assert {status for status in candidates if way.is_unknown_way(status)} == statuses


def test_no_secret_shows_in_a_request_for_a_token() -> None:
    ways = ways_to_ask(TokenKey("https://r", "https://a/t", "", "", "me"), Account("me", "SECRET"))
    assert "SECRET" not in repr(ways)
    assert base64.b64encode(b"me:SECRET").decode() not in repr(ways)
