"""Faults that do not pass: one image is missing for the right reason, and every other is had."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pytest

from registry.errors import Reason
from tests.faults import injections
from tests.faults.cases import Outcome, outcome_of
from tests.faults.census import HURRIED, UNHURRIED
from tests.faults.injections import in_words, kind_of, refused
from tests.faults.origin import Fault, Habits, Plan

# What becomes of an image whose blobs can never be had.
BLOB: dict[str, tuple[Fault, str]] = {
    "reset before the answer": (injections.reset_before_answer, Reason.NETWORK),
    "closed before the answer": (injections.closed_before_answer, Reason.NETWORK),
    "reset in the head": (injections.reset_in_head, Reason.NETWORK),
    "not HTTP": (injections.not_http, Reason.UNEXPECTED_ANSWER),
    "nonsense for a length": (injections.nonsense_content_length, Reason.UNEXPECTED_ANSWER),
    "bad chunk": (injections.bad_chunks, Reason.UNEXPECTED_ANSWER),
    "reset in the body": (injections.reset_in_body, Reason.NETWORK),
    "closed in the body": (injections.closed_in_body, Reason.NETWORK),
    "one byte short": (injections.one_byte_short, Reason.SIZE_MISMATCH),
    "end without a length": (injections.no_content_length, Reason.SIZE_MISMATCH),
    "short body": (injections.short_body, Reason.SIZE_MISMATCH),
    "no body": (injections.no_body, Reason.SIZE_MISMATCH),
    "long body": (injections.long_body, Reason.SIZE_MISMATCH),
    "a bit flipped": (injections.wrong_bytes, Reason.DIGEST_MISMATCH),
    "another page": (injections.other_body, Reason.DIGEST_MISMATCH),
    "encoded": (injections.encoded, Reason.UNEXPECTED_ANSWER),
    "redirect loop": (injections.redirect_loop, Reason.UNEXPECTED_ANSWER),
    "redirect nowhere": (injections.redirect_nowhere, Reason.UNEXPECTED_ANSWER),
    "401": (refused(401, "UNAUTHORIZED"), Reason.AUTH_REQUIRED),
    "403": (refused(403, "DENIED"), Reason.DENIED),
    "404 of the blob": (refused(404, "BLOB_UNKNOWN"), Reason.BLOB_MISSING),
    "404 of the repository": (refused(404, "NAME_UNKNOWN"), Reason.REPO_MISSING),
    "404 of a proxy": (refused(404), Reason.BLOB_MISSING),
    "410": (refused(410), Reason.BLOB_MISSING),
    "451": (refused(451), Reason.LEGAL),
    "418": (refused(418), Reason.UNEXPECTED_ANSWER),
    "408": (refused(408), Reason.TIMEOUT),
    "429": (refused(429), Reason.ABUSE_LIMIT),
    "429 in words": (in_words(429, "Too Many Requests (HAP429)."), Reason.ABUSE_LIMIT),
    "500": (refused(500), Reason.SERVER_ERROR),
    "501": (refused(501), Reason.SERVER_ERROR),
    "503": (refused(503), Reason.SERVER_ERROR),
    "504": (refused(504), Reason.TIMEOUT),
    # Servers that are wrong about a length, and send every byte: the right digest is success.
    "length too large": (injections.large_content_length, "done"),
    "torn chunk": (injections.torn_chunks, "done"),
}

# What a store says of a URL is not said of us: it is never called a login that lacks.
STORE: dict[str, tuple[Fault, str]] = {
    **BLOB,
    "expired": (injections.expired, Reason.UNEXPECTED_ANSWER),
    "400": (refused(400), Reason.UNEXPECTED_ANSWER),
    "401": (refused(401), Reason.UNEXPECTED_ANSWER),
    "403": (refused(403), Reason.UNEXPECTED_ANSWER),
}
del STORE["404 of the repository"]

# What becomes of an image whose manifest can never be had. Its digest was told by HEAD, or in the header of
# the answer: nothing else can pass for it.
MANIFEST: dict[str, tuple[Fault, str]] = {
    "closed before the answer": (injections.closed_before_answer, Reason.NETWORK),
    "closed in the body": (injections.closed_in_body, Reason.NETWORK),
    "length too large": (injections.large_content_length, Reason.NETWORK),
    "not HTTP": (injections.not_http, Reason.UNEXPECTED_ANSWER),
    "end without a length": (injections.no_content_length, Reason.DIGEST_MISMATCH),
    "short body": (injections.short_body, Reason.DIGEST_MISMATCH),
    "no body": (injections.no_body, Reason.DIGEST_MISMATCH),
    "long body": (injections.long_body, Reason.DIGEST_MISMATCH),
    "a bit flipped": (injections.wrong_bytes, Reason.DIGEST_MISMATCH),
    "another page": (injections.other_body, Reason.DIGEST_MISMATCH),
    "encoded": (injections.encoded, Reason.UNEXPECTED_ANSWER),
    "redirect loop": (injections.redirect_loop, Reason.UNEXPECTED_ANSWER),
    "401": (refused(401, "UNAUTHORIZED"), Reason.AUTH_REQUIRED),
    "403": (refused(403, "DENIED"), Reason.DENIED),
    "404 of the repository": (refused(404, "NAME_UNKNOWN"), Reason.REPO_MISSING),
    "404 of a proxy": (refused(404), Reason.NO_TAG),
    "451": (refused(451), Reason.LEGAL),
    "429": (refused(429), Reason.ABUSE_LIMIT),
    "503": (refused(503), Reason.SERVER_ERROR),
    "504": (refused(504), Reason.TIMEOUT),
}

# HEAD and GET refuse alike.
REPOSITORY: dict[str, tuple[Fault, str]] = {
    name: MANIFEST[name] for name in ("401", "403", "404 of the repository", "404 of a proxy", "451", "503")
}

# A token that cannot be had: who refuses it refuses us, and who is out of order is that.
TOKEN: dict[str, tuple[Fault, str]] = {
    "401": (refused(401), Reason.AUTH_REQUIRED),
    "403": (refused(403), Reason.DENIED),
    "404": (refused(404), Reason.UNEXPECTED_ANSWER),
    "503": (refused(503), Reason.SERVER_ERROR),
    "closed before the answer": (injections.closed_before_answer, Reason.NETWORK),
    "no body": (injections.no_body, Reason.UNEXPECTED_ANSWER),
    "another page": (injections.other_body, Reason.UNEXPECTED_ANSWER),
}

# Each costs a timeout per try.
STALLED: dict[str, tuple[Fault, str]] = {
    "silence": (injections.silent, Reason.TIMEOUT),
    "stalled head": (injections.stalled_head, Reason.TIMEOUT),
    "stalled body": (injections.stalled_body, Reason.TIMEOUT),
    "trickle": (injections.trickle, Reason.TIMEOUT),
}

PLAIN, COUNTING, TOKENS, SIGNED = (
    Habits(),
    Habits(announces_quota=True),
    Habits(wants_token=True),
    Habits(redirects_from=1),
)


@dataclass(frozen=True)
class Way:
    """What is struck, always."""

    faults: dict[str, tuple[Fault, str]]
    habits: Habits
    kinds: Collection[str]

    def plan(self, fault: Fault) -> Plan:
        return lambda asked: fault if kind_of(asked) in self.kinds else None


WAYS = {
    "blobs": Way(BLOB, PLAIN, ["blob"]),
    "blobs of a CDN": Way(STORE, SIGNED, ["cdn"]),
    "manifests by tag": Way(MANIFEST, PLAIN, ["manifest"]),
    "manifests by digest": Way(MANIFEST, COUNTING, ["manifest"]),
    "all of a repository": Way(REPOSITORY, PLAIN, ["manifest", "head"]),
    "tokens": Way(TOKEN, TOKENS, ["token"]),
    "stalled blobs": Way(STALLED, PLAIN, ["blob"]),
}

EACH = [
    pytest.param(name, case, marks=[pytest.mark.slow] if way.faults is STALLED else [])
    for name, way in WAYS.items()
    for case in way.faults
]


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome | None]:
    """What became of all faults that strike in one way, in one run, by way."""
    return {}


@pytest.fixture
def outcome(way: str, outcomes: dict[str, Outcome | None], tmp_path: Path) -> Outcome:
    """That of one way."""
    if way not in outcomes:
        outcomes[way] = None
        plans = {case: WAYS[way].plan(fault) for case, (fault, _) in WAYS[way].faults.items()}
        http = HURRIED if WAYS[way].faults is STALLED else UNHURRIED
        outcomes[way] = asyncio.run(outcome_of(tmp_path / "data", plans, WAYS[way].habits, http=http))
    found = outcomes[way]
    assert found is not None, "the run did not come to its end"
    return found


@pytest.mark.parametrize(("way", "case"), EACH)
def test_what_cannot_be_had_is_missing_for_the_right_reason(outcome: Outcome, way: str, case: str) -> None:
    """And what can be had in spite of it is had."""
    assert outcome.injected[case] > 0
    assert outcome.states[case] == WAYS[way].faults[case][1]


@pytest.mark.parametrize("way", [name for name, way in WAYS.items() if way.faults is not STALLED])
def test_what_cannot_be_had_costs_no_other_image(outcome: Outcome) -> None:
    """The run goes on; when the faults are over, ``--retry-failed`` brings all."""
    assert set(outcome.bystanders.values()) == {"done"}
    assert outcome.summary.stopped is None
    assert outcome.healed == {"done"}
    assert outcome.leftovers == set()
    assert outcome.falsehoods == []
