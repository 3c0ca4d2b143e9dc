"""Whether and when to try again; what servers say of the requests they allow."""

from __future__ import annotations

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import Reason, RegistryError
from registry.transport.failures import error_code, error_of_answer, error_of_exception
from registry.transport.quota import Quota, parse_quota
from registry.transport.retry import (
    LONGEST_PAUSE_S,
    Effort,
    classify_status,
    delay,
    is_exhausted,
    parse_retry_after,
)

NOW = 1_800_000_000.0


@pytest.mark.parametrize("status", [408, 425, 429, 499, 500, 502, 503, 504, 507, 520, 529, 530])
def test_what_passes_by_itself_is_tried_again(status: int) -> None:
    assert classify_status(status)[1]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        *((204, Reason.UNEXPECTED_ANSWER), (304, Reason.UNEXPECTED_ANSWER), (400, Reason.UNEXPECTED_ANSWER)),
        *((401, Reason.AUTH_REQUIRED), (403, Reason.DENIED), (404, Reason.UNEXPECTED_ANSWER)),
        *((451, Reason.LEGAL), (501, Reason.SERVER_ERROR), (505, Reason.SERVER_ERROR)),
    ],
)
def test_what_stays_so_is_not_tried_again(status: int, reason: Reason) -> None:
    assert classify_status(status) == (reason, False)


PASSING = RegistryError(Reason.NETWORK, "", temporary=True)
NONSENSE = RegistryError(Reason.UNEXPECTED_ANSWER, "", temporary=True)


@pytest.mark.parametrize(
    ("failures", "tries"),
    [
        ([RegistryError(Reason.DENIED, "")], 1),
        ([PASSING] * 9, 6),
        ([NONSENSE] * 9, 2),
        ([PASSING, NONSENSE, PASSING, NONSENSE, NONSENSE, PASSING], 5),
        ([PASSING, RegistryError(Reason.DENIED, "")], 2),
    ],
)
def test_failures_allow_so_many_tries(failures: list[RegistryError], tries: int) -> None:
    """Six in all, of which two in a row make no sense, and none after what stays so."""
    effort = Effort()
    for failure in failures:
        effort.count(failure)
        if is_exhausted(effort, failure, 6, 300.0):
            break
    assert effort.tries == tries


@pytest.mark.parametrize(("spent_s", "is_over"), [(299.0, False), (300.0, True)])
def test_tries_are_bounded_in_time(spent_s: float, *, is_over: bool) -> None:
    assert is_exhausted(Effort(1, 0, spent_s), PASSING, 6, 300.0) is is_over


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_waits_are_random_up_to_a_bound_that_doubles_up_to_a_cap(attempt: int, luck: float) -> None:
    assert delay(attempt, luck, 1.0, 60.0) == luck * min(60, 2 ** min(attempt - 1, 10))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *(
            ("120", 120),
            ("0", 1),
            ("0.5", 1),
            ("2.5", 2.5),
            (" 7 ", 7),
            ("2678400", 2_678_400),
            ("2678401", None),
        ),
        *(("1800000060", 60), ("1700000000", 1), ("1800000060.5", 60.5)),
        *(("Fri, 15 Jan 2027 08:01:00 GMT", 60), ("Fri, 15 Jan 2027 08:01:00 -0000", 60)),
        *(("Fri, 15 Jan 2027 07:00:00 GMT", 1), ("Fri, 15 Jan 2100 07:00:00 GMT", None)),
        *(
            (None, None),
            ("", None),
            ("-5", None),
            ("nan", None),
            ("inf", None),
            ("1e3", None),
            ("soon", None),
        ),
        *(("1.2ms", None), ("Fri, 99 Jan 2027 08:01:00 GMT", None), ("٣", None), ("9" * 400, None)),
    ],
)
def test_retry_after_is_seconds_a_date_or_unix_time(header: str | None, seconds: float | None) -> None:
    assert parse_retry_after(header, NOW) == seconds


@given(st.text(max_size=40))
def test_any_retry_after_is_a_bounded_pause_or_none(header: str) -> None:
    seconds = parse_retry_after(header, NOW)
    assert seconds is None or 1 <= seconds <= LONGEST_PAUSE_S


@pytest.mark.parametrize(
    ("headers", "quota"),
    [
        (
            {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "20;w=21600"},
            Quota(100, 20, 21600, NOW),
        ),
        ({"ratelimit-limit": "100;w=60", "ratelimit-remaining": "0"}, Quota(100, 0, 60, NOW)),
        ({"ratelimit-remaining": "5; w=9"}, Quota(None, 5, 9, NOW)),
        ({"ratelimit-limit": "100;w=21600"}, None),
        ({"ratelimit-remaining": "many"}, None),
        ({"ratelimit-remaining": "9" * 5000}, None),
        ({}, None),
    ],
)
def test_the_pull_quota_is_read_from_the_headers(headers: dict[str, str], quota: Quota | None) -> None:
    assert parse_quota(headers, NOW) == quota


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"x","detail":{}}]}', "MANIFEST_UNKNOWN"),
        (b" toomanyrequests: You have reached your pull rate limit. ", "TOOMANYREQUESTS"),
        (b'{"errors":[{"code":"secret-token"}]}', None),
        *(
            (body, None)
            for body in (b"", b"<html>", b"[]", b'{"errors":[]}', b'{"errors":{}}', b"[" * 99_999)
        ),
        *((body, None) for body in (b"null", b'{"errors":[1]}', b'{"errors":[{"code":1}]}', b"\xff")),
    ],
)
def test_the_error_code_of_a_registry_is_read_or_missing(body: bytes, code: str | None) -> None:
    assert error_code(body) == code


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (404, "NAME_UNKNOWN", Reason.REPO_MISSING),
        (404, "MANIFEST_UNKNOWN", Reason.MANIFEST_MISSING),
        (404, "BLOB_UNKNOWN", Reason.BLOB_MISSING),
        (400, "NAME_INVALID", Reason.INVALID_NAME),
        (500, "BLOB_UNKNOWN", Reason.SERVER_ERROR),
        (429, "TOOMANYREQUESTS", Reason.ABUSE_LIMIT),
        (429, "OTHER", Reason.ABUSE_LIMIT),
    ],
)
def test_the_code_refines_the_status(status: int, code: str, reason: Reason) -> None:
    body = f'{{"errors":[{{"code":"{code}"}}]}}'.encode()
    error = error_of_answer("https://r/v2/", status, {"X-Retry-After": "1800000009"}, body, now=NOW)
    assert (error.reason, error.status, error.code) == (reason, status, code)
    assert error.retry_after_s == (9 if error.temporary else None)
    assert str(error) == f"{reason}: the server answered {status} {code} ({status}, https://r/v2/)"


HUB_SAYS = "You have reached your pull rate limit. You may increase the limit by authenticating and upgrading"
HUB_SAYS_TO_STRANGERS = "You have reached your unauthenticated pull rate limit."


@pytest.mark.parametrize(
    ("status", "body", "remaining", "reason"),
    [
        (429, f'{{"errors":[{{"code":"TOOMANYREQUESTS","message":"{HUB_SAYS}"}}]}}', None, Reason.QUOTA),
        (429, f"toomanyrequests: {HUB_SAYS_TO_STRANGERS}", None, Reason.QUOTA),
        (429, HUB_SAYS.upper(), "7;w=21600", Reason.QUOTA),
        (429, "", "0;w=21600", Reason.QUOTA),
        (429, '{"errors":[{"code":"TOOMANYREQUESTS"}]}', "0", Reason.QUOTA),
        (429, '{"errors":[{"code":"TOOMANYREQUESTS"}]}', None, Reason.ABUSE_LIMIT),
        (429, '{"errors":[{"code":"TOOMANYREQUESTS"}]}', "7;w=21600", Reason.ABUSE_LIMIT),
        (429, '{"errors":[{"code":"TOOMANYREQUESTS","message":"Rate exceeded"}]}', None, Reason.ABUSE_LIMIT),
        (429, "toomanyrequests: Rate exceeded", None, Reason.ABUSE_LIMIT),
        (429, "Too Many Requests (HAP429)", None, Reason.ABUSE_LIMIT),
        (429, "", "none", Reason.ABUSE_LIMIT),
        (503, HUB_SAYS, "0;w=21600", Reason.SERVER_ERROR),
    ],
)
def test_a_429_is_about_the_pull_quota_only_if_it_says_so(
    status: int, body: str, remaining: str | None, reason: Reason
) -> None:
    """By the headers, with nothing left, or in Docker Hub's words; the code says no more than the status."""
    headers = {} if remaining is None else {"ratelimit-remaining": remaining}
    error = error_of_answer("https://r/v2/", status, headers, body.encode(), now=NOW)
    assert (error.reason, error.temporary) == (reason, True)


@pytest.mark.parametrize(
    ("exception", "reason", "temporary"),
    [
        (aiohttp.ServerDisconnectedError(), Reason.NETWORK, True),
        (aiohttp.ClientPayloadError("short"), Reason.NETWORK, True),
        (ConnectionResetError(104, "reset"), Reason.NETWORK, True),
        (aiohttp.ConnectionTimeoutError(), Reason.TIMEOUT, True),
        (aiohttp.SocketTimeoutError(), Reason.TIMEOUT, True),
        (aiohttp.InvalidURL("http://[x"), Reason.UNEXPECTED_ANSWER, False),
    ],
)
def test_a_foreign_exception_has_one_translation(
    exception: Exception, reason: Reason, *, temporary: bool
) -> None:
    error = error_of_exception(exception, "https://h/x?sig=SECRET")
    assert (error.reason, error.temporary, error.status) == (reason, temporary, None)
    assert error.url == "https://h/x?sig=REDACTED"
