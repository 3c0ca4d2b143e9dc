"""Numbers as the Hub writes them for people."""

from __future__ import annotations

_STEPS = (
    (1_000_000_000, "1B+"),
    (500_000_000, "500M+"),
    (100_000_000, "100M+"),
    (50_000_000, "50M+"),
    (10_000_000, "10M+"),
    (5_000_000, "5M+"),
    (1_000_000, "1M+"),
    (500_000, "500K+"),
    (100_000, "100K+"),
)


def rounded(count: int, largest: int = 1_000_000_000) -> str:
    """``500K+`` and the like; below 100,000 as :func:`short`. Steps above ``largest`` did not exist yet."""
    for step, text in _STEPS:
        if step <= count and step <= largest:
            return text
    return short(count)


def short(count: int) -> str:
    """``3.2K`` above a thousand, else the number."""
    return f"{count / 1000:.1f}".removesuffix(".0") + "K" if count >= 1000 else str(count)
