"""Names of images."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.digests import Digest
from registry.names import Reference, hub_repository, is_repository_name, is_tag, parse_reference

DIGEST = Digest.of(b"x")

repository_names = st.from_regex(
    r"[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}(/[a-z0-9]{1,8}){0,3}", fullmatch=True
)
hosts = st.from_regex(
    r"localhost|[a-z]{1,8}\.[a-z]{2,4}(:[0-9]{1,5})?|127\.0\.0\.1:[0-9]{1,5}|\[::1\]:80", fullmatch=True
)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("debian", Reference(None, "debian")),
        ("library/debian:12", Reference(None, "library/debian", "12")),
        (f"ghcr.io/a/b@{DIGEST}", Reference("ghcr.io", "a/b", None, DIGEST)),
        (f"a/b:1@{DIGEST}", Reference(None, "a/b", "1", DIGEST)),
        ("127.0.0.1:5000/x", Reference("127.0.0.1:5000", "x")),
        ("[::1]:5000/x", Reference("[::1]:5000", "x")),
        ("localhost/x:y", Reference("localhost", "x", "y")),
        ("Host/x", Reference("host", "x")),
        ("host/x", Reference(None, "host/x")),
        ("debian.org:5000/x", Reference("debian.org:5000", "x")),
        ("debian:5000", Reference(None, "debian", "5000")),
    ],
)
def test_a_reference_is_read_as_docker_reads_it(text: str, expected: Reference) -> None:
    assert parse_reference(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "/", "a//b", "..", "../x", "a/..", "A", "library/Debian", "a:", "a: b", "a@", "a@sha256:1"),
        *("a:b:c", "-a", "a_", "a___b", "a..b", "x" * 256, "h.io/", "h_.io/x", ".io/x", "host:port/x"),
        *("é", "a\n", "a%2fb"),
    ],
)
def test_what_is_not_a_reference_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        parse_reference(text)


@settings(max_examples=40)
@given(
    st.builds(Reference, st.none() | hosts, repository_names, st.none() | tags, st.none() | st.just(DIGEST))
)
def test_a_reference_is_read_back_from_its_text(reference: Reference) -> None:
    """Unless its first part looks like a host, a repository survives; a host always does."""
    if (
        reference.registry is None
        and "." in reference.repository.partition("/")[0]
        and "/" in reference.repository
    ):
        return
    assert parse_reference(str(reference)) == reference


@given(st.text(max_size=300))
def test_any_text_is_a_reference_or_a_value_error(text: str) -> None:
    try:
        reference = parse_reference(text)
    except ValueError:
        return
    assert is_repository_name(reference.repository)


@pytest.mark.parametrize(
    "name", ["0000/..", "0000/_", "mattdr/_____", "chr15/er-pr-", "gilliam/scheduler-_worker"]
)
def test_the_dirty_names_of_docker_hub_are_known_as_such(name: str) -> None:
    assert not is_repository_name(name)


@pytest.mark.parametrize(
    ("name", "good"), [("a" * 255, True), ("a" * 256, False), ("a/b/c/d/e", True), ("a--b", True)]
)
def test_a_name_has_any_number_of_parts_and_255_characters(name: str, *, good: bool) -> None:
    assert is_repository_name(name) is good


@pytest.mark.parametrize(
    ("tag", "good"), [("_", True), ("a" * 128, True), ("a" * 129, False), ("-a", False), ("", False)]
)
def test_a_tag_has_1_to_128_characters(tag: str, *, good: bool) -> None:
    assert is_tag(tag) is good


def test_official_images_live_in_library() -> None:
    assert [hub_repository(name) for name in ("nginx", "a/nginx")] == ["library/nginx", "a/nginx"]
