"""What people are told: results on stdout, sentences on stderr, lines broken at words on a terminal."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

# Where the second column of a summary begins: two spaces, a label, two spaces.
LABEL_WIDTH = 14
_COLUMN = 2 + LABEL_WIDTH + 2


class OutputError(Exception):
    """Nobody takes what is printed; the message says why, and is empty where the reader just went away."""


def say(text: str) -> None:
    """Print a result.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        print(_fitted(text.splitlines(), sys.stdout), flush=True)  # noqa: T201 - the output of the command
    except BrokenPipeError as error:  # `hubcrawl ... | head`
        raise OutputError from error
    except OSError as error:
        raise OutputError(f"cannot write the output ({error.strerror})") from error


def complain(sentence: str) -> None:
    """Print the one sentence of an error."""
    print(_fitted([f"hubcrawl: {sentence}"], sys.stderr), file=sys.stderr)  # noqa: T201 - as above


def tell(console: Console, sentence: str) -> None:
    """Print a sentence above a progress bar, if there is one."""
    lines = wrapped([sentence], console.width) if console.is_terminal else [sentence]
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def wrapped(lines: Sequence[str], width: int) -> list[str]:
    """``lines`` of at most ``width`` columns, broken between words only: a path or URL stays whole."""
    return [short for line in lines for short in _wrap(line, width)]


def _wrap(line: str, width: int) -> list[str]:
    is_labelled = line.startswith("  ") and not line[_COLUMN - 2 : _COLUMN].strip()
    hanging = " " * (_COLUMN if is_labelled else 2)
    broken = textwrap.wrap(
        line, width, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    )
    return broken or [line]


def _fitted(lines: Sequence[str], stream: TextIO) -> str:
    # A file or a pipe gets lines as they are: what reads them may have any width.
    return "\n".join(wrapped(lines, shutil.get_terminal_size().columns) if stream.isatty() else lines)


def prepare() -> None:
    """Make every text printable, whatever the terminal can encode: what it cannot becomes ``?``."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def is_delivered() -> bool:
    """Whether everything printed has gone out; what has not is given up, so that Python ends quietly."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True
