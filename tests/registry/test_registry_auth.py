"""Challenges, credentials and tokens, as values."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import ConfigurationError, Reason, RegistryError
from registry.transport.auth import Challenge, Credentials, load_docker_credentials, parse_challenges
from registry.transport.tokens import Token, TokenCache, TokenKey, parse_token

if TYPE_CHECKING:
    from pathlib import Path

    from tests.registry.conftest import InstantClock

KEY = TokenKey("https://a/token", "s", "repository:x:pull", "")
words = st.text("abcXYZ019_-!", min_size=1, max_size=6)
values = st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=15)


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        (
            'Bearer realm="https://a/t",service="s",scope="repository:x/y:pull,push"',
            [("bearer", {"realm": "https://a/t", "service": "s", "scope": "repository:x/y:pull,push"})],
        ),
        ('BASIC Realm="a \\"b\\""', [("basic", {"realm": 'a "b"'})]),
        ("Negotiate", [("negotiate", {})]),
        ("Negotiate abc==, Basic realm=x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        (
            'Basic realm="x", Bearer realm = "y" , error="insufficient_scope"',
            [("basic", {"realm": "x"}), ("bearer", {"realm": "y", "error": "insufficient_scope"})],
        ),
        *(("", []), (",,,", []), ('realm="x"', []), ('"', []), ("=", [])),
        ('Bearer realm="unclosed', [("bearer", {})]),
    ],
)
def test_challenges_are_read_as_the_specification_writes_them(
    header: str, challenges: list[tuple[str, dict[str, str]]]
) -> None:
    assert [(each.scheme, each.parameters) for each in parse_challenges(header)] == challenges


@settings(max_examples=40)
@given(st.lists(st.tuples(words, st.dictionaries(words.map(str.lower), values, max_size=4)), max_size=3))
def test_challenges_are_read_back_from_their_text(challenges: list[tuple[str, dict[str, str]]]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    header = ", ".join(
        f"{scheme} {', '.join(f'{key}={quoted(value)}' for key, value in parameters.items())}"
        for scheme, parameters in challenges
    )
    expected = tuple(Challenge(scheme.lower(), parameters) for scheme, parameters in challenges)
    assert parse_challenges(header) == expected


@given(st.text(max_size=60))
def test_any_header_is_read_without_complaint(header: str) -> None:
    assert all(each.scheme == each.scheme.lower() for each in parse_challenges(header))


@pytest.mark.parametrize("filling", [",", " ", 'a="', "a ", "a=", '"', '=", '])
def test_a_header_of_the_largest_size_is_read_at_once(filling: str) -> None:
    started = time.process_time()
    parse_challenges("Bearer x" + filling * (65_536 // len(filling)))
    assert time.process_time() - started < 1, "reading time grows with the square of the header"


def test_credentials_are_found_by_host_and_never_shown() -> None:
    credentials = Credentials(
        {"https://index.docker.io/v1/": ("me", "SECRET"), "h:5000": ("you", "pass:word")}
    )
    for host in ("docker.io", "registry-1.docker.io", "index.docker.io"):
        assert credentials.basic(host) == "Basic " + base64.b64encode(b"me:SECRET").decode()
    assert credentials.basic("H:5000") == "Basic " + base64.b64encode(b"you:pass:word").decode()
    assert (credentials.basic("h"), credentials.username("h"), credentials.username("h:5000")) == (
        None,
        "",
        "you",
    )
    assert "SECRET" not in repr(credentials)


def test_the_file_of_docker_login_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    auth = base64.b64encode(b"me:a:b\0\0").decode()
    path.write_text(json.dumps({"auths": {"ghcr.io": {"auth": auth}, "empty.io": {}}, "credsStore": "x"}))
    credentials = load_docker_credentials(path)
    assert credentials.basic("ghcr.io") == "Basic " + base64.b64encode(b"me:a:b").decode()
    assert credentials.basic("empty.io") is None


@pytest.mark.parametrize(
    "content", ["", "[]", '{"auths": [1]}', '{"auths": {"h": 1}}', '{"auths": {"h": {"auth": "SECRET!"}}}']
)
def test_a_broken_file_of_docker_login_is_one_sentence_without_the_secret(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match="is not a configuration file of Docker") as caught:
        load_docker_credentials(path)
    assert "SECRET" not in str(caught.value)


def test_a_missing_file_of_docker_login_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        load_docker_credentials(tmp_path / "none.json")


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
def test_a_token_is_asked_for_by_service_and_scope(realm: str, url: str) -> None:
    assert TokenKey(realm, "s s", "repository:x:pull", "").url == url


class Source:
    """Gives a token when told to."""

    def __init__(self, clock: InstantClock) -> None:
        self.clock = clock
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.is_slow_to_end = False

    async def fetch(self, key: TokenKey) -> Token:
        self.asked += 1
        number = self.asked
        try:
            await self.may_answer.wait()
        finally:
            if self.is_slow_to_end:  # as closing a connection is
                self.is_slow_to_end = False
                await self.clock.sleep(0)
        return Token(f"{key.scope} {number}", self.clock.monotonic() + 54)


async def test_many_who_want_one_token_ask_once_even_if_the_first_gives_up(clock: InstantClock) -> None:
    cache, source = TokenCache(clock), Source(clock)
    tasks = [asyncio.create_task(cache.get(KEY, source.fetch)) for _ in range(10)]
    while not source.asked:
        await clock.sleep(0)
    tasks[0].cancel()
    await asyncio.wait(tasks[:1])
    source.may_answer.set()
    assert {(await task).value for task in tasks[1:]} == {"repository:x:pull 1"}
    assert (await cache.get(KEY, source.fetch)).value == "repository:x:pull 1"
    assert source.asked == 1


async def test_a_request_nobody_waits_for_any_more_is_given_up(clock: InstantClock) -> None:
    cache, source = TokenCache(clock), Source(clock)
    tasks = [asyncio.create_task(cache.get(KEY, source.fetch)) for _ in range(3)]
    while not source.asked:
        await clock.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await clock.sleep(0)
    assert repr(cache) == "<TokenCache tokens=0 flights=0>"


async def test_whoever_comes_while_a_request_is_given_up_gets_a_new_one(clock: InstantClock) -> None:
    cache, source = TokenCache(clock), Source(clock)
    first = asyncio.create_task(cache.get(KEY, source.fetch))
    while not source.asked:
        await clock.sleep(0)
    late = list[asyncio.Task[Token]]()
    first.add_done_callback(lambda _: late.append(asyncio.create_task(cache.get(KEY, source.fetch))))
    source.is_slow_to_end = True
    first.cancel()
    await asyncio.wait([first])
    source.may_answer.set()
    await clock.sleep(0)
    assert (await late[0]).value == "repository:x:pull 2"
    assert repr(cache) == "<TokenCache tokens=1 flights=0>"


async def test_a_token_is_asked_for_again_when_it_is_old_or_refused(clock: InstantClock) -> None:
    cache, source = TokenCache(clock), Source(clock)
    source.may_answer.set()
    first = await cache.get(KEY, source.fetch)
    clock.seconds += 55
    second = await cache.get(KEY, source.fetch)
    cache.refused(KEY, first)  # a late answer to a request sent with the old one
    assert await cache.get(KEY, source.fetch) is second
    cache.refused(KEY, second)
    assert (await cache.get(KEY, source.fetch)) not in (first, second)


async def test_a_bounded_number_of_tokens_is_kept(clock: InstantClock) -> None:
    cache, source = TokenCache(clock), Source(clock)
    source.may_answer.set()
    for number in range(1100):
        await cache.get(KEY._replace(scope=str(number)), source.fetch)
    assert repr(cache) == "<TokenCache tokens=1024 flights=0>"
