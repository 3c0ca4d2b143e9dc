"""The catalog: the only truth about progress, one module per concern."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from corpus.catalog.allowances import AllowanceCatalog
from corpus.catalog.census import CensusCatalog
from corpus.catalog.contents import ContentCatalog
from corpus.catalog.coverage import CoverageCatalog
from corpus.catalog.database import Database
from corpus.catalog.failures import FailureCatalog
from corpus.catalog.images import ImageCatalog
from corpus.catalog.names import NameCatalog
from corpus.catalog.plan import PlanCatalog
from corpus.catalog.profiles import ProfileCatalog
from corpus.catalog.reporting import ReportCatalog
from corpus.catalog.repositories import RepositoryCatalog
from corpus.catalog.retrying import RetryCatalog
from corpus.catalog.runs import RunCatalog
from corpus.catalog.sweeps import SweepCatalog
from corpus.catalog.updates import UpdateCatalog
from corpus.catalog.v1 import V1Catalog
from corpus.catalog.verification import VerificationCatalog
from corpus.evidence import EvidenceStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from corpus.layout import Layout


@dataclass(frozen=True, slots=True)
class Catalog:
    """The concerns of one catalog, over the same database."""

    repositories: RepositoryCatalog
    images: ImageCatalog
    plan: PlanCatalog
    contents: ContentCatalog
    v1: V1Catalog
    profiles: ProfileCatalog
    runs: RunCatalog
    census: CensusCatalog
    failures: FailureCatalog
    verification: VerificationCatalog
    allowances: AllowanceCatalog
    sweeps: SweepCatalog
    updates: UpdateCatalog
    retries: RetryCatalog
    names: NameCatalog
    coverage: CoverageCatalog
    evidence: EvidenceStore
    report: ReportCatalog


@asynccontextmanager
async def open_catalog(layout: Layout) -> AsyncIterator[Catalog]:
    """The catalog of a data directory; ``ConfigurationError`` says why it cannot be used."""
    async with _closing(await Database.open(layout.catalog), layout) as catalog:
        yield catalog


@asynccontextmanager
async def read_catalog(layout: Layout) -> AsyncIterator[Catalog]:
    """The same to look at only: nothing is created or written, and read-only storage will do."""
    async with _closing(await Database.open_readonly(layout.catalog), layout) as catalog:
        yield catalog


@asynccontextmanager
async def _closing(database: Database, layout: Layout) -> AsyncIterator[Catalog]:
    try:
        yield Catalog(
            repositories=RepositoryCatalog(database),
            images=ImageCatalog(database),
            plan=PlanCatalog(database),
            contents=ContentCatalog(database),
            v1=V1Catalog(database),
            profiles=ProfileCatalog(database),
            runs=RunCatalog(database),
            census=CensusCatalog(database),
            failures=FailureCatalog(database),
            verification=VerificationCatalog(database),
            allowances=AllowanceCatalog(database),
            sweeps=SweepCatalog(database),
            updates=UpdateCatalog(database),
            retries=RetryCatalog(database),
            names=NameCatalog(database),
            coverage=CoverageCatalog(database),
            evidence=EvidenceStore(database, layout.evidence),
            report=ReportCatalog(database),
        )
    finally:
        await database.close()
