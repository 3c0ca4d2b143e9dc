"""Which tags of a repository become images: rules, read and applied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.dates import created_of, latest
from downloader.tags import newest_tags, parse_tag_rule
from registry.dates import instant
from registry.errors import ConfigurationError
from registry.manifests import parse_manifest
from registry.names import is_tag

OFFERED = ["1.0", "1.1", "2.0-alpine", "latest", "nightly", "nightly", "a/b", ""]


@pytest.mark.parametrize(
    ("rule", "chosen"),
    [
        ("all", ["1.0", "1.1", "2.0-alpine", "latest", "nightly"]),
        ("latest", ["latest"]),
        (" latest, 1.1 ,gone", ["latest", "1.1"]),
        ("1.0", ["1.0"]),
        (r"1\.\d", ["1.0", "1.1"]),
        (r".*-alpine", ["2.0-alpine"]),
        (r"1|2", []),
        (r"(1|2)\..*", ["1.0", "1.1", "2.0-alpine"]),
        (r"(?i)LATEST", ["latest"]),
        ("[0-9.]{3,4}", ["1.0", "1.1"]),
        ("newest:3", ["1.0", "1.1", "2.0-alpine", "latest", "nightly"]),
    ],
)
def test_a_rule_takes_tags_from_what_is_offered(rule: str, chosen: list[str]) -> None:
    """An expression must match the whole tag; what is no tag is never taken, and nothing twice."""
    assert parse_tag_rule(rule).choose(OFFERED) == chosen


def test_names_need_not_be_asked_for() -> None:
    """The registry is asked for its tags by the other rules only."""
    assert parse_tag_rule(" latest, 3.20 ").names == ("latest", "3.20")
    assert parse_tag_rule("newest").names == ("newest",)
    for rule in ("all", "newest:1", "v.*"):
        assert parse_tag_rule(rule).names is None
    assert parse_tag_rule("newest:10").newest == 10


@pytest.mark.parametrize(
    "rule",
    [
        *("", "latest,", ".hidden", "a b", "sha256:abc", "a/b", "x" * 129, "../../etc"),
        *("newest:", "newest:0", "newest:-1", "newest:x", "newest:1.5", "newest:" + "9" * 20, "newest:٣"),
        *("[", "(", "*", "a)", "(?P<x", "a{99999999999}", "\\"),
    ],
)
def test_a_tag_rule_that_makes_no_sense_is_one_clear_sentence(rule: str) -> None:
    """Otherwise every image of the census would fail for the same slip of the finger."""
    with pytest.raises(ConfigurationError, match="write latest, all, newest:10, names") as caught:
        parse_tag_rule(rule)
    assert repr(rule[:50])[:-1] in str(caught.value)


@given(st.text(max_size=20))
def test_any_text_is_a_rule_or_a_configuration_error(text: str) -> None:
    """And what a rule of names names are tags."""
    try:
        rule = parse_tag_rule(text)
    except ConfigurationError:
        return
    assert all(map(is_tag, rule.names or ()))


_DATES = st.none() | st.sampled_from(
    [
        *("", "x", "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z", "2021-01-01"),
        *("2021-01-01T00:30:00+01:00", "2021-01-01T00:00:00.5Z", "2021-01-01T00:00:00.25Z"),
    ]
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), _DATES, max_size=8), st.integers(1, 9))
def test_the_newest_are_those_than_which_no_other_is_newer(
    created: dict[str, str | None], count: int
) -> None:
    """As many as there are, at most as many as wanted, and the same whatever order they were listed in."""
    chosen = newest_tags(created, count)
    assert len(chosen) == len(set(chosen)) == min(count, len(created))
    others = created.keys() - set(chosen)
    assert all(instant(created[each]) >= instant(created[other]) for each in chosen for other in others)
    assert newest_tags(dict(reversed(created.items())), count) == chosen


def test_an_image_of_several_platforms_is_as_new_as_its_newest() -> None:
    """As a point in time, whatever the texts look like."""
    dates = ["2021-01-01T01:00:00+02:00", "2021-01-01T00:00:00Z", "yesterday", None]
    assert latest(dates) == latest(dates[::-1]) == "2021-01-01T00:00:00Z"
    assert latest([]) is None


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (b'{"created":"2020-01-01T00:00:00Z"}', "2020-01-01T00:00:00Z"),
        (b'{"created":5}', None),
        (b"{}", None),
        (b"[" * 100_000, None),
        (b"", None),
        (None, None),
    ],
)
def test_an_image_is_as_old_as_its_configuration_says(config: bytes | None, expected: str | None) -> None:
    """Which is hostile text."""
    image = parse_manifest(b'{"schemaVersion":2,"layers":[]}', None)
    assert created_of(image, config) == expected


def test_a_schema_1_image_is_as_old_as_its_topmost_layer() -> None:
    """It has no configuration; its history is listed from the top."""
    history = b'{"v1Compatibility":"{\\"created\\":\\"%d\\"}"}'
    layers = b",".join([b'{"blobSum":"sha256:' + b"0" * 64 + b'"}'] * 2)
    raw = b'{"schemaVersion":1,"fsLayers":[%b],"history":[%b,%b]}' % (layers, history % 2021, history % 2020)
    assert created_of(parse_manifest(raw, None), None) == "2021"
