"""Which account is shown to whom: a password is for one registry, and never offered to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from registry.errors import ConfigurationError
from registry.transport.credentials import Account, Credentials, load_docker_credentials
from registry.transport.urls import authority

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.settings import SourceSettings
    from pipeline.targets import Target


def credentials_for(source: SourceSettings, targets: Sequence[Target]) -> Credentials:
    """The accounts for ``targets``, by host.

    Raises:
        ConfigurationError: An account that is incomplete, or that could be meant for several registries.
    """
    if source.username and source.docker_config:
        raise ConfigurationError("both source.username and source.docker_config are set: use one of them")
    if source.docker_config:
        return load_docker_credentials(Path(source.docker_config).expanduser())
    if not source.username:
        return Credentials()
    if not source.password:
        raise ConfigurationError(
            "source.username is set without a password: "
            "set HUBCRAWL_SOURCE_PASSWORD, or source.password in the file"
        )
    hosts = {authority(target.base_url) for target in targets if target.is_own and not target.is_sample}
    if len(hosts) > 1:
        raise ConfigurationError(
            f"source.username could be meant for any of {', '.join(sorted(hosts))}: "
            "name its registry with --hub or --registry, or use source.docker_config"
        )
    return Credentials(dict.fromkeys(hosts, Account(source.username, source.password)))
