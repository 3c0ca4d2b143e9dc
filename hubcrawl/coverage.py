"""How much of a hub is not listed at all: an estimate from two routes (pure).

A repository can be found by search, and by the listing of its namespace; a namespace can only be listed
when search showed one of its repositories. So of a namespace with *k* repositories, *j* of which search
shows, nothing is known where *j* = 0. If search shows each repository with the same probability *p*,
independently of its neighbours, then *j* of those that are known has a binomial distribution without its
zero, from which *p* follows by maximum likelihood; a namespace of *k* is known with probability
``1 - (1 - p)^k``, and the number of all is that of the known ones, each weighted by the inverse of that
(Horvitz and Thompson 1952; for capture and recapture, Huggins 1989).

The interval begins with what is known, which is certain, and ends where the number of those unseen would be
surprising: log-normal, since it cannot be below 0 (Chao 1987).

What the assumption costs: namespaces that search hides whole, for whatever reason, are not in the estimate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Two-sided 95 % of the normal distribution.
_Z = 1.959964

# One-sided 97.5 % of "none in so many": -ln(0.025) of them would have been expected (cf. the rule of three).
_NONE_IN = 3.689

_STEPS = 100  # of a bisection: more than a double has digits
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many repositories there are, with a 95 % interval.

    Attributes:
        total: All of them.
        low: What is known: the end of the interval that is certain.
        high: Its other end, passed once in forty times.
        shown: The share of repositories that search shows, *p*.
    """

    total: float
    low: float
    high: float
    shown: float


def estimate(namespaces: Mapping[tuple[int, int], int]) -> Estimate | None:
    """Estimate how many repositories there are.

    Args:
        namespaces: How many namespaces were listed with *k* repositories of which search showed *j*, by
            ``(k, j)``. Those of which search showed none do not count, wherever else they are known from.

    Returns:
        ``None`` where nothing can be said: no namespace has two repositories.
    """
    known = {(k, j): count for (k, j), count in namespaces.items() if k >= j >= 1 and count > 0}
    in_groups = sum(k * count for (k, _), count in known.items() if k > 1)
    if not in_groups:
        return None
    listed = sum(k * count for (k, _), count in known.items())
    if all(j == k for k, j in known):
        shown = 1 - min(_NONE_IN / in_groups, 0.5)
        return Estimate(listed, listed, listed + _unseen(known, shown), 1.0)
    shown = _most_likely(known)
    unseen = _unseen(known, shown)
    spread = math.exp(_Z * math.sqrt(math.log1p(_variance(known, shown) / max(unseen, _TINY) ** 2)))
    return Estimate(listed + unseen, listed, listed + unseen * spread, shown)


def _unseen(known: Mapping[tuple[int, int], int], p: float) -> float:
    """Repositories of namespaces that are not known."""
    return sum(count * k * _missed(k, p) / (1 - _missed(k, p)) for (k, _), count in known.items())


def _missed(k: int, p: float) -> float:
    """The probability that a namespace of ``k`` is not known."""
    return float((1 - p) ** k)


def _variance(known: Mapping[tuple[int, int], int], p: float) -> float:
    """Of the number unseen: by which namespaces are known, and by what ``p`` may be instead."""
    sampling = sum(
        count * k * k * _missed(k, p) / (1 - _missed(k, p)) ** 2 for (k, _), count in known.items()
    )
    slope = sum(
        -count * k * k * (1 - p) ** (k - 1) / (1 - _missed(k, p)) ** 2 for (k, _), count in known.items()
    )
    step = min(p, 1 - p) / 1000
    information = (_score(known, p - step) - _score(known, p + step)) / (2 * step)
    return sampling + slope * slope / max(information, _TINY)


def _most_likely(known: Mapping[tuple[int, int], int]) -> float:
    """Where the likelihood has its one maximum."""
    low, high = _TINY, 1 - _TINY
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _score(known, middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _score(known: Mapping[tuple[int, int], int], p: float) -> float:
    """The derivative of the log-likelihood of the binomial distribution without its zero."""
    q = 1 - p
    return sum(
        count * (j / p - (k - j) / q - k * q ** (k - 1) / (1 - q**k)) for (k, j), count in known.items()
    )
