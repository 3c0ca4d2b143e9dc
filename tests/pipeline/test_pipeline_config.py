"""Settings: names, precedence, and what is said about mistakes."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import DEFAULT_ORIGIN, Given, resolve, value_of
from pipeline.keys import Key, all_keys, did_you_mean, option_names
from pipeline.options import keys_of
from pipeline.settings import Settings
from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMANDS = [
    ["source", "crawl", "http", "general"],
    ["source", "download", "http", "general"],
    ["analyze", "general"],
    ["general"],
]


def values(key: Key) -> st.SearchStrategy[Any]:
    """Values that ``key`` takes, other than its default."""
    if key.is_list and key.choices:
        one = st.sampled_from(key.choices)
        return st.lists(one, min_size=1).map(tuple).filter(lambda value: value != key.default)
    if key.choices:
        return st.sampled_from(key.choices).filter(lambda value: value != key.default)
    few = st.integers(1, 9)
    strategies: dict[Any, st.SearchStrategy[Any]] = {
        bool: st.just(not key.default),
        int: few.map(lambda more: key.default + more),
        float: few.map(lambda more: key.default + more),
        str: st.text("abcxyz/.:-", min_size=1),
        tuple[str, ...]: st.lists(st.text("abc", min_size=1), min_size=1).map(tuple),
    }
    return strategies[key.plain_type]


def toml(key: Key, value: object) -> str:
    """A file that sets ``key``; of the types we have, JSON is TOML."""
    section, _, name = key.dotted.rpartition(".")
    return (f"[{section}]\n" if section else "") + f"{name} = {msgspec.json.encode(value).decode()}\n"


@pytest.mark.slow
@given(data=st.data())
def test_the_first_of_option_variable_and_file_wins_for_every_key(data: st.DataObject) -> None:
    """Option, then variable, then file, then default: whichever of them are given, for every key."""
    key = data.draw(st.sampled_from(all_keys()))
    layers = data.draw(st.sets(st.sampled_from(["option", "variable", "file"])))
    drawn = {layer: data.draw(values(key), label=layer) for layer in sorted(layers)}
    with TemporaryDirectory() as folder:
        file = Path(folder) / "any.toml"
        file.write_text(toml(key, drawn["file"]) if "file" in drawn else "")
        options = {key.dotted: Given(text(drawn["option"]), "--option")} if "option" in drawn else {}
        environ = {key.variable: text(drawn["variable"])} if "variable" in drawn else {}
        resolved = resolve(options, environ, file)
    winner = next((layer for layer in ("option", "variable", "file") if layer in drawn), None)
    origins = {"option": "--option", "variable": key.variable, "file": str(file), None: DEFAULT_ORIGIN}
    assert value_of(resolved.settings, key) == (key.default if winner is None else drawn[winner])
    assert resolved.origins[key.dotted] == origins[winner]


def text(value: object) -> str:
    """``value`` as written on a command line."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def test_what_one_key_sets_leaves_the_others_alone() -> None:
    """Setting one key changes one value."""
    resolved = resolve({}, {"HUBCRAWL_DOWNLOAD_LIMIT": "7"}, None)
    changed = [key.dotted for key in all_keys() if value_of(resolved.settings, key) != key.default]
    assert changed == ["download.limit"]
    assert resolved.settings.download == msgspec.structs.replace(Settings().download, limit=7)


def test_every_key_is_documented_and_of_a_type_that_all_three_ways_can_write() -> None:
    """No key without a description; types are text, numbers, booleans, choices and lists of text."""
    for key in all_keys():
        assert key.description, key.dotted
        assert key.choices or key.plain_type in (bool, int, float, str, tuple[str, ...]), key.dotted


def test_names_of_keys_are_unique_in_each_of_the_three_ways() -> None:
    """No two keys share a dotted name or a variable, nor an option within a command."""
    keys = all_keys()
    assert len({key.dotted for key in keys}) == len({key.variable for key in keys}) == len(keys)
    for sections in COMMANDS:
        names = option_names(keys_of(sections))
        assert len(set(names.values())) == len(names)
        assert not set(names.values()) & {"--config", "--help", "--json", "--markdown"}


def test_an_option_has_its_section_in_front_only_where_two_keys_share_a_name() -> None:
    """``--parallel-images`` needs no section; two limits do."""
    both = option_names([key for key in all_keys() if key.section in {"crawl", "download"}])
    assert both["download.parallel_images"] == "--parallel-images"
    assert both["crawl.limit"] == "--crawl-limit"
    assert both["download.limit"] == "--download-limit"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "[download]\nparalel_images = 3",
            "download.paralel_images (did you mean download.parallel_images?)",
        ),
        ("[downlaod]\nlimit = 3", "downlaod.limit (did you mean download.limit?)"),
        ("datta = 'x'", "datta (did you mean data?)"),
        ("xyzzy = 1", "the unknown key xyzzy: "),
        ("download = 3", "the unknown key download"),
        ("[general]\ndata = 'x'", "the unknown key general"),
    ],
)
def test_an_unknown_key_in_the_file_is_named_with_the_file_and_the_nearest_known_one(
    elsewhere: Path, content: str, expected: str
) -> None:
    """The sentence tells where the mistake is and what was probably meant."""
    (elsewhere / "hubcrawl.toml").write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        resolve({}, {}, None)
    assert str(caught.value).startswith("hubcrawl.toml sets the unknown key ")
    assert expected in str(caught.value)


def test_an_unknown_variable_is_named_with_the_nearest_known_one() -> None:
    """A misspelt ``HUBCRAWL_*`` is not silently without effect."""
    with pytest.raises(
        ConfigurationError, match=r"HUBCRAWL_DAT is not a setting \(did you mean HUBCRAWL_DATA\?\)"
    ):
        resolve({}, {"HUBCRAWL_DAT": "x", "HOME": "/"}, None)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            {"HUBCRAWL_DOWNLOAD_LIMIT": "many"},
            "HUBCRAWL_DOWNLOAD_LIMIT 'many' cannot be used: expected a whole number",
        ),
        (
            {"HUBCRAWL_DOWNLOAD_LIMIT": "-1"},
            "HUBCRAWL_DOWNLOAD_LIMIT '-1' cannot be used: expected a whole number, at least 0",
        ),
        ({"HUBCRAWL_DOWNLOAD_RETRY_FAILED": "perhaps"}, "expected true or false"),
        ({"HUBCRAWL_SOURCE_LISTING": "all"}, "expected one of sweep, official, search, v1, pages"),
        ({"HUBCRAWL_PROGRESS_INTERVAL_S": "soon"}, "expected a number"),
    ],
)
def test_a_value_out_of_type_or_bounds_is_refused_in_one_sentence(
    environ: Mapping[str, str], expected: str
) -> None:
    """The sentence says where the value was given and what would do."""
    with pytest.raises(ConfigurationError) as caught:
        resolve({}, environ, None)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", ["[download]\nlimit = '5'", "[download]\nlimit = true", "data = 5", "[source]\nlisting = 5"]
)
def test_a_value_of_the_wrong_toml_type_is_refused_with_file_and_key(elsewhere: Path, content: str) -> None:
    """In a file only a number is a number, and only text is text."""
    (elsewhere / "hubcrawl.toml").write_text(content)
    with pytest.raises(ConfigurationError, match=r"hubcrawl.toml: \S+ = .* cannot be used: expected"):
        resolve({}, {}, None)


def test_a_list_in_a_file_is_a_list_or_text_with_commas(elsewhere: Path) -> None:
    """As it is written everywhere else."""
    for value in ("['official', 'v1']", "'official, v1'"):
        (elsewhere / "hubcrawl.toml").write_text(f"[source]\nlisting = {value}")
        assert resolve({}, {}, None).settings.source.listing == ("official", "v1")


@pytest.mark.parametrize("content", [b"[download", b"data = \xff"])
def test_a_file_that_is_not_toml_is_refused(elsewhere: Path, content: bytes) -> None:
    """Syntax and encoding errors become one sentence."""
    (elsewhere / "hubcrawl.toml").write_bytes(content)
    with pytest.raises(ConfigurationError, match="hubcrawl.toml is not valid TOML"):
        resolve({}, {}, None)


def test_a_file_that_was_named_must_exist(elsewhere: Path) -> None:
    """``--config`` and ``HUBCRAWL_CONFIG`` name a file that is there, unlike ``hubcrawl.toml``."""
    with pytest.raises(ConfigurationError, match="cannot read the configuration file missing.toml"):
        resolve({}, {}, Path("missing.toml"))
    with pytest.raises(ConfigurationError, match="cannot read the configuration file gone.toml"):
        resolve({}, {"HUBCRAWL_CONFIG": "gone.toml"}, None)
    (elsewhere / "other.toml").write_text("data = 'there'")
    assert resolve({}, {"HUBCRAWL_CONFIG": "other.toml"}, None).settings.general.data == "there"


def test_secrets_are_in_no_record_no_message_and_no_option() -> None:
    """The password is neither recorded nor repeated, nor ever asked for on a command line."""
    resolved = resolve({}, {"HUBCRAWL_SOURCE_PASSWORD": "hunter2"}, None)
    assert resolved.settings.source.password == "hunter2"
    assert "hunter2" not in str(resolved.recorded())
    key = next(key for key in all_keys() if key.is_secret)
    assert key.show("hunter2") == "(secret)"
    assert key.dotted not in option_names(all_keys())
    with pytest.raises(ConfigurationError, match=r"\(secret\) cannot be used"):
        resolve({key.dotted: Given(5, "any.toml", is_text=False)}, {}, None)


@given(st.text(), st.lists(st.text()))
def test_suggestions_come_from_the_known_names_only(name: str, known: list[str]) -> None:
    """Whatever was typed, a suggestion is a known name or nothing."""
    said = did_you_mean(name, known)
    assert said == "" or said.removeprefix(" (did you mean ").removesuffix("?)") in known
