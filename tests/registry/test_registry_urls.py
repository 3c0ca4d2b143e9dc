"""URLs and redirects: never normalised, never a way into a private network, never showing a secret."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from registry.errors import Reason, RegistryError
from registry.transport.redirects import headers_after, next_location
from registry.transport.urls import (
    authority,
    origin,
    parse_base_url,
    path_and_query,
    path_of,
    redacted,
)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://registry-1.docker.io", "https://registry-1.docker.io"),
        (" HTTP://127.0.0.1:5000/ ", "http://127.0.0.1:5000"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("https://h/prefix//", "https://h/prefix"),
        ("https://h/?#", "https://h"),
    ],
)
def test_a_base_url_loses_its_trailing_slash(text: str, url: str) -> None:
    assert parse_base_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "localhost",
            "localhost:5000",
            "ftp://h",
            "https://",
            "https://:443",
            "http://h:99999",
            "http://h:x",
        ),
        *(
            "http://u@h",
            "http://u:SECRET@h",
            "u:SECRET@h",
            "http://h?token=SECRET",
            "http://h#x",
            "http://[::1",
        ),
        *(
            "http://h\nx",
            "http://é",
            "http://a b",
            "http://u:SECRET@h:x",
            "file:///etc/passwd",
            "http://a..b",
        ),
    ],
)
def test_what_is_no_base_url_is_refused_in_one_line_without_the_secret(text: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]{10,400}$") as caught:
        parse_base_url(text)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        *(("https://H.io/x", "h.io"), ("https://h.io:443/x", "h.io"), ("http://h.io:443", "h.io:443")),
        *(("http://[::1]:80/", "[::1]"), ("http://u:p@h:81/@", "h:81")),
    ],
)
def test_the_authority_is_host_and_unusual_port(url: str, host: str) -> None:
    assert authority(url) == host


@given(st.text(st.characters(codec="ascii", exclude_characters="#"), max_size=20))
def test_origin_and_path_make_up_the_url(rest: str) -> None:
    url = f"http://h:5000/{rest}"
    assert origin("http://h:5000/") + path_and_query(url) == url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a/token?service=s&scope=repository:x/y:pull", "https://a/token?service=s&scope=repository:x/y:pull"),
        ("https://u:p@cdn/x?X-Amz-Signature=abc&n=5&n2=&=x", "https://cdn/x?X-Amz-Signature=REDACTED&n=5&n2=REDACTED&=REDACTED"),
        ("https://cdn/x#token", "https://cdn/x"),
        ("https://[x", "(not a URL)"),
        ("https://h/\udcff \u00e9?n=\udcff", "https://h/%FF%20%C3%A9?n=%EF%BF%BD"),
    ],
)  # fmt: skip
def test_only_known_query_keys_are_shown(url: str, shown: str) -> None:
    assert redacted(url) == shown


@settings(max_examples=40)
@given(st.lists(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1), min_size=1))
def test_a_hostile_name_is_sent_as_itself(parts: list[str]) -> None:
    """Whatever a name holds, the server decodes it back, and nothing climbs on the way."""
    path = path_of("/".join(parts))
    url = URL(f"http://h/v2/{path}/tags/list", encoded=True)
    assert url.raw_path == f"/v2/{path}/tags/list"
    assert not {".", ".."} & set(path.split("/"))
    assert path.isascii()


@pytest.mark.parametrize(
    ("name", "path"), [("a/../b", "a/%2E%2E/b"), ("a%2fb?#", "a%252fb%3F%23"), ("é", "%C3%A9")]
)
def test_a_name_is_percent_encoded(name: str, path: str) -> None:
    assert path_of(name) == path


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://cdn/a%2Fb?sig=%2F%27%3A+%20", "https://cdn/a%2Fb?sig=%2F%27%3A+%20"),
        ("HTTPS://cdn/../x", "https://cdn/../x"),
        ("/y/../z?%2F", "https://r/y/../z?%2F"),
        ("//cdn/x", "https://cdn/x"),
        ("?last=b", "https://r/v2/a?last=b"),
        ("b", "https://r/v2/b"),
        ("https://cdn/é b\x01", "https://cdn/%C3%A9%20b%01"),
    ],
)
def test_a_location_is_resolved_and_otherwise_untouched(location: str, target: str) -> None:
    assert next_location("https://r/v2/a", location) == target


@pytest.mark.parametrize(
    ("current", "location"),
    [
        ("https://r/x", "http://r/x"),
        ("https://r/x", "ftp://r/x"),
        ("https://r/x", "javascript:alert(1)"),
        ("https://r/x", "https:///x"),
        ("https://r/x", "https://u:p@r/x"),
        ("https://r/x", "https://r:99999/x"),
        ("https://r/x", "https://[::1/x"),
        ("https://r/x", "https://127.0.0.1/x"),
        ("https://r/x", "https://2130706433/x"),
        ("http://1.1.1.1/x", "http://169.254.169.254/latest"),
    ],
)
def test_a_redirect_that_could_harm_is_refused(current: str, location: str) -> None:
    with pytest.raises(RegistryError) as caught:
        next_location(current, location)
    assert (caught.value.reason, caught.value.temporary) == (Reason.UNEXPECTED_ANSWER, False)


@given(st.text(max_size=50))
def test_any_location_is_a_safe_url_or_refused(location: str) -> None:
    try:
        target = next_location("https://r/v2/a", location)
    except RegistryError:
        return
    assert target.startswith("https://")
    assert target.isascii()
    assert target.isprintable()
    assert URL(target, encoded=True).raw_path_qs


def test_from_one_private_host_to_another_is_allowed() -> None:
    assert next_location("http://127.0.0.1:5000/x", "http://127.0.0.1:5001/y") == "http://127.0.0.1:5001/y"


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("https://r.io/y", {"Accept", "authorization", "Cookie"}),
        ("https://R.io:443/y", {"Accept", "authorization", "Cookie"}),
        ("https://r.io:444/y", {"Accept"}),
        ("https://cdn.r.io/y", {"Accept"}),
    ],
)
def test_credentials_stay_with_their_host(target: str, kept: set[str]) -> None:
    headers = {"Accept": "a", "authorization": "b", "Cookie": "c"}
    assert set(headers_after(headers, "https://r.io/x", target)) == kept
