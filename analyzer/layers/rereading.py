"""A layer that has its profile, read once more for analysers that have not seen it yet."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from analyzer.analysers.collection import Collection
from analyzer.layers.blob import Blob
from analyzer.layers.deadline import Deadline
from analyzer.layers.faults import LayerFault
from analyzer.layers.reading import LayerReading
from corpus.profiles.layer import REASONS_OF_WORKERS, Kind, LayerReason
from corpus.profiles.names import bytes_of
from corpus.profiles.stream import iter_entries

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import msgspec

    from analyzer.analysers import Analyser
    from analyzer.settings import LayerLimits
    from corpus.profiles.layer import Entry
    from corpus.records import LayerTask

_BATCH_ROWS = 1000


def find_in_profiled_layer(
    blob: Path, task: LayerTask, profile: Path, limits: LayerLimits, analysers: Iterable[Analyser]
) -> tuple[dict[str, list[msgspec.Raw]], LayerReason | None]:
    """What analysers find in a layer, encoded, by their names: the same as if they had been there at first.

    The blob is read only if the profile has a file that one of them wants. The reason is why it was not read
    to its end, if that says nothing of the layer.

    Raises:
        ProfileError: The profile cannot be read.
        OSError: The disk.
    """
    among = tuple(analysers)
    collection, scout = Collection(among), Collection(among)
    reason = None
    if any(_has_content(row) and scout.wants(bytes_of(row.path)) for row in iter_entries(profile)):
        reason = _read(blob, task, limits, collection)
    elif collection.observes:
        rows = iter_entries(profile)
        while batch := list(islice(rows, _BATCH_ROWS)):
            collection.entries(batch)
    return collection.finish(), reason


def _has_content(row: Entry) -> bool:
    """Whether somebody may have been asked for it: of what is no file, whether it is too large."""
    return row.kind is Kind.FILE or row.size_bytes > 0


def _read(blob: Path, task: LayerTask, limits: LayerLimits, collection: Collection) -> LayerReason | None:
    """Show the blob to the collection; where time or memory do not suffice, that is noted and returned."""
    with blob.open("rb") as file:
        source = Blob(file, task.digest, deadline=Deadline(limits.layer_timeout_s))
        try:
            reading = LayerReading(source, task.media_type, limits, collection)
            for _ in reading.batches():
                pass  # the reading shows everything to the collection
            fault = reading.fault
        except LayerFault as error:
            fault = error
        except MemoryError:
            fault = LayerFault(LayerReason.WORKER_MEMORY)
    if fault is None or fault.reason not in REASONS_OF_WORKERS:
        return None
    collection.interrupt(fault.reason)
    return fault.reason
