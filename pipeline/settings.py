"""All settings in one place: those of the pipeline itself, and of every room below it.

Each field is declared once, with type, default, unit and reason; options, environment
variables, the keys of ``hubcrawl.toml`` and ``docs/settings.md`` are derived from here.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from analyzer.settings import AnalyzerSettings
from downloader.settings import DownloadSettings
from hubcrawl.settings import CrawlSettings
from registry.transport.settings import HttpSettings
from report.settings import ReportSettings

DOCKER_HUB = "docker.io"
SAMPLE = "sample"


class GeneralSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where to work, and what to tell about it: keys without a section."""

    data: Annotated[
        str,
        Meta(description="Data directory: catalog, blobs, profiles and logs. Relative to the current one."),
    ] = "data"
    progress_interval_s: Annotated[
        float,
        Meta(
            gt=0,
            description="Time between lines of progress where there is no terminal: few enough to read.",
            extra_json_schema={"unit": "s"},
        ),
    ] = 10.0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="Least important events kept in `logs/`: `info` has one line per unit of work."),
    ] = "info"


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which registry to take the census of, and the base URLs by which it is reached.

    With none of ``hub``, ``registry`` and ``images``: the registry that this data directory
    was crawled from last, or the sample hub in an empty one.
    """

    hub: Annotated[
        str,
        Meta(
            description=(
                "The hub to list: `docker.io`, `sample` (a small hub inside this program, without any "
                "network), or a name of your own with its URLs below."
            )
        ),
    ] = ""
    registry: Annotated[
        str,
        Meta(description="A registry to list by `_catalog` instead of a hub: `http://127.0.0.1:5000`."),
    ] = ""
    registry_api: Annotated[
        Literal["v2", "v1"],
        Meta(
            description=(
                "The API of that registry. `v1` is for one from before 2015 (docker-registry 0.9), which has "
                "image ids instead of manifests; it is listed by its search."
            )
        ),
    ] = "v2"
    images: Annotated[
        str,
        Meta(
            description=(
                "A file that lists images, one per line (`debian`, `library/debian:12`, "
                "`quay.io/ns/name@sha256:...`; `#` starts a comment). Names without a host belong to the "
                "hub or registry given, else to Docker Hub."
            )
        ),
    ] = ""
    listing: Annotated[
        tuple[Literal["sweep", "official", "search", "v1", "pages"], ...],
        Meta(
            min_length=1,
            description=(
                "How a hub is listed, one way after the other: by many searches and the listing of every "
                "namespace found (`sweep`, see docs/crawling.md), its official images (`official`), a single "
                "search (`search`), that of its older index (`v1`), its HTML result pages (`pages`)."
            ),
        ),
    ] = ("sweep",)
    search_url: Annotated[
        str,
        Meta(description="Base URL of the hub's web site: search, result pages and namespace listings."),
    ] = "https://hub.docker.com"
    v1_url: Annotated[
        str,
        Meta(description="Base URL of the hub's v1 index: the older search, that of `docker search`."),
    ] = "https://index.docker.io"
    registry_url: Annotated[
        str,
        Meta(
            description=(
                "Base URL of the hub's registry: manifests and blobs. It names its token server itself, "
                "in its challenge; `http.token_url` overrides that."
            )
        ),
    ] = "https://registry-1.docker.io"
    username: Annotated[
        str,
        Meta(description="Account for the hub or registry. Empty: anonymous, which sees every public image."),
    ] = ""
    password: Annotated[
        str,
        Meta(
            description=(
                "Password or access token of that account. Never an option: other users see command lines."
            ),
            extra_json_schema={"secret": True},
        ),
    ] = ""
    docker_config: Annotated[
        str,
        Meta(
            description=(
                "A Docker `config.json` whose accounts and credential helpers are used, as in "
                "`~/.docker/config.json`. Empty: none, so that no account is used unasked."
            )
        ),
    ] = ""

    @property
    def site_urls(self) -> list[str]:
        """The base URLs of the sites that list the hub."""
        urls = (self.v1_url if listing == "v1" else self.search_url for listing in self.listing)
        return list(dict.fromkeys(urls))


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set; ``general`` has no section of its own in the file."""

    general: GeneralSettings = GeneralSettings()
    source: SourceSettings = SourceSettings()
    crawl: CrawlSettings = CrawlSettings()
    download: DownloadSettings = DownloadSettings()
    analyze: AnalyzerSettings = AnalyzerSettings()
    report: ReportSettings = ReportSettings()
    http: HttpSettings = HttpSettings()
