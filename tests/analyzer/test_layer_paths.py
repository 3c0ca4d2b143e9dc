"""Names become paths below the root; odd ones are flagged."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.layers.paths import is_expandable, leaves_root, name_flags, normalise
from corpus.profiles.layer import EntryFlag

COMPONENTS = st.lists(st.sampled_from(["", ".", "..", "a", "b.c", ".d", "..e", "ü"]), max_size=8)


@given(COMPONENTS, st.booleans())
def test_normalising_is_cleaning_below_the_root(components: list[str], is_absolute: bool) -> None:  # noqa: FBT001 - drawn
    """A name is resolved as ``path.Clean`` does below ``/``, and twice is once."""
    name = ("/" if is_absolute else "") + "/".join(components)
    path = normalise(name.encode())
    assert path.decode() == posixpath.normpath("/" + name.lstrip("/")).lstrip("/")
    assert normalise(path) == path


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        (b"usr/bin/", []),
        (b"./usr", []),
        (b"/usr", [EntryFlag.ABSOLUTE]),
        (b"a/../b", [EntryFlag.DOTDOT]),
        (b"a/..b/c..", []),
        (b"a\xff", [EntryFlag.NOT_UTF8]),
        ("ü".encode(), []),
        (b"a\nb", [EntryFlag.CONTROL]),
        (b"a\x7f", [EntryFlag.CONTROL]),
        (b"a" * 4097, [EntryFlag.LONG_PATH]),
        (b"a/" * 4097, [EntryFlag.LONG_PATH, EntryFlag.DEEP]),
        (b"a" * 65537, [EntryFlag.LONG_PATH, EntryFlag.DEEP]),
    ],
)
def test_flags_of_names(name: bytes, flags: list[EntryFlag]) -> None:
    """Each oddity of a name has its flag."""
    assert name_flags(name, normalise(name)) == flags


@pytest.mark.parametrize(
    ("path", "target", "leaves"),
    [
        (b"usr/bin/sh", b"dash", False),
        (b"usr/bin/sh", b"../../bin/dash", False),
        (b"usr/bin/sh", b"../../../etc/shadow", True),
        (b"sh", b"../etc/shadow", True),
        (b"sh", b"a/../../b", True),
        (b"a/sh", b"/etc/../..", True),
        (b"a/sh", b"/etc/passwd", False),
        (b"a/sh", b"..", False),
    ],
)
def test_links_that_climb_above_the_root(path: bytes, target: bytes, leaves: bool) -> None:  # noqa: FBT001 - a table
    """A link leaves the root if it is above it anywhere on its way."""
    assert leaves_root(path, target) is leaves


def test_expansion_is_bounded() -> None:
    """Paths deeper than 4096 or longer than 64 KiB have no directory rows."""
    assert is_expandable(b"/".join([b"a"] * 4096))
    assert not is_expandable(b"/".join([b"a"] * 4097))
    assert not is_expandable(b"a" * (64 * 1024 + 1))
