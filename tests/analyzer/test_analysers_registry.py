"""Which analysers there are: those that packages register, and no others."""

from __future__ import annotations

import pickle
import tomllib
from pathlib import Path
from typing import Any

import pytest

from analyzer.analysers import FileAnalyser, LayerAnalyser
from analyzer.analysers.registry import Analysers
from corpus.profiles.findings import key_of, versions_of
from registry.errors import ConfigurationError
from tests.analyzer.plugins import Everything, Nameless, NewerSecrets, Rows, Secrets, install

BUILT_IN = {"apk", "dpkg", "npm", "os-release", "privileged", "python", "rpm"}
PLUGINS = "tests.analyzer.plugins"


def test_those_of_this_project_are_registered_like_any_other() -> None:
    """All of them keep to the protocol, and can be given to another process."""
    analysers = Analysers.load()
    assert set(analysers.versions) >= BUILT_IN
    assert analysers.key.split() == sorted(analysers.key.split())
    assert pickle.loads(pickle.dumps(analysers)).key == analysers.key  # noqa: S301 - our own
    for each in analysers:
        assert isinstance(each, FileAnalyser | LayerAnalyser)


def test_one_that_is_installed_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs no more than an entry point; names choose among them."""
    install(tmp_path, secrets=f"{PLUGINS}:Secrets", rows=f"{PLUGINS}:Rows")
    monkeypatch.syspath_prepend(tmp_path)
    assert set(Analysers.load().versions) >= {*BUILT_IN, "secrets", "rows"}
    assert Analysers.load(["rows", "dpkg", "rows"]).key == "dpkg=1 rows=1"
    assert Analysers.load(["none"]).key == ""


def test_the_example_of_the_documentation_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands there: the class, and the entry point."""
    text = (Path(__file__).parents[2] / "docs" / "analysers.md").read_text(encoding="utf-8")
    module, points = (text.split(f"```{language}\n")[1].split("```")[0] for language in ("python", "toml"))
    (tmp_path / "my_package.py").write_text(module)
    install(tmp_path, **next(iter(tomllib.loads(points)["project"]["entry-points"].values())))
    monkeypatch.syspath_prepend(tmp_path)
    (licenses,) = Analysers.load(["licenses"])
    assert isinstance(licenses, FileAnalyser)
    assert licenses.wants(b"opt/x/LICENSE")
    found = licenses.analyse(b"opt/x/LICENSE", b"... the MIT License ...")
    assert list(found) == [{"kind": "license", "license": "MIT"}]


@pytest.mark.parametrize(
    ("points", "names", "complaint"),
    [
        ({}, ["dkpg"], "no analyser dkpg: there are apk, dpkg"),
        ({"broken": "no.such.module:Reader"}, ["all"], r"broken \(no.such.module:Reader\) cannot be loaded"),
        ({"broken": f"{PLUGINS}:Missing"}, ["broken"], "AttributeError"),
        ({"other": f"{PLUGINS}:Secrets"}, ["other"], "must bear the name"),
        ({"No Name!": f"{PLUGINS}:Nameless"}, ["No Name!"], "its name is not of"),
    ],
)
def test_one_that_cannot_be_used_is_named(
    points: dict[str, str],
    names: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before anything is read; one that is not chosen does no harm."""
    install(tmp_path, **points)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match=complaint):
        Analysers.load(names)
    assert Analysers.load(["dpkg"]).key == "dpkg=1"


def test_what_breaks_the_protocol_is_refused() -> None:
    """A name twice, no version, no bound, an ending that ends everything, what cannot be pickled."""

    class Local(Secrets):
        pass

    wrong = {"version": 0, "max_bytes": 0, "endings": (b"",), "folders": (b"etc",)}
    for attribute, value in wrong.items():
        analyser = Secrets()
        setattr(analyser, attribute, value)
        with pytest.raises(ConfigurationError, match="'secrets' is not one"):
            Analysers((analyser,))
    others: tuple[Any, ...] = (Nameless(), Local(), object())
    for other in others:
        with pytest.raises(ConfigurationError):
            Analysers((other,))
    with pytest.raises(ConfigurationError, match="two analysers have one name"):
        Analysers((Secrets(), NewerSecrets()))


def test_a_key_names_the_analysers_and_their_versions() -> None:
    """Another version, or another analyser, is another key; the order of loading is not."""
    both = Analysers((Secrets(), Everything()))
    assert both.key == Analysers((Everything(), Secrets())).key == "everything=1 secrets=1"
    assert versions_of(both.key) == both.versions
    assert key_of(versions_of("b=2 a=1")) == "a=1 b=2"
    assert versions_of("") == {}


def test_beyond_what_is_recorded_are_those_that_are_new_or_changed() -> None:
    """Others that are recorded, once installed, play no part."""
    both = Analysers((NewerSecrets(), Rows()))
    assert both.beyond({}).key == "rows=1 secrets=2"
    assert both.beyond({"secrets": 1, "rows": 1, "gone": 9}).key == "secrets=2"
    assert both.beyond(both.versions).key == ""
