"""Names in a tar as paths of an image: normalised, never leaving the root, judged."""

from __future__ import annotations

from corpus.profiles.layer import EntryFlag

# Linux refuses longer paths in one call (PATH_MAX).
_PATH_MAX_BYTES = 4096
# Beyond these a path is kept, but its parents are not expanded into directories: that would cost
# memory with the square of its length. The deepest directory of the paper has depth 444.
MAX_DEPTH = 4096
MAX_EXPANDED_BYTES = 64 * 1024

_CONTROL = bytes([*range(0x20), 0x7F])


def normalise(name: bytes) -> bytes:
    """The path of ``name`` below the root, as container runtimes resolve it (``path.Clean``).

    Empty and ``.`` components vanish, ``..`` takes one component back but never leaves the root, which is
    ``b""``. Links are not followed.
    """
    if b"//" not in name and b"/." not in name and not name.startswith((b".", b"/")):
        return name[:-1] if name.endswith(b"/") else name
    components: list[bytes] = []
    for component in name.split(b"/"):
        if component == b"..":
            del components[-1:]
        elif component not in (b"", b"."):
            components.append(component)
    return b"/".join(components)


def name_flags(name: bytes, path: bytes) -> list[EntryFlag]:
    """What is odd about a stored name, whose normalised form is ``path``."""
    flags = []
    if name.startswith(b"/"):
        flags.append(EntryFlag.ABSOLUTE)
    if b".." in name and b".." in name.split(b"/"):
        flags.append(EntryFlag.DOTDOT)
    if not name.isascii() and not _is_utf8(name):
        flags.append(EntryFlag.NOT_UTF8)
    if _has_control(name):
        flags.append(EntryFlag.CONTROL)
    if len(path) > _PATH_MAX_BYTES:
        flags.append(EntryFlag.LONG_PATH)
    if not is_expandable(path):
        flags.append(EntryFlag.DEEP)
    return flags


def _has_control(name: bytes) -> bool:
    """Whether a terminal or a line-based tool would stumble over ``name``."""
    return len(name.translate(None, _CONTROL)) != len(name)


def is_expandable(path: bytes) -> bool:
    """Whether the parents of ``path`` become rows of the directory table."""
    return len(path) <= MAX_EXPANDED_BYTES and path.count(b"/") < MAX_DEPTH


def leaves_root(path: bytes, target: bytes) -> bool:
    """Whether a symbolic link at ``path`` to ``target`` climbs above the root on its way.

    An absolute target begins at the image's root and climbs only by its own ``..``.
    """
    if b".." not in target:
        return False
    depth = 0 if target.startswith(b"/") else path.count(b"/")
    for component in target.split(b"/"):
        if component == b"..":
            depth -= 1
        elif component not in (b"", b"."):
            depth += 1
        if depth < 0:
            return True
    return False


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
