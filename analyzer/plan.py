"""How layers are handed to workers: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from corpus.records import LayerTask

# A task for a worker costs about a millisecond to hand over: layers smaller than this go together.
_BATCH_BYTES = 4 << 20
# Half of all layers are below 1 MB, many below 1 KB: a batch stays small enough to be checkpointed soon.
_BATCH_LAYERS = 64


def batches(tasks: Iterable[LayerTask]) -> Iterator[Sequence[LayerTask]]:
    """Layers in their order, grouped so that a group is worth handing over.

    A group ends once it has reached the bound of bytes or of layers; every layer is in exactly one.
    """
    batch: list[LayerTask] = []
    size = 0
    for task in tasks:
        batch.append(task)
        size += task.size_bytes
        if size >= _BATCH_BYTES or len(batch) == _BATCH_LAYERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
