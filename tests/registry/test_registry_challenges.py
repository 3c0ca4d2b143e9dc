"""``WWW-Authenticate``, as RFC 9110 writes it and as servers do."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.transport.challenges import Challenge, parse_challenges

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


@pytest.mark.parametrize(
    "value", ["a,b", 'a"b', "a\\b", 'a\\"b', "Basic realm=x", "k=v, Bearer", " a ", "", "\xe9\udcff"]
)
def test_a_quoted_value_may_hold_anything(value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    (challenge,) = parse_challenges(f'Bearer realm="{quoted}",service="s"')
    assert challenge.parameters == {"realm": value, "service": "s"}


def test_a_bounded_number_of_challenges_is_looked_at() -> None:
    """Each may lead to a request for a token."""
    header = ", ".join(f'Bearer realm="https://a/{number}"' for number in range(1000))
    realms = [challenge.parameters["realm"] for challenge in parse_challenges(header)]
    assert realms == [f"https://a/{number}" for number in range(8)]
