"""The findings of a layer become its document: beside what other analysers found in it before."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from corpus.profiles.findings import Findings, Problem, read_findings, write_findings
from corpus.profiles.stream import ProfileError, encode, temporary_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from registry.digests import Digest

log = logging.getLogger(__name__)


def keep_findings(
    target: Path, digest: Digest, found: Mapping[str, Sequence[msgspec.Raw]], versions: Mapping[str, int]
) -> bool:
    """Write the document of a layer under its temporary name; whether there is anything to write.

    The findings of other analysers that the document has stay in it, whether these still exist or not. Where
    nobody found anything there is no document; one that is there already is written anew, and so is one that
    cannot be read.

    Args:
        target: The document's final path.
        digest: Of the layer.
        found: The findings, encoded, by analyser: also of those that found nothing.
        versions: The analysers that have read the layer, these among them.

    Raises:
        OSError: The disk.
    """
    if not target.exists() and not any(found.values()):
        temporary_name(target).unlink(missing_ok=True)  # of a run that was killed, and found something
        return False
    before = readable_findings(target) or Findings(digest=str(digest), analysers={})
    findings: dict[str, list[Any]] = {}
    for finding in before.findings:
        if finding.get("analyser") not in found:
            findings.setdefault(str(finding.get("analyser")), []).append(finding)
    findings.update((name, list(raws)) for name, raws in found.items())
    document = Findings(
        digest=str(digest),
        analysers=dict(sorted({**before.analysers, **versions}.items())),
        findings=tuple(finding for name in sorted(findings) for finding in findings[name]),
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    write_findings(document, target)
    return True


def lost_findings(analysers: Mapping[str, int], reason: str) -> dict[str, list[msgspec.Raw]]:
    """What stands for the findings of analysers in a layer that workers are lost over."""
    return {
        name: [msgspec.Raw(encode(Problem(analyser=name, reason="interrupted", detail=reason)))]
        for name in analysers
    }


def readable_findings(target: Path) -> Findings | None:
    """The document of a layer; ``None`` if there is none, or it cannot be read.

    Raises:
        OSError: The disk.
    """
    try:
        return read_findings(target)
    except FileNotFoundError:
        return None
    except ProfileError:
        log.info("findings_unreadable", extra={"path": target.name}, exc_info=True)
        return None
