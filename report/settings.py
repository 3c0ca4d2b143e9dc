"""Settings of the report, each with its unit, its default and the reason for it."""

from __future__ import annotations

from typing import Annotated

import msgspec

_MIB = 1024**2


class ReportSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What tables, statistics and queries may take of the machine."""

    memory_bytes: Annotated[
        int,
        msgspec.Meta(
            ge=256 * _MIB,
            description=(
                "Memory of the database that makes and reads the tables; what needs more goes by way of the "
                "disk. The program itself takes some 200 MB besides."
            ),
            extra_json_schema={"unit": "B"},
        ),
    ] = 1024 * _MIB
    threads: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            description="Threads of that database; 0 is one per processor, since the work is bound by it.",
            extra_json_schema={"unit": "1"},
        ),
    ] = 0
    rows_per_part: Annotated[
        int,
        msgspec.Meta(
            ge=1000,
            description=(
                "Rows of `files` and `directories` after which a part of the tables ends: some 100 MB, which "
                "engines read in one go, and what a run that is killed does again at most."
            ),
            extra_json_schema={"unit": "rows"},
        ),
    ] = 2_000_000
