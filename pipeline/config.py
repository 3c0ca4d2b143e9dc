"""Settings from four places: option, then ``HUBCRAWL_*``, then ``hubcrawl.toml``, then the default."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.keys import GENERAL, PREFIX, Key, all_keys, did_you_mean
from pipeline.settings import Settings
from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_FILE = Path("hubcrawl.toml")
CONFIG_VARIABLE = PREFIX + "CONFIG"
DEFAULT_ORIGIN = "default"

_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "array": 'a list, as in ["a", "b"]',
}
_BOUNDS = {">=": "at least", ">": "above", "<=": "at most", "<": "below"}


@dataclass(frozen=True, slots=True)
class Given:
    """A value as somebody wrote it, and where.

    Attributes:
        value: Text from an option or a variable; whatever TOML knows from a file.
        origin: The name of the option or variable, or the path of the file.
        is_text: Whether numbers were written as text, as they have to be outside a file.
    """

    value: object
    origin: str
    is_text: bool = True


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings, and the origin of each by dotted key (``default`` where nobody set it)."""

    settings: Settings
    origins: Mapping[str, str]

    def recorded(self) -> dict[str, Any]:
        """Every value by dotted key, without secrets: what a run keeps of its settings."""
        return {key.dotted: value_of(self.settings, key) for key in all_keys() if not key.is_secret}


def resolve(options: Mapping[str, Given], environ: Mapping[str, str], file: Path | None) -> Resolved:
    """The settings that hold.

    Args:
        options: What the command line gave, by dotted key.
        environ: The environment; only ``HUBCRAWL_*`` counts.
        file: The configuration file; ``None``: the one ``HUBCRAWL_CONFIG`` names, else
            ``hubcrawl.toml`` here, if there is one.

    Raises:
        ConfigurationError: An unknown key, or a value out of its type or bounds.
    """
    given = {**from_file(_file(environ, file)), **from_environment(environ), **options}
    sections: dict[str, dict[str, object]] = {}
    origins: dict[str, str] = {}
    for key in all_keys():
        origins[key.dotted] = DEFAULT_ORIGIN
        if (found := given.get(key.dotted)) is not None:
            sections.setdefault(key.section, {})[key.name] = _convert(key, found)
            origins[key.dotted] = found.origin
    changes = {
        section: msgspec.structs.replace(getattr(Settings(), section), **values)
        for section, values in sections.items()
    }
    return Resolved(Settings(**changes), origins)


def from_environment(environ: Mapping[str, str]) -> dict[str, Given]:
    """The values that ``HUBCRAWL_*`` variables give, by dotted key."""
    known = {key.variable: key.dotted for key in all_keys()}
    found: dict[str, Given] = {}
    for name, text in environ.items():
        if not name.startswith(PREFIX) or name == CONFIG_VARIABLE:
            continue
        if name not in known:
            raise ConfigurationError(
                f"the environment variable {name} is not a setting{did_you_mean(name, known)}: "
                "unset it, or see `hubcrawl settings` for every name"
            )
        found[known[name]] = Given(text, name)
    return found


def from_file(path: Path | None) -> dict[str, Given]:
    """The values of a configuration file, by dotted key."""
    if path is None:
        return {}
    known = {key.dotted for key in all_keys()}
    found = {
        dotted: Given(value, str(path), is_text=False) for dotted, value in _flatten(_read(path)).items()
    }
    for dotted in found:
        if dotted not in known:
            raise ConfigurationError(
                f"{path} sets the unknown key {dotted}{did_you_mean(dotted, known)}: "
                "correct or remove it, or see `hubcrawl settings` for every key"
            )
    return found


def value_of(settings: Settings, key: Key) -> Any:
    """The value that ``key`` has in ``settings``."""
    return getattr(getattr(settings, key.section), key.name)


def _file(environ: Mapping[str, str], file: Path | None) -> Path | None:
    if file is not None:
        return file
    if name := environ.get(CONFIG_VARIABLE):
        return Path(name)
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the configuration file {path} ({error.strerror}): "
            "name an existing one with --config"
        ) from error
    except ValueError as error:  # TOML syntax, or not UTF-8
        raise ConfigurationError(f"{path} is not valid TOML: {error}") from error


def _flatten(document: Mapping[str, object]) -> dict[str, object]:
    """One level of tables: ``{"download": {"limit": 5}}`` is ``{"download.limit": 5}``."""
    flat: dict[str, object] = {}
    for name, value in document.items():
        if isinstance(value, dict) and name != GENERAL:
            flat.update({f"{name}.{inner}": item for inner, item in value.items()})
        else:
            flat[name] = value
    return flat


def _convert(key: Key, given: Given) -> object:
    raw = given.value
    if isinstance(raw, str) and key.is_list:
        raw = [part.strip() for part in raw.split(",") if part.strip()]
    try:
        return msgspec.convert(raw, key.type, strict=not given.is_text)
    except msgspec.ValidationError as error:
        where = given.origin if given.is_text else f"{given.origin}: {key.dotted} ="
        shown = "(secret)" if key.is_secret else repr(given.value)
        raise ConfigurationError(
            f"{where} {shown} cannot be used: expected {_expected(key, error)}"
        ) from error


def _expected(key: Key, error: msgspec.ValidationError) -> str:
    """What would do, from msgspec's ``Expected `int` >= 1, got `str` - at `$```."""
    if key.choices:
        several = ", or several with commas between" if key.is_list else ""
        return f"one of {', '.join(key.choices)}{several}"
    wanted = re.split(r", got | - at ", str(error).removeprefix("Expected "))[0].replace("`", "")
    kind, _, bounds = wanted.partition(" ")
    return _TYPES.get(kind, kind) + "".join(f", {_BOUNDS[sign]} {bound}" for sign, bound in _pairs(bounds))


def _pairs(bounds: str) -> list[tuple[str, str]]:
    """``>= 1`` is ``[(">=", "1")]``."""
    words = bounds.split()
    return list(zip(words[::2], words[1::2], strict=True))
