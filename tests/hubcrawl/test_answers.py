"""Answers that look alike and mean different things, each as it was recorded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.records import RepositoryRecord
from hubcrawl.answers import Answer, classify, hides_rows
from hubcrawl.endpoints import Rows
from hubcrawl.queries import Slice

FIRST, THIRD = Slice(1, 100), Slice(3, 100)

OFFSET_TOO_LARGE = (
    b'{"message":"pagination offset too large for anonymous requests; sign in to page further","errinfo":{}}'
)
CHALLENGE = b'<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title>'
POISON = (
    b'{"fields":{"count":25,"query":"hello"},"request_id":"x",'
    b'"text":"es community product has unexpected number of rate plans (2)"}'
)
RATE = b'{"detail":"Rate limit exceeded","error":false}'

ROWS = Rows((RepositoryRecord("a/x"),), has_more=True, claimed=250)
LAST = Rows((RepositoryRecord("a/x"),), has_more=False, claimed=201)
NOTHING = Rows((), has_more=False, claimed=0)
CONTRADICTION = Rows((), has_more=True, claimed=9)


@pytest.mark.parametrize(
    ("status", "body", "part", "rows", "answer"),
    [
        (200, b"{...}", FIRST, ROWS, Answer.ROWS),
        (200, b"{...}", THIRD, LAST, Answer.ROWS),
        (200, b"{...}", FIRST, NOTHING, Answer.EMPTY),
        (200, b"{...}", FIRST, Rows((), has_more=None, claimed=10_000), Answer.EMPTY),
        (200, b"{...}", THIRD, NOTHING, Answer.END),
        (200, b"{...}", FIRST, CONTRADICTION, Answer.SHAPE),
        (200, b"{...}", THIRD, CONTRADICTION, Answer.SHAPE),
        (200, RATE, FIRST, None, Answer.ERROR),
        (200, b'{"message":"","errinfo":{}}', FIRST, None, Answer.ERROR),
        (200, b'{"count":0,"summaries":[]}', FIRST, None, Answer.SHAPE),
        (200, b'{"message":"x","results":[{}]}', FIRST, None, Answer.SHAPE),
        (200, b"", FIRST, None, Answer.SHAPE),
        (200, b"<html>Welcome", FIRST, None, Answer.SHAPE),
        (200, CHALLENGE, FIRST, None, Answer.CHALLENGE),
        (404, b'{"detail":"Not found"}', FIRST, None, Answer.GONE),
        (404, b'{"detail":"Not found"}', THIRD, None, Answer.END),
        (404, b"<h1>Page not found</h1>", THIRD, None, Answer.END),
        (403, OFFSET_TOO_LARGE, THIRD, None, Answer.WINDOW),
        (403, OFFSET_TOO_LARGE.upper().replace(b"MESSAGE", b"message"), THIRD, None, Answer.WINDOW),
        (403, OFFSET_TOO_LARGE, FIRST, None, Answer.BLOCKED),
        (403, CHALLENGE, FIRST, None, Answer.CHALLENGE),
        (403, b"\n " + CHALLENGE, THIRD, None, Answer.CHALLENGE),
        (503, CHALLENGE, FIRST, None, Answer.CHALLENGE),
        (403, b'{"message":"just a moment"}', FIRST, None, Answer.BLOCKED),
        (403, b"<h1>Forbidden</h1>", THIRD, None, Answer.BLOCKED),
        (403, b"[]", THIRD, None, Answer.BLOCKED),
        (403, b'"offset too large"', THIRD, None, Answer.BLOCKED),
        (403, b'{"message":5}', THIRD, None, Answer.BLOCKED),
        (403, b"", THIRD, None, Answer.BLOCKED),
        (451, b"", FIRST, None, Answer.BLOCKED),
        (401, b'{"detail":"token expired"}', THIRD, None, Answer.AUTH),
        (410, b"", FIRST, None, Answer.RETIRED),
        (429, RATE, FIRST, None, Answer.RATE),
        (429, b"", FIRST, None, Answer.RATE),
        (429, b"Too Many Requests (HAP429).\n", THIRD, None, Answer.ABUSE),
        (500, POISON, THIRD, None, Answer.POISON),
        (502, b"<html>Bad Gateway", FIRST, None, Answer.POISON),
        (520, b"", FIRST, None, Answer.POISON),
        (400, b'{"fields":{"ordering":[1]},"text":"Invalid ordering value"}', FIRST, None, Answer.ERROR),
    ],
)
def test_recorded_answers_are_told_apart(
    status: int, body: bytes, part: Slice, rows: Rows | None, answer: Answer
) -> None:
    assert classify(status, {}, body, part, rows) is answer


def test_challenge_is_known_by_its_header_as_well() -> None:
    assert classify(403, {"cf-mitigated": "challenge"}, b"", THIRD) is Answer.CHALLENGE


def test_refusal_past_the_end_is_the_end_where_the_endpoint_has_no_other() -> None:
    """Version 1: whatever the body says, there was nothing to come."""
    for body in (b"", OFFSET_TOO_LARGE):
        assert classify(403, {}, body, THIRD, is_past_end=True) is Answer.END
        assert classify(403, {}, body, FIRST, is_past_end=True) is Answer.BLOCKED
    assert classify(403, {}, CHALLENGE, THIRD, is_past_end=True) is Answer.CHALLENGE


@pytest.mark.parametrize(
    ("answer", "claimed", "hides"),
    [
        (Answer.END, 300, True),
        (Answer.END, 299, False),
        (Answer.END, None, False),
        (Answer.WINDOW, 300, False),
    ],
)
def test_end_before_a_whole_page_that_is_claimed_hides_rows(
    answer: Answer,
    claimed: int | None,
    hides: bool,  # noqa: FBT001 - a table
) -> None:
    assert hides_rows(answer, THIRD, claimed) is hides


@given(
    status=st.integers(200, 599),
    body=st.one_of(
        st.binary(max_size=200),
        st.sampled_from([b"[" * 70_000, b'{"message":' + b"9" * 5_000 + b"}", OFFSET_TOO_LARGE, CHALLENGE]),
    ),
    page=st.integers(1, 10**9),
    rows=st.sampled_from([None, ROWS, NOTHING, CONTRADICTION]),
    is_past_end=st.booleans(),
)
def test_every_answer_means_something(
    status: int,
    body: bytes,
    page: int,
    rows: Rows | None,
    is_past_end: bool,  # noqa: FBT001 - generated
) -> None:
    answer = classify(status, {}, body, Slice(page, 100), rows, is_past_end=is_past_end)
    if status >= 300:
        assert answer not in {Answer.ROWS, Answer.EMPTY, Answer.SHAPE}
    if page == 1:
        assert answer not in {Answer.END, Answer.WINDOW}
