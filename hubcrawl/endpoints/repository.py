"""One repository of Docker Hub: ``GET /v2/namespaces/{namespace}/repositories/{repository}``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from corpus.catalog.ledgers import REPOSITORY
from hubcrawl.endpoints import Endpoint, Rows
from hubcrawl.endpoints.namespaces import NamespaceRow
from hubcrawl.shapes import decode
from registry.names import hub_repository
from registry.transport.urls import path_of

if TYPE_CHECKING:
    from hubcrawl.queries import Query, Slice


class OneRepository(Endpoint):
    """The term of a query is the name of the repository; its only page has one row."""

    name = REPOSITORY
    title = "repository"
    max_rows = 1

    def url(self, query: Query, part: Slice) -> str:  # noqa: ARG002 - there is one page only
        """See :meth:`Endpoint.url`."""
        namespace, _, repository = hub_repository(query.term).partition("/")
        path = f"/v2/namespaces/{path_of(namespace)}/repositories/{path_of(repository)}"
        return f"{self.base_url}{path}"

    def parse(self, body: bytes, url: str) -> Rows:
        """See :meth:`Endpoint.parse`."""
        return Rows((decode(body, NamespaceRow, url).record(),), has_more=False, claimed=1, page_size=1)
