"""Platforms: how they are written, and which of them are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.platforms import Platform

words = st.sampled_from(
    [
        "linux",
        "macos",
        "Darwin",
        "amd64",
        "x86_64",
        "arm",
        "armhf",
        "arm64",
        "aarch64",
        "i386",
        "v1",
        "v7",
        "8",
    ]
)


@pytest.mark.parametrize("text", ["linux/amd64", "linux/arm/v7"])
def test_a_platform_is_its_text(text: str) -> None:
    assert str(Platform.parse(text)) == text


@pytest.mark.parametrize("text", ["", "linux", "linux/", "a/b/c/d", "/amd64"])
def test_half_a_platform_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="not a platform"):
        Platform.parse(text)


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("linux/amd64", "linux/amd64"),
        ("Linux/X86_64", "linux/amd64"),
        ("linux/x86-64/v1", "linux/amd64"),
        ("linux/amd64/v2", "linux/amd64/v2"),
        ("linux/i386/v1", "linux/386"),
        ("linux/386", "linux/386"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("linux/arm64/v9", "linux/arm64/v9"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/arm/v8", "linux/arm/v8"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel/v7", "linux/arm/v6"),
        ("macos/arm64", "darwin/arm64"),
        ("linux/riscv64", "linux/riscv64"),
    ],
)
def test_the_same_platform_is_written_one_way(text: str, normalized: str) -> None:
    """As containerd has it (platforms/database.go)."""
    assert str(Platform.parse(text).normalized) == normalized


@given(words, words, st.none() | words)
def test_normalizing_twice_is_normalizing_once(os: str, architecture: str, variant: str | None) -> None:
    once = Platform(os, architecture, variant).normalized
    assert once.normalized == once
