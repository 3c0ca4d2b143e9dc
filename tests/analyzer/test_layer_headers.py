"""Header blocks: the fast way agrees with the exact one, numbers are those of Go."""

from __future__ import annotations

import tarfile
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.layers.faults import LayerFault
from analyzer.layers.headers import parse_header, parse_plain_header
from analyzer.layers.numbers import MAX_INT64, MIN_INT64, parse_decimal, parse_numeric, parse_time

FORMS: list[Literal[0, 1]] = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT]


def _sealed(block: bytes) -> bytes:
    """The block with the check sum it should have."""
    total = sum(block) - sum(block[148:156]) + 8 * 0x20
    return block[:148] + b"%06o\0 " % total + block[156:]


@st.composite
def blocks(draw: st.DrawFn) -> bytes:
    """Header blocks as ``tarfile`` writes them, some with bytes changed, most with a right check sum."""
    info = tarfile.TarInfo("x")
    info.type = draw(st.sampled_from([b"0", b"\0", b"5", b"2", b"3", b"7", b"x", b"L", b"?"]))
    info.size = draw(st.sampled_from([0, 1, 511, 8**11 - 1]))
    info.mode = draw(st.sampled_from([0, 0o644, 0o4755]))
    info.uid = draw(st.integers(0, 8**7 - 1))
    info.mtime = draw(st.integers(0, 8**11 - 1))
    info.uname = draw(st.sampled_from(["", "root", "ünal"]))
    block = bytearray(info.tobuf(draw(st.sampled_from(FORMS))))
    block[0:100] = draw(st.binary(min_size=1, max_size=100)).ljust(100, b"\0")
    block[345:355] = draw(st.sampled_from([b"\0" * 10, b"prefix/a\0\0", b"0000000001", b"\xff" * 10]))
    for position in draw(st.lists(st.integers(0, 511), max_size=3)):
        block[position] = draw(st.sampled_from([0, 0x20, 0x2D, 0x30, 0x39, 0x5F, 0x80, 0xFF]))
    return _sealed(bytes(block)) if draw(st.integers(0, 9)) else bytes(block)


@given(blocks())
def test_the_fast_way_never_disagrees(block: bytes) -> None:
    """Whatever the fast way reads, the exact one reads the same."""
    plain = parse_plain_header(block)
    if plain is not None:
        assert plain == parse_header(block)


@pytest.mark.parametrize("form", FORMS)
def test_ordinary_headers_take_the_fast_way(form: Literal[0, 1]) -> None:
    """The headers of ordinary archives are plain."""
    info = tarfile.TarInfo("usr/bin/env")
    info.size, info.uname, info.mtime = 100, "root", 1_500_000_000
    assert parse_plain_header(info.tobuf(form)) is not None


def test_a_signed_check_sum_is_accepted() -> None:
    """Old Suns summed bytes as signed."""
    block = bytearray(tarfile.TarInfo("x").tobuf(tarfile.USTAR_FORMAT))
    block[0:2] = b"\xe4\xf6"
    block[148:156] = b" " * 8
    signed = sum(byte - 256 if byte > 127 else byte for byte in block)
    block[148:156] = b"%06o\0 " % signed
    assert parse_header(bytes(block)).name == b"\xe4\xf6"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"0000644\0", 0o644),
        (b"   644 \0", 0o644),
        (b"\0" * 8, 0),
        (b"644\0garb", 0o644),
        (b"\x80\0\0\0\0\0\0\x01", 1),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff", -1),
        (b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7, MAX_INT64),
        (b"\xff" * 4 + b"\x80" + b"\0" * 7, MIN_INT64),
    ],
)
def test_numbers(field: bytes, value: int) -> None:
    """Octal with any padding, and base-256 of both signs."""
    assert parse_numeric(field) == value


@pytest.mark.parametrize(
    "field",
    [
        b"0000648\0",
        b"-000644\0",
        b"+644\0\0\0\0",
        b"6_44\0\0\0\0",
        b"0o644\0\0\0",
        b"\x80\0\0\0" + b"\xff" * 8,
    ],
)
def test_what_is_no_number(field: bytes) -> None:
    """What Go refuses as a number is refused, even where Python would read one."""
    with pytest.raises(LayerFault):
        parse_numeric(field)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        (b"1350244992.023960108", (1350244992, 23960108, False)),
        (b"1", (1, 0, False)),
        (b"1.", (1, 0, False)),
        (b"1.9999999999", (1, 999999999, False)),
        (b"-1.5", (-2, 500000000, False)),
        (b"-1", (-1, 0, False)),
        (b"0", (0, 0, False)),
        (b"000.5", (0, 500000000, False)),
        (b"0" * 5000 + b"7", (7, 0, False)),
        (b"9" * 5000, (MAX_INT64, 0, True)),
        (b"-" + b"9" * 25, (MIN_INT64, 0, True)),
    ],
)
def test_times(text: bytes, time: tuple[int, int, bool]) -> None:
    """Times are whole seconds and nanoseconds, cut and never rounded, clamped to 64 bits."""
    assert parse_time(text) == time


@pytest.mark.parametrize("text", [b"", b"nan", b"1e3", b"1.5x", b".5", b"0x1", b"1_0", b"--1"])
def test_what_is_no_time(text: bytes) -> None:
    """What Go refuses as a time is refused."""
    with pytest.raises(LayerFault):
        parse_time(text)


@pytest.mark.parametrize(("text", "value"), [(b"+5", 5), (b"-5", -5), (b"0" * 6000 + b"12", 12)])
def test_decimals(text: bytes, value: int) -> None:
    """Decimals have a sign and any number of leading zeros."""
    assert parse_decimal(text) == value


@pytest.mark.parametrize("text", [b"", b"1" * 200_000, b"9223372036854775808", b" 1", b"1_0"])
def test_what_is_no_decimal(text: bytes) -> None:
    """Numbers beyond 64 bits are refused at once, however long."""
    with pytest.raises(LayerFault):
        parse_decimal(text)
