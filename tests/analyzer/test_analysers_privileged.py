"""Files that grant rights: found by the rows of a layer."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.analysers.collection import Collection
from analyzer.analysers.privileged import PrivilegedFiles
from corpus.profiles.layer import Entry, EntryFlag, Kind

SETUID = Entry("bin/su", Kind.FILE, mode=0o4755, flags=(EntryFlag.SETUID,))


def grants(*batches: Sequence[Entry]) -> dict[str, list[str]]:
    """What each file that is found grants, in order."""
    collector = PrivilegedFiles().begin()
    for rows in batches:
        collector.entries(rows)
    return {finding["path"]: finding["grants"] for finding in collector.result()}


def test_bits_and_capabilities_are_found() -> None:
    """Of regular files: for others they mean something else, or nothing."""
    both = (EntryFlag.SETUID, EntryFlag.SETGID)
    capable = Entry("bin/ping", Kind.FILE, xattrs={"security.capability": "x"}, flags=())
    folder = Entry("var/mail", Kind.DIRECTORY, flags=(EntryFlag.SETGID,))
    labelled = Entry("bin/ls", Kind.FILE, xattrs={"security.selinux": "x"}, flags=())
    assert grants([SETUID, folder], [Entry("a", Kind.FILE, flags=both), labelled, capable]) == {
        "bin/su": ["setuid"],
        "a": ["setuid", "setgid"],
        "bin/ping": ["capabilities"],
    }


def test_of_a_path_that_comes_twice_the_last_entry_counts() -> None:
    """Whatever it is."""
    harmless = Entry("bin/su", Kind.FILE, mode=0o755, flags=(EntryFlag.DUPLICATE,))
    again = Entry("bin/su", Kind.FILE, flags=(EntryFlag.SETGID, EntryFlag.DUPLICATE))
    link = Entry("bin/su", Kind.SYMLINK, link="x", flags=(EntryFlag.DUPLICATE,))
    assert grants([SETUID, harmless]) == {}
    assert grants([SETUID], [link]) == {}
    assert grants([SETUID], [again]) == {"bin/su": ["setgid"]}


def test_a_file_that_is_cut_is_none() -> None:
    """It is counted nowhere."""
    assert grants([Entry("bin/su", Kind.FILE, flags=(EntryFlag.SETUID, EntryFlag.INCOMPLETE))]) == {}


def test_no_more_are_held_than_are_kept() -> None:
    """All files of a layer may be such, and a layer has millions."""
    collector, collection = PrivilegedFiles().begin(), Collection([PrivilegedFiles()])
    for start in range(0, 300_000, 10_000):
        rows = [
            Entry(f"{number}", Kind.FILE, flags=(EntryFlag.SETUID,))
            for number in range(start, start + 10_000)
        ]
        collector.entries(rows)
        collection.entries(rows)
    kept = collection.finish()["privileged"]
    assert b'"limit"' in bytes(kept[-1])
    assert len(kept) <= len(list(collector.result())) < 250_000
