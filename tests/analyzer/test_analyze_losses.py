"""Real processes that die, hang or eat memory over one layer: it costs that layer a status, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from analyzer.layers.faults import status_of
from analyzer.layers.jobs import profile_layers
from analyzer.workers import LocalProcess
from corpus.catalog import Catalog
from corpus.layout import Layout
from corpus.profiles import LayerReason, read_layer_profile
from registry.digests import Digest
from tests.analyzer.harm import die, eat, freeze, hang, profile_unless
from tests.analyzer.test_analyze_engine import (
    CUT,
    GOOD,
    OTHER,
    Here,
    analyze,
    catalog,
    forget,
    is_pending,
    layout,
    profiles,
)

__all__ = ["catalog", "layout"]  # fixtures

pytestmark = pytest.mark.slow

MEMORY = 256 << 20


class Harmed(LocalProcess):
    """A process in which one layer does harm."""

    def __init__(self, harm: Callable[[], None]) -> None:
        super().__init__(MEMORY)
        self._harm = partial(profile_unless, Digest.of(OTHER), harm)

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **_: Any) -> Any:
        work, batch = arguments
        return super().submit(call, self._harm if work is profile_layers else work, batch)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (die, LayerReason.KILLED),
        (hang, LayerReason.TIMEOUT),
        (freeze, LayerReason.TIMEOUT),
        (eat, LayerReason.WORKER_MEMORY),
    ],
)
async def test_a_layer_that_harms_its_process_costs_only_itself(
    catalog: Catalog,
    layout: Layout,
    harm: Callable[[], None],
    reason: LayerReason,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The others of its batch are done again, and are what they would have been."""
    await analyze(catalog, layout, Here())
    whole = profiles(layout)
    await forget(catalog, layout)
    monkeypatch.setattr("analyzer.engine._GRACE_S", 1.0)
    summary = await analyze(catalog, layout, partial(Harmed, harm), processes=2, layer_timeout_s=1)
    assert (summary.layers, summary.images, summary.stopped) == (3, 4, None)
    found = read_layer_profile(layout.layer_profile(Digest.of(OTHER)))
    assert (found.status, found.reason) == (status_of(reason), reason)
    for each in (GOOD, CUT):
        path = layout.layer_profile(Digest.of(each))
        assert path.read_bytes() == whole[str(path.relative_to(layout.root))]
    assert not [path for path in profiles(layout) if path.endswith(".partial")]
    assert not await is_pending(catalog)
