"""Files that give whoever runs them more rights than they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from corpus.profiles.layer import EntryFlag, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analyzer.analysers import Finding
    from corpus.profiles.layer import Entry

_CAPABILITIES = "security.capability"
# More do not fit into what is kept of one analyser.
_MAX_FOUND = 200_000
_BITS = {EntryFlag.SETUID: "setuid", EntryFlag.SETGID: "setgid"}


class PrivilegedFiles:
    """Finds files with the bits setuid and setgid, or with capabilities (capabilities(7))."""

    name = "privileged"
    version = 1

    def begin(self) -> _Privileged:
        """A collector for one layer."""
        return _Privileged()


class _Privileged:
    def __init__(self) -> None:
        self._found: dict[str, Finding] = {}

    def entries(self, rows: Sequence[Entry]) -> None:
        """Keep those of such files; of a path that comes again the last one counts."""
        for row in [row for row in rows if row.flags or row.xattrs]:
            self._found.pop(row.path, None)
            grants = _grants(row)
            if grants and len(self._found) < _MAX_FOUND:
                self._found[row.path] = {
                    "kind": "privileged",
                    "path": row.path,
                    "uid": row.uid,
                    "gid": row.gid,
                    "grants": grants,
                }

    def result(self) -> Iterable[Finding]:
        """What was found, in the order of the entries."""
        return self._found.values()


def _grants(row: Entry) -> list[str]:
    """What a whole file grants; nothing for any other entry."""
    if row.kind is not Kind.FILE or EntryFlag.INCOMPLETE in row.flags:
        return []
    grants = [word for flag, word in _BITS.items() if flag in row.flags]
    return [*grants, "capabilities"] if _CAPABILITIES in (row.xattrs or {}) else grants
