"""Binary files with the headers that their readers check; bodies are invented."""

from __future__ import annotations

import base64
import struct
import zlib
from functools import cache
from typing import TYPE_CHECKING

from samplehub.content.seeds import EPOCH, stream
from samplehub.content.words import WORDS

if TYPE_CHECKING:
    from random import Random

# e_machine (ELF gABI), and the name of the dynamic linker
ELF_MACHINES = {
    "amd64": (62, "/lib64/ld-linux-x86-64.so.2"),
    "386": (3, "/lib/ld-linux.so.2"),
    "arm": (40, "/lib/ld-linux-armhf.so.3"),
    "arm64": (183, "/lib/ld-linux-aarch64.so.1"),
    "s390x": (22, "/lib/ld64.so.1"),
}

_POOL_BYTES = 1 << 19  # sixteen times the window of gzip, so that repeats are hardly ever in reach
_PIECE_BYTES = 4096
_ELF_RELOCATABLE, _ELF_EXECUTABLE, _ELF_SHARED = 1, 2, 3  # e_type


def machine_code(rng: Random, size: int) -> bytes:
    """Bytes that compress about as well as instructions do (2 to 3 times)."""
    return _pieces(rng, _code_pool(), size)


def _strings(rng: Random, size: int) -> bytes:
    """A string table: words that end with NUL."""
    return _pieces(rng, _string_pool(), size)


def _pieces(rng: Random, pool: bytes, size: int) -> bytes:
    """``size`` bytes from random places of a pool: a hundred times faster than making them anew."""
    starts = (rng.randrange(len(pool) - _PIECE_BYTES) for _ in range(0, size, _PIECE_BYTES))
    return b"".join(pool[start : start + _PIECE_BYTES] for start in starts)[:size]


@cache
def _code_pool() -> bytes:
    """Sequences of one to eight bytes, few of them frequent: the profile of machine code."""
    rng = stream("code")
    opcodes = [rng.randbytes(rng.randint(1, 8)) for _ in range(2000)]
    weights = [1 / (rank + 2) for rank in range(2000)]
    return b"".join(rng.choices(opcodes, weights, k=_POOL_BYTES // 4))


@cache
def _string_pool() -> bytes:
    words = [word.encode() + b"\0" for word in WORDS]
    return b"".join(stream("strings").choices(words, k=_POOL_BYTES // 8))


def _elf(rng: Random, size: int, arch: str, kind: int) -> bytes:
    """An ELF file (gABI chapter 4): header, PT_LOAD and, for executables, PT_INTERP; no sections."""
    machine, interpreter = ELF_MACHINES[arch]
    interp = interpreter.encode() + b"\0" if kind == _ELF_EXECUTABLE else b""
    wide = arch not in ("386", "arm")
    head_bytes, entry_bytes = (64, 56) if wide else (52, 32)
    programs = 0 if kind == _ELF_RELOCATABLE else 1 + bool(interp)
    body = interp + machine_code(rng, size * 7 // 8) + _strings(rng, size // 8)
    start = head_bytes + programs * entry_bytes
    ident = b"\x7fELF" + bytes((1 + wide, 2 if arch == "s390x" else 1, 1)) + bytes(9)
    order = ">" if arch == "s390x" else "<"
    word = "Q" if wide else "I"
    header = struct.pack(
        f"{order}HHI3{word}IHHHHHH",
        *(kind, machine, 1, 0x401000, head_bytes if programs else 0, 0, 0),
        *(head_bytes, entry_bytes if programs else 0, programs, 0, 0, 0),
    )
    segments = [(3, start, len(interp))] if interp else []
    segments += [(1, 0, start + len(body))] if programs else []
    table = b"".join(_program_header(order, wide, *segment) for segment in segments)
    return ident + header + table + body


def _program_header(order: str, wide: bool, kind: int, offset: int, size: int) -> bytes:  # noqa: FBT001
    address = 0x400000 + offset
    if wide:
        return struct.pack(f"{order}IIQQQQQQ", kind, 5, offset, address, address, size, size, 0x1000)
    return struct.pack(f"{order}IIIIIIII", kind, offset, address, address, size, size, 5, 0x1000)


def executable(rng: Random, size: int, arch: str) -> bytes:
    """A dynamically linked ELF program."""
    return _elf(rng, size, arch, _ELF_EXECUTABLE)


def shared_object(rng: Random, size: int, arch: str) -> bytes:
    """An ELF shared library."""
    return _elf(rng, size, arch, _ELF_SHARED)


def object_file(rng: Random, size: int, arch: str) -> bytes:
    """An ELF relocatable object."""
    return _elf(rng, size, arch, _ELF_RELOCATABLE)


def pe_executable(rng: Random, size: int) -> bytes:
    """A Windows program: DOS stub, PE header of x86-64 (PE format, Microsoft)."""
    stub = b"MZ\x90\0" + bytes(56) + struct.pack("<I", 0x80) + b"This program cannot be run in DOS mode.\r\n$"
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 0, EPOCH, 0, 0, 240, 0x22)
    optional = struct.pack("<H", 0x20B).ljust(68, b"\0") + b"\x03\0"  # PE32+, console subsystem
    return stub.ljust(0x80, b"\0") + coff + optional.ljust(240, b"\0") + machine_code(rng, size)


def python_bytecode(rng: Random, size: int) -> bytes:
    """A .pyc of CPython 3.11 (PEP 552, time-stamped)."""
    header = struct.pack("<HHIII", 3495, 0x0A0D, 0, EPOCH, size)
    return header + b"\xe3" + bytes(16) + machine_code(rng, size // 2) + _strings(rng, size // 2)


def java_class(rng: Random, size: int) -> bytes:
    """A class file of Java 11 (JVMS chapter 4)."""
    return (
        b"\xca\xfe\xba\xbe"
        + struct.pack(">HHH", 0, 55, 20)
        + _strings(rng, size // 2)
        + machine_code(rng, size // 2)
    )


def png(rng: Random, size: int) -> bytes:
    """A valid 8-bit grey PNG (RFC 2083), noisy enough to have about ``size`` bytes."""
    width = max(4, int(size**0.5))
    rows = b"".join(b"\0" + rng.randbytes(width) for _ in range(max(1, size // width)))
    header = struct.pack(">IIBBBBB", width, max(1, size // width), 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def gif(rng: Random, size: int) -> bytes:
    """A GIF89a with a palette and one image block."""
    blocks = b"".join(b"\xff" + rng.randbytes(255) for _ in range(max(1, size // 256)))
    screen = b"GIF89a" + struct.pack("<HHBBB", 64, 64, 0xF7, 0, 0) + rng.randbytes(768)
    return screen + b"\x2c" + struct.pack("<HHHHBB", 0, 0, 64, 64, 0, 8) + blocks + b"\0\x3b"


def jpeg(rng: Random, size: int) -> bytes:
    """A JFIF file: APP0, quantisation table, frame and scan headers, entropy-coded noise."""
    quantisation = b"\xff\xdb\0\x43\0" + bytes(rng.randint(1, 99) for _ in range(64))
    frame = b"\xff\xc0\0\x0b\x08" + struct.pack(">HH", 64, 64) + b"\x01\x01\x11\0"
    scan = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + rng.randbytes(size).replace(b"\xff", b"\xfe")
    return (
        b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0" + quantisation + frame + scan + b"\xff\xd9"
    )


def truetype(rng: Random, size: int) -> bytes:
    """A TrueType font: table directory (OpenType, chapter "Font file") and table bodies."""
    tags = (b"OS/2", b"cmap", b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp", b"name", b"post")
    each = max(16, size // len(tags) & ~3)
    first = 12 + 16 * len(tags)
    directory = b"".join(
        tag + struct.pack(">III", rng.getrandbits(32), first + each * i, each) for i, tag in enumerate(tags)
    )
    return (
        struct.pack(">IHHHH", 0x10000, len(tags), 128, 3, 32)
        + directory
        + machine_code(rng, each * len(tags))
    )


def pdf(rng: Random, size: int) -> bytes:
    """A PDF with one compressed stream."""
    stream_bytes = zlib.compress(_strings(rng, size * 2), 6)
    head = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Length " + str(len(stream_bytes)).encode()
    return head + b" /Filter /FlateDecode >>\nstream\n" + stream_bytes + b"\nendstream\nendobj\n%%EOF\n"


def ogg(rng: Random, size: int) -> bytes:
    """An Ogg Vorbis beginning (RFC 3533) and noise."""
    return (
        b"OggS\0\x02" + bytes(8) + rng.randbytes(4) + bytes(8) + b"\x01\x1e\x01vorbis" + rng.randbytes(size)
    )


def message_catalog(rng: Random, size: int) -> bytes:
    """A GNU .mo file (gettext manual, section 10.3), little endian."""
    pairs = max(1, size // 48)
    texts = rng.choices(_phrases(), k=2 * pairs)
    offset = 28 + 16 * pairs
    table = []
    for text in texts:
        table.append(struct.pack("<II", len(text), offset))
        offset += len(text) + 1
    header = struct.pack("<IIIIIII", 0x950412DE, 0, pairs, 28, 28 + 8 * pairs, 0, 0)
    return header + b"".join(table) + b"".join(text + b"\0" for text in texts)


@cache
def _phrases() -> list[bytes]:
    rng = stream("phrases")
    return [" ".join(rng.choices(WORDS, k=3)).encode() for _ in range(3000)]


def time_zone(rng: Random, size: int) -> bytes:
    """A TZif version 1 file (RFC 8536) with ``size // 5`` transitions."""
    count = max(1, size // 5)
    times = sorted(struct.unpack(f">{count}i", rng.randbytes(4 * count)))
    head = b"TZif" + bytes(16) + struct.pack(">6I", 0, 0, 0, count, 2, 8)
    types = struct.pack(">iBB", 3600, 0, 0) + struct.pack(">iBB", 7200, 1, 4) + b"CET\0CES\0"
    return head + struct.pack(f">{count}i", *times) + bytes(i % 2 for i in range(count)) + types


def terminfo(rng: Random, size: int) -> bytes:
    """A compiled terminfo entry (term(5)): magic, section sizes, names, noise."""
    name = rng.choice(WORDS).encode() + b"|terminal\0"
    return struct.pack("<6H", 0o432, len(name), 38, 15, 413, size) + name + rng.randbytes(size)


def berkeley_db(rng: Random, size: int) -> bytes:
    """A Berkeley DB hash file (version 9) with one metadata page."""
    page = bytes(12) + struct.pack("<III", 0x061561, 9, 4096) + b"\0\x08"
    return page.ljust(512, b"\0") + machine_code(rng, size)


def certificate(rng: Random, size: int) -> bytes:
    """A PEM bundle that looks like certificates; nothing in it is one."""
    body = base64.encodebytes(rng.randbytes(size * 3 // 4)).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n".encode()


def noise(rng: Random, size: int) -> bytes:
    """Data of no known type."""
    return rng.randbytes(size)
