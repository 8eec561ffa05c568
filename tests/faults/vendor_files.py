"""Makers of small files in the formats of vendors, from own bytes and fabio's packers."""

import struct
from typing import Any

import numpy as np
from fabio.compression import agi_bitfield
from numpy.typing import NDArray

Stack = NDArray[Any]


def _lines(fields: dict[str, object], blocks: int = 15) -> bytes:
    text = "".join(f"{name:<7s}:{value}".ljust(80)[:80] for name, value in fields.items())
    return text.ljust(512 * blocks, ".").encode("latin-1")


def bruker86_bytes(
    stack: Stack, *, width: int = 4, announced: bool = True, keys: dict[str, object] | None = None
) -> bytes:
    """Return one Bruker frame of format 86; pixels above `width` bytes stand in a text table."""
    flat = stack[0].astype(np.int64).ravel()
    full = 2 ** (8 * width) - 1
    bright = np.flatnonzero(flat >= full) if width < 4 else []
    table = "".join(f"{flat[k]:9d}{k:7d}" for k in bright)
    header = {
        "FORMAT": 86,
        "VERSION": 15,
        "HDRBLKS": 15,
        "USER": "Jane Doe",
        "NOVERFL": len(bright) if announced else 0,
        "NPIXELB": width,
        "NROWS": stack.shape[1],
        "NCOLS": stack.shape[2],
        **(keys or {}),
    }
    raster = np.minimum(flat, full).astype(f"<u{width}").tobytes()
    return _lines(header) + raster + table.encode()


def bruker100_bytes(
    stack: Stack,
    *,
    width: int = 1,
    baseline: int | None = None,
    keys: dict[str, object] | None = None,
) -> bytes:
    """Return one Bruker frame of format 100 with its binary tables of under- and overflows."""
    flat = stack[0].astype(np.int64).ravel()
    under = flat[flat <= baseline] if baseline is not None else flat[:0]
    shifted = flat - (baseline or 0)
    if baseline is not None:
        shifted[flat <= baseline] = 0
    tables = [under.astype("<i2").tobytes()]
    counts = [-1 if baseline is None else under.size, 0, 0]
    raster = shifted
    if width < 4:
        above_16 = (raster < 0) | (raster >= 65535)
        words = np.where(above_16, 65535, raster)
        above_8 = words >= 255 if width == 1 else np.zeros_like(above_16)
        tables += [words[above_8].astype("<u2").tobytes(), raster[above_16].astype("<i4").tobytes()]
        counts[1:] = [int(above_8.sum()), int(above_16.sum())]
        raster = np.where(above_8, 255, words)
    header = {
        "FORMAT": 100,
        "VERSION": 18,
        "HDRBLKS": 15,
        "USER": "Jane Doe",
        "NOVERFL": " ".join(f"{n:<23d}" for n in counts),
        "NPIXELB": f"{width:<35d} 2",
        "NROWS": f"{stack.shape[1]:<35d} 1",
        "NCOLS": f"{stack.shape[2]:<35d} 1",
        "NEXP": f"1 1 {baseline or 0} 0 0",
        **(keys or {}),
    }
    padded = b"".join(t + bytes(-len(t) % 16) for t in tables)
    return _lines(header) + (raster & 2**32 - 1).astype(f"<u{width}").tobytes() + padded


def ge_bytes(stack: Stack, *, blank: bool = False) -> bytes:
    """Return GE frames; with `blank` the header is all zeros, as some beamlines write it."""
    header = bytearray(8192)
    if not blank:
        header[:5] = b"ADEPT"
        struct.pack_into("<L", header, 12, 8192)
        bits = 8 * stack.dtype.itemsize
        struct.pack_into("<HHHH", header, 22, *stack.shape, bits)
        header[30:40], header[50:58] = b"2019-03-05", b"10:11:12"
        header[92:100] = b"Jane Doe"
        struct.pack_into("<d", header, 520, 300_000.0)
        struct.pack_into("<d", header, 540, 250_000.0)
    return bytes(header) + stack.astype(stack.dtype.newbyteorder("<")).tobytes()


ESPERANTO = {
    "SPECIAL_CCD_2": "0 0 1 1 1000000",
    "TIME": "2.5 0 0",
    "MONITOR": "0 0 0 0",
    "PIXELSIZE": "0.075 0.076 0.45",
    "TIMESTAMP": '"2021-02-03T04:05:06"',
    "GONIOMODEL_1": "0 0 0 0 0 128.25 130.5 50 0 250.5",
    "WAVELENGTH": "0.2952 0.2952 0.2952 0.2952",
    "HISTORY": '"Jane Doe"',
}


def esperanto_bytes(stack: Stack, *, packed: bool = False) -> bytes:
    """Return one Esperanto frame of 32-bit pixels, as they are or packed as bit fields."""
    frame = stack[0].astype(np.int32)
    rows, columns = frame.shape
    kind = "AGI_BITFIELD" if packed else "4BYTE_LONG"
    lines = ["ESPERANTO FORMAT   1 CONSISTING OF   25 LINES OF   256 BYTES EACH"]
    lines.append(f'IMAGE {columns} {rows} 1 1 "{kind}"')
    lines += [f"{key} {text}" for key, text in ESPERANTO.items()]
    lines += [""] * (25 - len(lines))
    header = "".join(line.ljust(254) + "\r\n" for line in lines).encode()
    body = agi_bitfield.compress(frame) if packed else frame.astype("<i4").tobytes()
    return header[:-2] + b"\r\x1a" + body


def _packed(words: NDArray[np.uint16], columns: int) -> bytes:
    """Return a CCP4-packed image, each pixel in a block of its own."""
    pixels = words.astype(np.int16).astype(int).tolist()
    widths = (0, 4, 5, 6, 7, 8, 16, 32)
    stream = at = 0
    for k, pixel in enumerate(pixels):
        guess = pixels[k - 1] if k else 0
        if k > columns:
            near = guess + sum(pixels[k - columns - 1 : k - columns + 2]) + 2
            guess = int(near / 4)  # towards zero
        step = pixel - guess
        code = next(c for c, w in enumerate(widths) if -(1 << w) <= 2 * step < (1 << w))
        stream |= (code << 3 | (step & ((1 << widths[code]) - 1)) << 6) << at
        at += 6 + widths[code]
    return stream.to_bytes(-(-at // 8), "little")


def mar345_bytes(stack: Stack, *, order: str = "<", bright: int | None = None) -> bytes:
    """Return one mar345 frame, packed, with its table of pixels above 65535."""
    flat = stack[0].astype(np.int64).ravel()
    rows, columns = stack.shape[1:]
    places = np.flatnonzero(flat > 65535)
    table = np.zeros((-(-places.size // 8) * 8, 2), dtype=f"{order}u4")
    table[: places.size, 0] = places + 1
    table[: places.size, 1] = flat[places]
    number = places.size if bright is None else bright
    head = struct.pack(
        f"{order}16i", 1234, columns, number, 1, 1, flat.size, 100, 100, 710_000, 250_000, *[0] * 6
    )
    text = (
        "mar research\nPROGRAM        scan345 Version 1.5\nDATE           Sun Nov 3 10:02:39 2013\n"
        "SCANNER        123\nWAVELENGTH     0.71\nDISTANCE       250.0\n"
        "PIXEL          LENGTH 100  HEIGHT 101\nTWOTHETA       5.5\nCENTER         X 8.5  Y 5.25\n"
        "TIME           30.00\nREMARK         Jane Doe\nEND OF HEADER\n"
    )
    head += bytes(64) + text.encode()
    image = f"\nCCP4 packed image, X: {columns:04d}, Y: {rows:04d}\n".encode()
    image += _packed((flat & 0xFFFF).astype(np.uint16), columns)
    return head.ljust(4096) + table.tobytes() + image


def raxis_bytes(stack: Stack, *, ratio: float = 32.0, record: int = 1400) -> bytes:
    """Return one R-AXIS frame; pixels above 15 bits are kept in steps of `ratio`."""
    frame = stack[0].astype(np.int64)
    header = bytearray(record)
    header[:7] = b"R-AXIS4"
    header[268:276] = b"Jane Doe"
    for at, value in {
        292: 0.71073,
        344: 127.5,
        536: 2.5,
        540: 8.5,
        544: 5.25,
        556: -20.0,
        776: 0.1,
        780: 0.101,
        800: ratio,
    }.items():
        struct.pack_into(">f", header, at, value)
    struct.pack_into(">ii", header, 768, frame.shape[1], frame.shape[0])
    struct.pack_into(">i", header, 784, record)
    far = (frame // (int(ratio) if ratio >= 1 else 1)) | 0x8000
    return bytes(header) + np.where(frame < 0x8000, frame, far).astype(">u2").tobytes()
