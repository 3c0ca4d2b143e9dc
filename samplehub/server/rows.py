"""Repositories and tags in the JSON shapes of the Hub's endpoints (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from samplehub.server.facets import facets_of, platforms
from samplehub.server.numerals import rounded

if TYPE_CHECKING:
    from datetime import datetime

    from samplehub.model import Hub, Repository

Row = dict[str, Any]


def timestamp(moment: datetime) -> str:
    """``2018-01-10T19:41:17.674262Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def v1_row(repository: Repository) -> Row:
    """A row of ``/v1/search``."""
    return {
        "name": repository.search_name,
        "description": repository.description,
        "star_count": repository.stars,
        "is_trusted": repository.is_automated,
        "is_automated": repository.is_automated,
        "is_official": repository.is_official,
        "pull_count": repository.pulls,
    }


def v2_row(repository: Repository) -> Row:
    """A row of ``/v2/search/repositories/``: no dates, and an owner that is always empty."""
    return {
        "repo_name": repository.search_name,
        "short_description": repository.description,
        "star_count": repository.stars,
        "pull_count": repository.pulls,
        "repo_owner": "",
        "is_automated": repository.is_automated,
        "is_official": repository.is_official,
    }


def v3_row(repository: Repository) -> Row:
    """A row of ``/api/search/v3/catalog/search``: here the name is bare and the id is full."""
    return {
        "id": repository.name,
        "name": repository.short_name,
        "slug": repository.short_name,
        "type": "image",
        "short_description": repository.description,
        "star_count": repository.stars,
        "updated_at": timestamp(repository.updated),
    }


def v4_row(repository: Repository, hub: Hub) -> Row:
    """A row of ``/api/search/v4``."""
    official = repository.is_official
    facets = facets_of(repository, hub)
    return {
        "id": repository.name,
        "name": repository.name,
        "slug": repository.short_name,
        "type": facets.kind or None,
        "publisher": {"id": repository.namespace, "name": "Docker" if official else repository.namespace},
        "created_at": timestamp(repository.registered),
        "updated_at": timestamp(repository.updated),
        "short_description": repository.description,
        "badge": facets.badge or None,
        "star_count": repository.stars,
        "pull_count": rounded(repository.pulls),
        "raw_pull_count": repository.pulls,
        "operating_systems": [_named(name) for name in facets.operating_systems],
        "architectures": [_named(name) for name in facets.architectures],
        "logo_url": {"large": "", "small": ""},
        "categories": [{"slug": slug, "name": slug.replace("-", " ")} for slug in facets.categories],
        "media_types": [],
        "content_types": ["image"],
        "archived": False,
        "extension_reviewed": False,
    }


def listing_row(repository: Repository, hub: Hub) -> Row:
    """A row of a namespace listing."""
    return {
        "name": repository.short_name,
        "namespace": repository.namespace,
        "repository_type": "image",
        "status": 1,
        "status_description": "active",
        "description": repository.description,
        "is_private": False,
        "star_count": repository.stars,
        "pull_count": repository.pulls,
        "last_updated": timestamp(repository.updated),
        "last_modified": timestamp(repository.updated),
        "date_registered": timestamp(repository.registered),
        "affiliation": "",
        "media_types": sorted({manifest.media_type for manifest in repository.manifests.values()}),
        "content_types": ["image"],
        "categories": [],
        "storage_size": sum(len(hub.blobs[digest]) for digest in repository.blobs),
    }


def detail(repository: Repository, hub: Hub) -> Row:
    """One repository."""
    return listing_row(repository, hub) | {
        "user": repository.namespace,
        "hub_user": repository.namespace,
        "is_automated": repository.is_automated,
        "full_description": f"# {repository.short_name}\n\n{repository.description}\n",
        "collaborator_count": 0,
        "has_starred": False,
        "permissions": {"read": True, "write": False, "admin": False},
        "immutable_tags_settings": {"enabled": False, "rules": [".*"]},
        "source": None,
    }


def tag_row(repository: Repository, tag: str, hub: Hub) -> Row:
    """One tag, with the images behind it."""
    digest = repository.tags[tag]
    when = timestamp(repository.updated)
    images = [
        platform
        | {"features": "", "os_version": None, "os_features": "", "status": "active", "last_pushed": when}
        for platform in platforms(repository, digest, hub)
    ]
    return {
        "creator": 2215,
        "id": int(digest.encoded[:8], 16),
        "image_id": None,
        "images": images,
        "last_updated": when,
        "last_updater": 2215,
        "last_updater_username": repository.namespace,
        "name": tag,
        "repository": int(digest.encoded[8:14], 16),
        "full_size": next((image["size"] for image in images), 0),
        "v2": True,
        "tag_status": "active",
        "tag_last_pulled": when,
        "tag_last_pushed": when,
        "media_type": repository.manifests[digest].media_type,
        "content_type": "image",
        "digest": digest,
    }


def _named(name: str) -> Row:
    return {"name": name, "label": name}
