"""Which registries a run is about, and by which settings each is reached (pure)."""

from __future__ import annotations

import ipaddress
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from corpus.records import Registry
from pipeline.settings import DOCKER_HUB, SAMPLE, SourceSettings
from registry.errors import ConfigurationError
from registry.transport.urls import authority, parse_base_url

if TYPE_CHECKING:
    from collections.abc import Sequence

# What a registry's record keeps, so that later stages reach it again unasked. Accounts are not kept.
_HUB_URLS = ("search_url", "v1_url", "registry_url")
_REMEMBERED = ("hub", "registry", "registry_api", "images", "listing", *_HUB_URLS)


@dataclass(frozen=True, slots=True)
class Target:
    """A registry, and the source settings by which it was or will be crawled."""

    registry: Registry
    source: SourceSettings

    @property
    def listed(self) -> str:
        """What a crawl reads: the list, which may name images of several registries, or the registry."""
        return self.source.images or self.registry.name

    @property
    def is_sample(self) -> bool:
        """Whether it is the hub inside this program, which has no URL until it is started."""
        return self.registry.name == SAMPLE

    @property
    def is_own(self) -> bool:
        """Whether the settings name it, rather than a line of a list."""
        return self.registry.name == own_name(self.source)

    @property
    def is_v1(self) -> bool:
        """Whether it speaks version 1: only the registry that the settings name does, no host of a list."""
        return self.is_own and self.source.registry_api == "v1"

    @property
    def ping_url(self) -> str:
        """What tells that it is there."""
        return f"{self.base_url}/v1/_ping" if self.is_v1 else f"{self.base_url}/v2/"

    @property
    def login_url(self) -> str:
        """What `docker login` asks, to see whether it takes an account."""
        return f"{self.base_url}/v1/users/" if self.is_v1 else f"{self.base_url}/v2/"

    @property
    def base_url(self) -> str:
        """Where its registry API is."""
        name = self.registry.name
        if self.is_own and self.source.registry:
            return self.source.registry.rstrip("/")
        if name == DOCKER_HUB or self.is_own:
            return self.source.registry_url.rstrip("/")
        return f"{'http' if _is_loopback(name) else 'https'}://{name}"

    @property
    def tags_url(self) -> str:
        """Where the site is that lists its tags with their dates; ``""`` where there is none."""
        url = self.source.search_url
        if self.registry.name == DOCKER_HUB:
            return url
        is_its_own = self.is_own and not self.source.registry and url != SourceSettings().search_url
        return url if is_its_own else ""


def crawl_target(source: SourceSettings, known: Sequence[Registry]) -> Target:
    """What ``crawl`` lists.

    Args:
        source: The settings of this run.
        known: The registries of the catalog, the one crawled last first.

    Raises:
        ConfigurationError: A setting that cannot be used.
    """
    if not is_named(source):
        source = recall(known[0].source, source) if known else _sample(source)
    check(source)
    return Target(Registry(own_name(source), remember(source)), source)


def download_targets(source: SourceSettings, known: Sequence[Registry]) -> list[Target]:
    """What ``download`` fetches from: the hub or registry named, else every registry of the catalog."""
    if (source.hub or source.registry) and not source.images:
        return [crawl_target(source, known)]
    targets = [Target(registry, recall(registry.source, source)) for registry in known]
    for target in targets:
        check(target.source)
    return targets


def registry_named(name: str, target: Target, known: Sequence[Registry]) -> Registry:
    """The registry that a listing of ``target`` is about.

    A list may name registries besides its own; one that was crawled before is reached as it was then.
    """
    if name == target.registry.name:
        return target.registry
    earlier = {registry.name: registry for registry in known}
    return earlier.get(name, Registry(name, target.registry.source))


def is_named(source: SourceSettings) -> bool:
    """Whether the settings say what to crawl."""
    return bool(source.hub or source.registry or source.images)


def own_name(source: SourceSettings) -> str:
    """The registry that the settings are about: its identity in the catalog."""
    if source.registry:
        return authority(source.registry)
    return source.hub or DOCKER_HUB


def remember(source: SourceSettings) -> str:
    """The settings that differ from their defaults, as ``hub=docker.io listing=official``."""
    default = SourceSettings()
    values = {
        name: getattr(source, name) for name in _REMEMBERED if getattr(source, name) != getattr(default, name)
    }
    if "images" in values:
        values["images"] = str(Path(source.images).absolute())
    if "listing" in values:
        values["listing"] = ",".join(source.listing)
    return shlex.join(f"{name}={value}" for name, value in values.items())


def recall(text: str, source: SourceSettings) -> SourceSettings:
    """The settings that :func:`remember` wrote down, over those of this run."""
    pairs: dict[str, Any] = dict(word.split("=", 1) for word in shlex.split(text))
    if "listing" in pairs:
        pairs["listing"] = tuple(pairs["listing"].split(","))
    return msgspec.structs.replace(source, **{name: pairs[name] for name in _REMEMBERED if name in pairs})


def check(source: SourceSettings) -> None:
    """``ConfigurationError`` says which setting of the source cannot be used, and why."""
    if source.hub and source.registry:
        raise ConfigurationError("both a hub and a registry are given: name one of --hub and --registry")
    if source.registry_api == "v1" and not source.registry:
        raise ConfigurationError("source.registry_api v1 is for a single registry: name it with --registry")
    if source.hub not in ("", DOCKER_HUB, SAMPLE) and not _has_own_urls(source):
        raise ConfigurationError(
            f"the hub {source.hub!r} is not known: name docker.io or sample, "
            "or set search_url (or v1_url) and registry_url to where it is"
        )
    for name in ("registry", *_HUB_URLS):
        check_url(f"source.{name}", getattr(source, name))
    if source.registry and urlsplit(source.registry).path.strip("/"):
        raise ConfigurationError(
            f"source.registry {source.registry!r} has a path: give the registry alone, as in http://127.0.0.1:5000"
        )


def check_url(key: str, text: str) -> None:
    """``ConfigurationError`` for a setting that is neither empty nor the address of a server."""
    if not text:
        return
    try:
        parse_base_url(text)
    except ValueError as error:
        raise ConfigurationError(f"{key}: {error}") from error


def _sample(source: SourceSettings) -> SourceSettings:
    """The sample hub, unless an address says that something else was meant."""
    for name in _HUB_URLS:
        if getattr(source, name) != getattr(SourceSettings(), name):
            raise ConfigurationError(f"source.{name} is set, but not whose it is: name it with --hub")
    return msgspec.structs.replace(source, hub=SAMPLE)


def _has_own_urls(source: SourceSettings) -> bool:
    default = SourceSettings()
    default_sites = (default.search_url, default.v1_url)
    has_site = set(source.site_urls).isdisjoint(default_sites) or bool(source.images)
    return has_site and source.registry_url != default.registry_url


def _is_loopback(netloc: str) -> bool:
    host = urlsplit(f"//{netloc}").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
