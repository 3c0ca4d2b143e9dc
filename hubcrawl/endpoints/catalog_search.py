"""The two searches of the catalog of Docker Hub, versions 3 and 4: what they have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from hubcrawl.endpoints import Endpoint, Facet

if TYPE_CHECKING:
    from hubcrawl.endpoints import Facets, Orders
    from hubcrawl.queries import Query, Slice

_BADGES = ("none", "official", "verified_publisher", "open_source")
_TYPES = ("image", "plugin", "extension")
_ARCHITECTURES = ("amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64", "mips64le")
_SYSTEMS = ("linux", "windows")

# As the site's own pages name them (unconfirmed: an unknown one is a part without rows).
_CATEGORIES = (
    "API management",
    "Content management system",
    "Data science",
    "Databases & storage",
    "Developer tools",
    "Integration & delivery",
    "Internet of things",
    "Languages & frameworks",
    "Machine learning & AI",
    "Message queues",
    "Monitoring & observability",
    "Networking",
    "Operating systems",
    "Security",
    "Web analytics",
    "Web servers",
)


class CatalogSearch(Endpoint):
    """Pages are rows from an offset. An order is written ``sort:order``, as in ``pull_count:desc``."""

    path: ClassVar[str]
    orders: ClassVar[Orders] = (("pull_count:desc", "pull_count:asc"), ("updated_at:desc", "updated_at:asc"))
    facets: ClassVar[Facets] = (
        Facet("badges", _BADGES, is_exclusive=True),
        Facet("type", _TYPES, is_exclusive=True),
        Facet("operating_systems", _SYSTEMS),
        Facet("architectures", _ARCHITECTURES),
        Facet("categories", _CATEGORIES),
    )
    saturates_at: ClassVar[int | None] = 10_000

    def url(self, query: Query, part: Slice) -> str:
        """See :meth:`Endpoint.url`."""
        sort, _, order = query.order.partition(":")
        ordering = {"sort": sort, "order": order} if sort else {}
        paging: dict[str, str | int] = {"query": query.term, "from": part.offset, "size": part.size}
        return self._url(self.path, paging | dict(query.facets) | ordering)
