"""The configuration of an image, read from hostile JSON: every field has its type, or its default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from corpus.profiles.image import Configuration, ConfigurationStatus, Healthcheck, HistoryRow
from registry.documents import parse_document
from registry.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Configurations of other artifacts (Helm charts, attestations) are JSON too, but have none of these.
_MARKS = ("rootfs", "config", "architecture", "os", "history")


class ImageConfiguration(NamedTuple):
    """A configuration and what goes with it; ``body`` is the JSON object it came from."""

    status: ConfigurationStatus
    body: Mapping[str, Any]
    history: tuple[HistoryRow, ...] = ()
    diff_ids: tuple[str, ...] = ()

    def text(self, key: str) -> str | None:
        """A text of the object; ``None`` if it is absent, empty or no text."""
        value = self.body.get(key)
        return value if isinstance(value, str) and value else None


def read_configuration(raw: bytes | None) -> ImageConfiguration:
    """Read a configuration blob (image-spec config.md); ``None`` is one that is not in the corpus."""
    if raw is None:
        return ImageConfiguration(ConfigurationStatus.MISSING, {})
    try:
        body = parse_document(raw).body
    except RegistryError:
        return ImageConfiguration(ConfigurationStatus.INVALID, {})
    if not any(mark in body for mark in _MARKS):
        return ImageConfiguration(ConfigurationStatus.NOT_AN_IMAGE, {})
    return ImageConfiguration(
        ConfigurationStatus.READ,
        body,
        tuple(map(_history_row, _objects(body.get("history")))),
        _texts(_object(body.get("rootfs")).get("diff_ids")),
    )


def read_compatibility(history: Sequence[Mapping[str, Any]]) -> ImageConfiguration:
    """The configuration of schema 1: the newest of its ``v1Compatibility`` objects, which are base first."""
    rows = tuple(map(_compatibility_row, history))
    return ImageConfiguration(ConfigurationStatus.HISTORY, history[-1] if history else {}, rows)


def run_parameters(body: Mapping[str, Any]) -> Configuration:
    """How a container is run: the ``config`` member, in the names Docker gave its fields."""
    config = _object(body.get("config"))
    return Configuration(
        user=_text(config.get("User")),
        environment=_texts(config.get("Env")),
        entrypoint=_words(config.get("Entrypoint")),
        command=_words(config.get("Cmd")),
        working_directory=_text(config.get("WorkingDir")),
        exposed_ports=_keys(config.get("ExposedPorts")),
        volumes=_keys(config.get("Volumes")),
        labels={key: value for key, value in _sorted_items(config.get("Labels")) if isinstance(value, str)},
        stop_signal=_text(config.get("StopSignal")),
        shell=_words(config.get("Shell")),
        on_build=_texts(config.get("OnBuild")),
        healthcheck=_healthcheck(config.get("Healthcheck")),
        stop_timeout_s=_whole(config.get("StopTimeout")),
        hostname=_text(config.get("Hostname")),
        domain_name=_text(config.get("Domainname")),
        mac_address=_text(config.get("MacAddress")),
        has_terminal=config.get("Tty") is True,
        has_open_input=config.get("OpenStdin") is True,
        has_no_network=config.get("NetworkDisabled") is True,
        args_escaped=config.get("ArgsEscaped") is True,
    )


def _healthcheck(value: object) -> Healthcheck | None:
    """Docker's times are nanoseconds, and 0 is the default."""
    if not isinstance(value, dict):
        return None
    return Healthcheck(
        test=_words(value.get("Test")),
        interval_s=_seconds(value.get("Interval")),
        timeout_s=_seconds(value.get("Timeout")),
        start_period_s=_seconds(value.get("StartPeriod")),
        start_interval_s=_seconds(value.get("StartInterval")),
        retries=_whole(value.get("Retries")) or None,
    )


def _history_row(step: Mapping[str, Any]) -> HistoryRow:
    return HistoryRow(
        created=_optional_text(step.get("created")),
        created_by=_optional_text(step.get("created_by")),
        author=_optional_text(step.get("author")),
        comment=_optional_text(step.get("comment")),
        empty_layer=step.get("empty_layer") is True,
    )


def _compatibility_row(image: Mapping[str, Any]) -> HistoryRow:
    """A step of schema 1; its command is that of the container the step was made in."""
    command = _words(_object(image.get("container_config")).get("Cmd"))
    return HistoryRow(
        created=_optional_text(image.get("created")),
        created_by=" ".join(command) or None,
        author=_optional_text(image.get("author")),
        comment=_optional_text(image.get("comment")),
        empty_layer=image.get("throwaway") is True,
    )


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _whole(value: object) -> int | None:
    """A number as Go would take it: whole, and of 64 bits."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if abs(value) < 1 << 63 else None


def _seconds(nanoseconds: object) -> float | None:
    whole = _whole(nanoseconds)
    return whole / 1e9 if whole else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _optional_text(value: object) -> str | None:
    return _text(value) or None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _words(value: object) -> tuple[str, ...]:
    """A command; early Docker wrote a single text where there is a list today."""
    return (value,) if isinstance(value, str) and value else _texts(value)


def _keys(value: object) -> tuple[str, ...]:
    """The members of a set, which Go writes as an object of empty objects; early Docker as a list."""
    return tuple(sorted(_object(value))) or tuple(sorted(_texts(value)))


def _sorted_items(value: object) -> list[tuple[str, Any]]:
    return sorted(_object(value).items())
