"""The merged file system of an image, from the profiles of its layers, and what is to be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.images.dive import Efficiency, LayerTree
from analyzer.images.filesystem import PathLimitError
from analyzer.images.merge import Merge
from analyzer.images.packages import Contents, visible_contents
from analyzer.images.totals import totals
from corpus.profiles.image import DiveEfficiency, MergedTotals, MergeGap, Reclaimable
from corpus.profiles.layer import Kind, LayerStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from corpus.profiles.findings import Findings
    from corpus.profiles.layer import Entry, LayerSummary

# Some 0.8 KB of memory each, 1.2 KB where whiteouts lie above (measured). The largest image of the paper has
# 8.5 million files in its layers.
MAX_PATHS = 2_000_000


def _no_rows() -> Iterable[Entry]:
    return ()


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class AnalyzedLayer:
    """A layer that has a profile.

    Attributes:
        summary: The summary of the profile.
        profile: Where the profile lies, relative to the data directory.
        rows: Reads the entries of the profile, in order; as often as it is called.
        findings: Reads what analysers found in it, if anything.
    """

    summary: LayerSummary
    profile: str
    rows: Callable[[], Iterable[Entry]] = _no_rows
    findings: Callable[[], Findings | None] = _nothing


@dataclass(frozen=True, slots=True)
class View:
    """What is said of a merged file system."""

    merged: MergedTotals
    dive: DiveEfficiency
    reclaimable: Reclaimable
    contents: Contents


def view_image(
    layers: Sequence[AnalyzedLayer | None], *, is_windows: bool, max_paths: int
) -> View | MergeGap:
    """Merge the layers, base first, repeats included; or say why that is not possible."""
    known = [layer for layer in layers if layer is not None]
    if len(known) < len(layers):
        return MergeGap.MISSING_LAYER
    if any(layer.summary.status is not LayerStatus.COMPLETE for layer in known):
        return MergeGap.DAMAGED_LAYER
    try:
        return _view(known, is_windows=is_windows, max_paths=max_paths)
    except PathLimitError:
        return MergeGap.PATHS


def _view(layers: Sequence[AnalyzedLayer], *, is_windows: bool, max_paths: int) -> View:
    merge, efficiency = Merge(max_paths, is_windows=is_windows), Efficiency(max_paths)
    last = {layer.summary.digest: index for index, layer in enumerate(layers)}
    last_hiding = max((index for index, layer in enumerate(layers) if _may_hide(layer)), default=-1)
    for index, layer in enumerate(layers):
        tree = LayerTree(max_paths)
        merge.apply(_markers(layer), tree.watch(layer.rows()), is_stored=last[layer.summary.digest] == index)
        efficiency.add(tree, is_stacked=index <= last_hiding)
    merged, reclaimable = totals(merge)
    found = visible_contents(merge, (layer.findings() for layer in layers))
    return View(merged, efficiency.result(), reclaimable, found)


def _markers(layer: AnalyzedLayer) -> list[Entry]:
    """The rows that hide others: they are read first, which few layers need."""
    counts = layer.summary.counts
    if not counts.whiteouts and not counts.opaques:
        return []
    return [row for row in layer.rows() if row.kind in (Kind.WHITEOUT, Kind.OPAQUE)]


def _may_hide(layer: AnalyzedLayer) -> bool:
    """Whether the layer may have what dive takes for a whiteout (``others``: the bookkeeping of aufs)."""
    counts = layer.summary.counts
    return bool(counts.whiteouts or counts.others)
