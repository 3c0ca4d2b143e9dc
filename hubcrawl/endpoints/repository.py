"""One repository of Docker Hub: ``GET /v2/namespaces/{namespace}/repositories/{repository}``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from hubcrawl.endpoints import Endpoint, Rows
from hubcrawl.endpoints.namespaces import NamespaceRow
from hubcrawl.shapes import Count, Instant, decode
from hubcrawl.texts import as_instant, as_name, storable
from registry.names import hub_repository
from registry.transport.urls import path_of

if TYPE_CHECKING:
    from corpus.records import RepositoryRecord
    from hubcrawl.queries import Query, Slice

# Characters; Docker Hub allows 25,000.
_MAX_FULL_DESCRIPTION = 100_000


@dataclass(frozen=True, slots=True)
class Details:
    """What one repository says of itself.

    Attributes:
        record: What listings say, too.
        full_description: Its page, Markdown.
        owner: The account that made it.
        collaborators: How many accounts may push; ``None`` if it does not say.
        modified_at: When anything of it changed last, which need not be a push.
        has_immutable_tags: Whether any of its tags must stay as they are; ``None`` if it does not say.
    """

    record: RepositoryRecord
    full_description: str | None
    owner: str | None
    collaborators: int | None
    modified_at: str | None
    has_immutable_tags: bool | None


class _TagRules(msgspec.Struct, frozen=True):
    enabled: bool


class _Repository(NamespaceRow, frozen=True, kw_only=True):
    full_description: str | None
    user: str | None = None
    collaborator_count: Count | None = None
    last_modified: Instant | None = None
    immutable_tags_settings: _TagRules | None = None

    def details(self) -> Details:
        text, rules = self.full_description, self.immutable_tags_settings
        return Details(
            record=self.record(),
            full_description=None if text is None else storable(text, _MAX_FULL_DESCRIPTION),
            owner=as_name(self.user) if self.user else None,
            collaborators=self.collaborator_count,
            modified_at=as_instant(self.last_modified),
            has_immutable_tags=None if rules is None else rules.enabled,
        )


class OneRepository(Endpoint):
    """The term of a query is the name of the repository; its only page has one row."""

    name = "repository"
    title = "repository"
    max_rows = 1

    def url(self, query: Query, part: Slice) -> str:  # noqa: ARG002 - there is one page only
        """See :meth:`Endpoint.url`."""
        namespace, _, repository = hub_repository(query.term).partition("/")
        path = f"/v2/namespaces/{path_of(namespace)}/repositories/{path_of(repository)}"
        return f"{self.base_url}{path}"

    def parse(self, body: bytes, url: str) -> Rows:
        """See :meth:`Endpoint.parse`."""
        return Rows((self.details(body, url).record,), has_more=False, claimed=1, page_size=1)

    def details(self, body: bytes, url: str) -> Details:
        """Read all that the body says; errors as of :meth:`parse`."""
        return decode(body, _Repository, url).details()
