"""Layers as work for workers: batches of blobs in, layer profiles and findings out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

from analyzer.analysers.collection import Collection
from analyzer.analysers.keeping import keep_findings, lost_findings, readable_findings
from analyzer.analysers.registry import NO_ANALYSERS, Analysers
from analyzer.jobs import Job, Profiled
from analyzer.layers.profile import profile_layer, profile_lost_layer
from analyzer.layers.rereading import find_in_profiled_layer
from corpus.profiles.findings import key_of, versions_of
from corpus.profiles.layer import LAYER_VERSION
from corpus.profiles.stream import ProfileError, read_summary
from corpus.records import ProfileOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import msgspec

    from analyzer.settings import LayerLimits
    from corpus.layout import Layout
    from corpus.profiles.layer import LayerReason, LayerSummary
    from corpus.records import LayerTask

    FoundBy = Mapping[str, Sequence[msgspec.Raw]]


@dataclass(frozen=True, slots=True)
class LayerBatch:
    """Layers to profile in one go, or to read again by the analysers that have not seen them."""

    layout: Layout
    limits: LayerLimits
    tasks: Sequence[LayerTask]
    analysers: Analysers = NO_ANALYSERS


def profile_layers(batch: LayerBatch) -> list[Profiled]:
    """Profile every layer of the batch; ``OSError`` only for the disk."""
    return [_profile_layer(batch, task) for task in batch.tasks]


def give_up_layers(reason: LayerReason, batch: LayerBatch) -> list[Profiled]:
    """Profiles, without rows, of layers that workers are lost over; one of today's that is there stays."""
    return [_give_up_layer(batch, task, reason) for task in batch.tasks]


LAYER_JOB: Job[LayerBatch] = Job("layer_profiled", profile_layers, give_up_layers)


def _profile_layer(batch: LayerBatch, task: LayerTask) -> Profiled:
    start, task = perf_counter(), _without_lost_findings(batch, task)
    if again := _read_again(batch, task, start):
        return again
    collection, profile = Collection(batch.analysers), batch.layout.layer_profile(task.digest)
    summary = profile_layer(
        batch.layout.blob(task.digest),
        task.digest,
        task.media_type,
        profile,
        batch.limits,
        collection=collection,
    )
    outcome = _Outcome(batch, task, summary, perf_counter() - start, profile)
    return outcome.with_findings(collection.finish())


def _read_again(batch: LayerBatch, task: LayerTask, start: float) -> Profiled | None:
    """Have the missing analysers read a layer that has its profile; ``None`` if it turns out to have none."""
    blob, profile = batch.layout.blob(task.digest), batch.layout.layer_profile(task.digest)
    summary = _summary_in(profile) if task.is_profiled else None
    if summary is None:
        return None
    missing = batch.analysers.beyond(versions_of(task.analysers))
    try:
        found, reason = find_in_profiled_layer(blob, task, profile, batch.limits, missing)
    except ProfileError:
        return None
    return _Outcome(batch, task, summary, perf_counter() - start, lost_over=reason).with_findings(found)


def _give_up_layer(batch: LayerBatch, task: LayerTask, reason: LayerReason) -> Profiled:
    task, profile = _without_lost_findings(batch, task), batch.layout.layer_profile(task.digest)
    if summary := _summary_in(profile):
        missing = batch.analysers.beyond(versions_of(task.analysers))
        outcome = _Outcome(batch, task, summary, 0.0, lost_over=reason)
        return outcome.with_findings(lost_findings(missing.versions, reason))
    summary = profile_lost_layer(
        batch.layout.blob(task.digest), task.digest, task.media_type, profile, reason
    )
    return _Outcome(batch, task, summary, 0.0, profile).with_findings({})


def _without_lost_findings(batch: LayerBatch, task: LayerTask) -> LayerTask:
    """As if no analyser had read the layer, where what they found cannot be read any more."""
    findings = batch.layout.findings(task.digest)
    is_lost = bool(task.analysers) and findings.exists() and readable_findings(findings) is None
    return replace(task, analysers="") if is_lost else task


def _summary_in(profile: Path) -> LayerSummary | None:
    """The summary of a profile that can stay; none is made anew, and so is one that cannot be read."""
    try:
        summary = read_summary(profile)
    except (FileNotFoundError, ProfileError):
        return None
    return summary if summary.version == LAYER_VERSION else None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What is known of a layer before its findings are kept.

    Attributes:
        profile: Where it was written anew.
        lost_over: What a worker was lost over after the profile was made, which does not know of it.
    """

    batch: LayerBatch
    task: LayerTask
    summary: LayerSummary
    duration_s: float
    profile: Path | None = None
    lost_over: LayerReason | None = None

    def with_findings(self, found: FoundBy) -> Profiled:
        """Keep the findings too."""
        digest, summary = self.task.digest, self.summary
        versions = {**versions_of(self.task.analysers), **self.batch.analysers.versions}
        findings = self.batch.layout.findings(digest)
        targets = [] if self.profile is None else [self.profile]
        if keep_findings(findings, digest, found, versions):
            targets.append(findings)
        totals = {
            "files": summary.counts.files,
            "directories": summary.counts.directories,
            "cls_bytes": summary.cls_bytes,
            "als_bytes": summary.als_bytes,
            "fls_bytes": summary.fls_bytes,
            "max_depth": summary.depth.max,
            "diffid": summary.diffid,
            "analysers": key_of(versions),
        }
        reason = self.lost_over or summary.reason
        outcome = ProfileOutcome(digest, summary.status, reason, self.duration_s, totals)
        return Profiled(tuple(targets), outcome)
