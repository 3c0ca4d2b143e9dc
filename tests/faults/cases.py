"""Many faults in one run, each aimed at an image of its own: what becomes of every one of them."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from downloader.engine import DownloadSummary
from registry.digests import Digest
from tests.downloader.runs import files
from tests.faults.census import BASE, campaign, falsehoods
from tests.faults.origin import Fault, Habits, Plan, Tree
from tests.faults.wire import Asked

# Repositories at which nothing is aimed.
BYSTANDERS = ("by/stander", "by/index")

_LAYER_BYTES = 60_000


class Cases:
    """One image per case, with a configuration and a layer of its own and one that all share.

    Attributes:
        tree: All images.
        injected: How many answers were tampered with, by case.
    """

    def __init__(self, plans: Mapping[str, Plan]) -> None:
        self.tree = Tree()
        self.injected = Counter[str]()
        self._plans = plans
        self._owners = dict[str, str]()
        self._names = {name: f"case/{number:02}" for number, name in enumerate(plans)}
        dice = random.Random(7)  # noqa: S311 - any bytes, the same in every run
        for name, repository in self._names.items():
            layer = dice.randbytes(_LAYER_BYTES)
            digest = self.tree.push(repository, BASE, layer)
            config = json.loads(self.tree.manifests[f"{repository}@{digest}"][1])["config"]["digest"]
            self._owners |= {repository: name, Digest.of(layer): name, config: name}
        self.tree.push(BYSTANDERS[0], BASE, b"own")
        self.tree.push_index(BYSTANDERS[1], amd64=b"one" * 1000, arm64=b"two" * 1000)

    def plan(self, asked: Asked) -> Fault | None:
        """What the case has in mind that a request belongs to."""
        target = unquote(asked.target)
        if Digest.of(BASE) in target:
            return None  # what a registry sends of it for one image is true for all
        owner = next((self._owners[part] for part in self._owners if part in target), None)
        fault = None if owner is None else self._plans[owner](asked)
        if owner is not None and fault is not None:
            self.injected[owner] += 1
        return fault

    def by_case(self, states: Mapping[str, str | None]) -> dict[str, str | None]:
        """States of the images that have a case, by that."""
        return {name: states[repository] for name, repository in self._names.items()}


@dataclass(frozen=True)
class Outcome:
    """What a run left.

    Attributes:
        states: State of the image, or the reason of its failure, by case.
        bystanders: The same of the images at which nothing was aimed, by repository.
        injected: How many answers were tampered with, by case.
        summary: What the run said.
        healed: Every state after another run with ``--retry-failed`` in which nothing went wrong.
        leftovers: Partial files after that.
        falsehoods: What was false in the store after either run.
    """

    states: dict[str, str | None]
    bystanders: dict[str, str | None]
    injected: Counter[str]
    summary: DownloadSummary
    healed: set[str | None]
    leftovers: set[str]
    falsehoods: list[str]


async def outcome_of(data: Path, plans: Mapping[str, Plan], habits: Habits, **settings: Any) -> Outcome:
    """Run over all cases, and again when nothing goes wrong any more; see what is false after either."""
    cases = Cases(plans)
    async with asyncio.timeout(60), campaign(data, cases.plan, habits, cases.tree) as run:
        summary = await run.run_unchecked(**settings)
        states, injected = run.images(), Counter(cases.injected)
        found = falsehoods(data, cases.tree)
        run.origin.plan = lambda _asked: None
        await run.run_unchecked(retry_failed=True)
        return Outcome(
            states=cases.by_case(states),
            bystanders={name: states[name] for name in BYSTANDERS},
            injected=injected,
            summary=summary,
            healed=set(run.images().values()),
            leftovers=set(files(data / "partial")),
            falsehoods=[*found, *falsehoods(data, cases.tree)],
        )
