"""Faults that pass: every image is had, byte for byte, whatever struck and wherever."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.faults import injections
from tests.faults.cases import Outcome, outcome_of
from tests.faults.injections import KINDS, kind_of, refused
from tests.faults.origin import Fault, Habits, Plan

# A small registry that answers everybody by itself, and one as Docker Hub is run.
PLAIN = Habits()
COUNTING = Habits(announces_quota=True)
HUB = Habits(redirects_from=1, announces_quota=True, wants_token=True)

# No answer at all, or one that is none.
LOST: dict[str, Fault] = {
    "reset before the answer": injections.reset_before_answer,
    "closed before the answer": injections.closed_before_answer,
    "reset in the head": injections.reset_in_head,
    **{str(status): refused(status) for status in (408, 425, 429, 499, 500, 502, 503, 504, 520, 529)},
}

# Answers that make no sense: these are asked for again once only.
NONSENSE: dict[str, Fault] = {
    "not HTTP": injections.not_http,
    "nonsense for a length": injections.nonsense_content_length,
    "bad chunk": injections.bad_chunks,
}

# A body that does not come to its end, and whoever reads it can tell.
BROKEN: dict[str, Fault] = {
    "reset in the body": injections.reset_in_body,
    "closed in the body": injections.closed_in_body,
    "one byte short": injections.one_byte_short,
    "length too large": injections.large_content_length,
    "torn chunk": injections.torn_chunks,
}

# Nothing comes any more, or hardly anything: it takes the client a timeout to notice.
STALLED: dict[str, Fault] = {
    "silence": injections.silent,
    "stalled head": injections.stalled_head,
    "stalled body": injections.stalled_body,
    "trickle": injections.trickle,
}

# An answer that looks whole, and is not what was asked for.
FALSE: dict[str, Fault] = {
    "end without a length": injections.no_content_length,
    "short body": injections.short_body,
    "no body": injections.no_body,
    "long body": injections.long_body,
    "a bit flipped": injections.wrong_bytes,
    "another page": injections.other_body,
    "length too small": injections.small_content_length,
}


@dataclass(frozen=True)
class Way:
    """How faults strike: every single thing of these kinds, at the first requests for it."""

    faults: dict[str, Fault]
    habits: Habits
    kinds: Collection[str] = KINDS
    times: int = 1
    settings: dict[str, Any] = field(default_factory=dict)

    def plan(self, fault: Fault) -> Plan:
        return lambda asked: fault if kind_of(asked) in self.kinds and asked.turn < self.times else None


_API = tuple(kind for kind in KINDS if kind != "cdn")
_AFTER_RETRIES = {"retry_wait_s": 900.0}

WAYS = {
    "once, everywhere": Way(LOST | BROKEN | NONSENSE, PLAIN),
    "once, everywhere at a hub": Way(LOST | BROKEN, HUB),
    "once, at a hub but not its CDN": Way(NONSENSE, HUB, _API),
    "once, at a CDN": Way(NONSENSE, HUB, ("cdn",)),
    "four times": Way(LOST, PLAIN, times=4),
    "twice at each of two servers": Way(LOST, HUB, times=2),
    "once, blobs": Way(FALSE, PLAIN, ("blob",)),
    "once, blobs of a CDN": Way(FALSE, HUB, ("cdn",)),
    "once, manifests by tag": Way(FALSE, PLAIN, ("manifest",)),
    "once, manifests by digest": Way(FALSE, COUNTING, ("manifest",)),
    # At the latest when the images are tried again there is a token.
    "once, tokens": Way(FALSE, HUB, ("token",), settings=_AFTER_RETRIES),
    "stalled once": Way(STALLED, PLAIN),
    "stalled once at a hub": Way(STALLED, HUB),
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
        plans = {case: WAYS[way].plan(fault) for case, fault in WAYS[way].faults.items()}
        outcomes[way] = asyncio.run(
            outcome_of(tmp_path / "data", plans, WAYS[way].habits, **WAYS[way].settings)
        )
    found = outcomes[way]
    assert found is not None, "the run did not come to its end"
    return found


@pytest.mark.parametrize(("way", "case"), EACH)
def test_what_passes_costs_no_image(outcome: Outcome, case: str) -> None:
    """Lost, broken, stalled or false at first, it comes in the end, and right."""
    assert outcome.injected[case] > 0
    assert outcome.states[case] == "done"


@pytest.mark.parametrize("way", [name for name, way in WAYS.items() if way.faults is not STALLED])
def test_what_passes_is_over(outcome: Outcome) -> None:
    """Nobody else noticed, no run stopped, and nothing is left to be done or to be swept."""
    assert set(outcome.bystanders.values()) == {"done"}
    assert outcome.summary.stopped is None
    assert outcome.healed == {"done"}
    assert outcome.leftovers == set()
    assert outcome.falsehoods == []
