"""Settings of polite HTTP, each with its unit and the reason for its default."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class HttpSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to behave towards a server. One identity, bounded, patient."""

    contact: Annotated[
        str,
        Meta(
            description=(
                "Address or page of whoever runs this census, sent in `User-Agent`, so that an operator "
                "who is bothered can write instead of blocking. Empty: only the program is named."
            )
        ),
    ] = ""
    token_url: Annotated[
        str,
        Meta(
            description=(
                "URL that is asked for tokens, for a stand-in or a proxy. "
                "Empty: the one that a registry's challenge names."
            )
        ),
    ] = ""
    plain_credentials: Annotated[
        bool,
        Meta(
            description=(
                "Send passwords and tokens over plain HTTP too, where everybody on the way can read them. "
                "Off: only over HTTPS, and to this machine."
            )
        ),
    ] = False
    connect_timeout_s: Annotated[
        float,
        Meta(
            gt=0,
            description="Longest time to look up and reach a host, in seconds: three lost packets and more.",
            extra_json_schema={"unit": "s"},
        ),
    ] = 15.0
    read_timeout_s: Annotated[
        float,
        Meta(
            gt=0,
            description=(
                "Longest silence of a server inside an answer, in seconds, and with `connect_timeout_s` the "
                "longest time until an answer has begun. There is no bound in all."
            ),
            extra_json_schema={"unit": "s"},
        ),
    ] = 60.0
    stall_rate_bytes_per_s: Annotated[
        int,
        Meta(
            ge=0,
            description="A slower body is broken off and asked for again, because a trickle is never silent.",
            extra_json_schema={"unit": "bytes/s"},
        ),
    ] = 10 << 10
    stall_window_s: Annotated[
        float,
        Meta(
            gt=0,
            description="The time over which a slow body is judged, in seconds: long enough for a hiccup.",
            extra_json_schema={"unit": "s"},
        ),
    ] = 60.0
    attempts: Annotated[
        int,
        Meta(
            ge=1, description="Tries of one request in all. Six, with waits that double, span about a minute."
        ),
    ] = 6
    retry_base_s: Annotated[
        float,
        Meta(
            gt=0,
            description="Upper end of the first random wait between tries, in seconds; it doubles.",
            extra_json_schema={"unit": "s"},
        ),
    ] = 1.0
    retry_cap_s: Annotated[
        float,
        Meta(
            gt=0,
            description="Longest wait between tries that no server asked for, in seconds.",
            extra_json_schema={"unit": "s"},
        ),
    ] = 60.0
    patience_s: Annotated[
        float,
        Meta(
            gt=0,
            description=(
                "Time given to one request in all, in seconds, after which it is not tried again. What a "
                "server asks us to wait is not counted, and waited however long it is."
            ),
            extra_json_schema={"unit": "s"},
        ),
    ] = 300.0
    quota_pause_s: Annotated[
        float,
        Meta(
            gt=0,
            description=(
                "Wait before asking again once the pull quota is used up, in seconds. "
                "The window of Docker Hub is six hours; a question every quarter of an hour is free."
            ),
            extra_json_schema={"unit": "s"},
        ),
    ] = 900.0
    max_requests: Annotated[
        tuple[str, ...],
        Meta(
            description=(
                "Your own limits on the requests sent, whatever they are and to whom: `500/10m,10000/1d` is "
                "500 in any ten minutes and 10,000 in any day (`s`, `m`, `h`, `d`; one or two limits). They "
                "hold over all runs in one data directory; requests are counted while a limit is set, so one "
                "that is set later knows of none before. Empty: as many as the servers bear."
            )
        ),
    ] = ()
    max_bytes_per_s: Annotated[
        int,
        Meta(
            ge=0,
            description="Bytes received per second, over all answers; 0: as many as come.",
            extra_json_schema={"unit": "bytes/s"},
        ),
    ] = 0
    parallel_per_host: Annotated[
        int,
        Meta(
            ge=1,
            description=(
                "Requests to one host at a time. Halved when it complains, restored one by one. "
                "skopeo uses 6 for one image; a census fetches many."
            ),
        ),
    ] = 16
