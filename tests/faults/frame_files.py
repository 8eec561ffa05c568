"""Makers of small frame files, whole and damaged, from own bytes and h5py."""

import base64
import gzip
import hashlib
import io
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from fabio.compression import compByteOffset
from faults.vendor_files import (
    bruker86_bytes,
    bruker100_bytes,
    esperanto_bytes,
    ge_bytes,
    mar345_bytes,
    raxis_bytes,
)
from numpy.typing import NDArray

Stack = NDArray[Any]
_EDF_TYPES = {
    "i1": "SignedByte",
    "u1": "UnsignedByte",
    "i2": "SignedShort",
    "u2": "UnsignedShort",
    "i4": "SignedInteger",
    "u4": "UnsignedInteger",
    "i8": "Signed64",
    "u8": "Unsigned64",
    "f4": "FloatValue",
    "f8": "DoubleValue",
}
_CBF_TYPES = {"i": "signed", "u": "unsigned"}
_SMV_TYPES = {
    "u2": "unsigned short int",
    "i2": "short int",
    "u4": "unsigned long int",
    "i4": "long int",
    "f4": "float IEEE",
}
BSLZ4 = hdf5plugin.Bitshuffle(nelems=0, cname="lz4")


def stack_of(dtype: str, *, frames: int = 3, shape: tuple[int, int] = (11, 17)) -> Stack:
    """Return frames (frame, y, x) that differ in every pixel and reach the ends of the dtype."""
    kind = np.dtype(dtype)
    size = frames * shape[0] * shape[1]
    rng = np.random.default_rng(7)
    if kind.kind == "f":
        return rng.normal(100, 30, size).astype(kind).reshape(frames, *shape)
    info = np.iinfo(kind)
    values = rng.integers(max(info.min, -2), min(info.max, 2**31 - 1), size, dtype=np.int64)
    values[5::50] = info.max if info.max < 2**63 - 1 else 2**62
    return values.astype(kind).reshape(frames, *shape)


def edf_bytes(stack: Stack, *, order: str = "<", keys: Mapping[str, object] | None = None) -> bytes:
    """Return EDF with one block per frame; `keys` replace or add header keys (None removes)."""
    parts = []
    for number, frame in enumerate(stack):
        raw = frame.astype(frame.dtype.newbyteorder(order)).tobytes()
        header: dict[str, object] = {
            "HeaderID": f"EH:{number + 1:06d}:000000:000000",
            "ByteOrder": "LowByteFirst" if order == "<" else "HighByteFirst",
            "DataType": _EDF_TYPES[frame.dtype.str[1:]],
            "Dim_1": frame.shape[1],
            "Dim_2": frame.shape[0],
            "Size": len(raw),
            **(keys or {}),
        }
        text = "{\n" + "".join(f"{k} = {v} ;\n" for k, v in header.items() if v is not None)
        room = -(len(text) + 2) % 512
        parts += [(text + " " * room + "}\n").encode("latin-1"), raw]
    return b"".join(parts)


def tiff_bytes(
    stack: Stack,
    *,
    order: str = "<",
    big: bool = False,
    packing: str = "none",
    rows_per_strip: int = 0,
    tags: Mapping[int, bytes | int] | None = None,
    prefix: bytes = b"",
) -> bytes:
    """Return TIFF with one page per frame, data first and directories after them.

    `tags` adds or replaces tags: int as one LONG, bytes as ASCII. `prefix` stands between the file
    header and the first strip.
    """
    width, code, entry = (8, "Q", 20) if big else (4, "I", 12)
    out = bytearray(b"\0" * (16 if big else 8)) + prefix
    links = [8 if big else 4]
    kinds = {"u": 1, "i": 2, "f": 3}
    for frame in stack:
        rows, columns = frame.shape
        deep = rows_per_strip or rows
        offsets, sizes = [], []
        for row in range(0, rows, deep):
            strip = frame[row : row + deep].astype(frame.dtype.newbyteorder(order))
            if packing == "predictor":
                strip = np.diff(strip, axis=1, prepend=strip.dtype.type(0)).astype(strip.dtype)
            raw = strip.astype(frame.dtype.newbyteorder(order)).tobytes()
            if packing in ("deflate", "predictor"):
                raw = zlib.compress(raw)
            elif packing == "packbits":
                raw = b"".join(
                    bytes((len(raw[k : k + 128]) - 1,)) + raw[k : k + 128]
                    for k in range(0, len(raw), 128)
                )
            offsets.append(len(out))
            sizes.append(len(raw))
            out += raw
        schemes = {"none": 1, "deflate": 8, "predictor": 8, "packbits": 32773}
        fields: dict[int, Any] = {
            256: columns,
            257: rows,
            258: 8 * frame.dtype.itemsize,
            259: schemes[packing],
            262: 1,
            273: offsets,
            277: 1,
            278: deep,
            279: sizes,
            317: 2 if packing == "predictor" else 1,
            339: kinds[frame.dtype.kind],
            **(tags or {}),
        }
        entries = bytearray()
        for tag, value in sorted(fields.items()):
            if isinstance(value, bytes):
                kind, count, raw = 2, len(value) + 1, value + b"\0"
            else:
                values = value if isinstance(value, list) else [value]
                kind, count = (16 if big else 4), len(values)
                raw = struct.pack(f"{order}{count}{code}", *values)
            if len(raw) > width:
                where, raw = len(out), struct.pack(order + code, len(out))
                out += struct.pack(f"{order}{count}{code}", *values) if kind != 2 else value + b"\0"
                assert where == struct.unpack(order + code, raw)[0]
            entries += struct.pack(order + "HH" + code, tag, kind, count) + raw.ljust(width, b"\0")
        struct.pack_into(order + code, out, links[-1], len(out))
        out += struct.pack(order + ("Q" if big else "H"), len(entries) // entry) + entries
        links.append(len(out))
        out += b"\0" * width
    start = {"<": b"II", ">": b"MM"}[order]
    if big:
        out[:8] = start + struct.pack(order + "HHH", 43, 8, 0)
    else:
        out[:4] = start + struct.pack(order + "H", 42)
    return bytes(out)


def marccd_bytes(stack: Stack) -> bytes:
    """Return one MarCCD frame: TIFF with its 3072-byte header at 1024 and the data at 4096."""
    header = bytearray(3072)
    header[4:7] = b"MMX"
    for at, value in {
        640: 250_000,  # um
        644: 512_500,  # 1/1000 pixel
        648: 498_250,
        656: 2_500,  # ms
        772: 79_000,  # nm
        776: 79_500,
        908: 40_660,  # 1e-5 angstrom
    }.items():
        struct.pack_into("<i", header, at, value)
    header[1344:1359] = b"110310022013.39"
    prefix = bytes(1024 - 8) + bytes(header)
    return tiff_bytes(stack[:1], tags={34710: 1024}, prefix=prefix)


def cbf_bytes(stack: Stack, *, comment: str = "", md5: bool = True) -> bytes:
    """Return one frame as byte-offset CBF with its MD5 digest."""
    frame = stack[0]
    packed = compByteOffset(frame.astype(np.int64))
    kind = f"{_CBF_TYPES[frame.dtype.kind]} {8 * frame.dtype.itemsize}-bit integer"
    digest = base64.b64encode(hashlib.md5(packed).digest()).decode()  # noqa: S324
    lines = [
        "--CIF-BINARY-FORMAT-SECTION--",
        "Content-Type: application/octet-stream;",
        '     conversions="x-CBF_BYTE_OFFSET"',
        "Content-Transfer-Encoding: BINARY",
        f"X-Binary-Size: {len(packed)}",
        "X-Binary-ID: 1",
        f'X-Binary-Element-Type: "{kind}"',
        "X-Binary-Element-Byte-Order: LITTLE_ENDIAN",
        *([f"Content-MD5: {digest}"] if md5 else []),
        f"X-Binary-Number-of-Elements: {frame.size}",
        f"X-Binary-Size-Fastest-Dimension: {frame.shape[1]}",
        f"X-Binary-Size-Second-Dimension: {frame.shape[0]}",
        "X-Binary-Size-Padding: 128",
        "",
        "",
    ]
    head = "###CBF: VERSION 1.5\r\n\r\ndata_x\r\n\r\n_array_data.header_contents\r\n;\r\n"
    head += comment.replace("\n", "\r\n") + "\r\n;\r\n\r\n_array_data.data\r\n;\r\n"
    body = (head + "\r\n".join(lines)).encode() + b"\x0c\x1a\x04\xd5" + packed
    return body + bytes(128) + b"\r\n--CIF-BINARY-FORMAT-SECTION----\r\n;\r\n\r\n"


def smv_bytes(stack: Stack, *, keys: Mapping[str, object] | None = None) -> bytes:
    """Return one frame as SMV; `keys` replace those that describe the experiment."""
    frame = stack[0]
    text = (
        "{\nHEADER_BYTES= 1024;\nDIM=2;\nBYTE_ORDER=little_endian;\n"
        f"Data_type={_SMV_TYPES[frame.dtype.str[1:]]};\nSIZE1={frame.shape[1]};\n"
        f"SIZE2={frame.shape[0]};\n"
    )
    facts = {"PIXEL_SIZE": 0.1024, "TIME": 1.5} if keys is None else keys
    text += "".join(f"{key}={value};\n" for key, value in facts.items()) + "}\f\n"
    return text.ljust(1024).encode() + frame.tobytes()


def npy_bytes(stack: Stack) -> bytes:
    """Return a stack as .npy."""
    stream = io.BytesIO()
    np.save(stream, stack)
    return stream.getvalue()


def nexus(path: Path, stack: Stack, *, chunks: tuple[int, ...] | None = None) -> Path:
    """Write a NeXus stack with an NXdata signal."""
    with h5py.File(path, "w") as file:
        group = file.create_group("entry/data")
        file["entry"].attrs["NX_class"] = "NXentry"
        group.attrs.update({"NX_class": "NXdata", "signal": "frames"})
        packing = {"chunks": chunks or (1, *stack.shape[1:]), **BSLZ4}
        group.create_dataset("frames", data=stack, **packing)
    return path


def eiger(path: Path, stack: Stack, *, per_file: int = 2, declared: int | None = None) -> Path:
    """Write an Eiger master and its data files; return the master."""
    stem = path.name.replace("_master.h5", "")
    with h5py.File(path, "w") as master:
        group = master.create_group("entry/data")
        for number, at in enumerate(range(0, len(stack), per_file), start=1):
            name = f"{stem}_data_{number:06d}.h5"
            block = stack[at : at + per_file]
            with h5py.File(path.with_name(name), "w") as file:
                chunks = (1, *stack.shape[1:])
                file.create_dataset("entry/data/data", data=block, chunks=chunks, **BSLZ4)
            group[f"data_{number:06d}"] = h5py.ExternalLink(name, "/entry/data/data")
        head = master.create_group("entry/instrument/detector")
        special = head.create_group("detectorSpecific")
        special["nimages"] = len(stack) if declared is None else declared
        special["ntrigger"] = 1
        for name, value, unit in (
            ("photon_energy", 17712.0, "eV"),
            ("threshold_energy", 8856.0, "eV"),
            ("countrate_correction_count_cutoff", 900_000, ""),
        ):
            special[name] = value
            special[name].attrs["units"] = unit
        head["description"], head["sensor_material"] = "Dectris EIGER2 4M", "Si"
        head["detector_number"] = "E-32-0000"
        for name, value, unit in (
            ("count_time", 0.25, "s"),
            ("frame_time", 0.2501, "s"),
            ("sensor_thickness", 450e-6, "m"),
            ("detector_distance", 0.3, "m"),
            ("beam_center_x", 8.5, "pixel"),
            ("beam_center_y", 5.25, "pixel"),
            ("x_pixel_size", 75e-6, "m"),
            ("y_pixel_size", 75e-6, "m"),
        ):
            head[name] = value
            head[name].attrs["units"] = unit
        master["entry/instrument/beam/incident_wavelength"] = 0.7
        master["entry/instrument/beam/incident_wavelength"].attrs["units"] = "angstrom"
        mask = np.zeros(stack.shape[1:], dtype=np.uint32)
        mask[0, :5] = [1, 2, 8, 256, 1 << 20]
        special["pixel_mask"] = mask
    return path


def lima(path: Path, stack: Stack, *, declared: int | None = None) -> Path:
    """Write a LImA file that declares `declared` frames and holds those of `stack`."""
    with h5py.File(path, "w") as file:
        file.attrs["default"] = "/entry_0000"
        entry = file.create_group("entry_0000")
        entry.attrs.update({"NX_class": "NXentry", "default": "BM/det/plot"})
        detector = entry.create_group("BM/det")
        detector.attrs["NX_class"] = "NXdetector"
        shape = (declared or len(stack), *stack.shape[1:])
        chunks = (1, *stack.shape[1:])
        data = detector.create_dataset("data", shape, stack.dtype, chunks=chunks, **BSLZ4)
        data[: len(stack)] = stack
        detector["acquisition/exposure_time"] = 0.1
        plot = detector.create_group("plot")
        plot.attrs.update({"NX_class": "NXdata", "signal": "data"})
        plot["data"] = h5py.SoftLink("/entry_0000/BM/det/data")
    return path


def virtual(path: Path, stack: Stack, *, missing: bool = False, tiles: bool = False) -> Path:
    """Write a virtual dataset over two files beside it: by frames, or as two tiles with a gap."""
    frames, rows, _ = stack.shape
    half = rows // 2 if tiles else (frames + 1) // 2
    parts = (stack[:, :half], stack[:, half + 1 :]) if tiles else (stack[:half], stack[half:])
    layout = h5py.VirtualLayout(stack.shape, stack.dtype)
    for k, part in enumerate(parts):
        name = f"{path.stem}_part{k}.h5"
        with h5py.File(path.with_name(name), "w") as file:
            file.create_dataset("data", data=part)
        source = h5py.VirtualSource(name, "data", part.shape, part.dtype)
        if tiles:
            layout[:, (half + 1 if k else 0) : (rows if k else half), :] = source
        else:
            layout[(half if k else 0) : (frames if k else half)] = source
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("entry/data/data", layout)
    if missing:
        path.with_name(f"{path.stem}_part1.h5").unlink()
    return path


def _writes(make: Callable[..., bytes], **options: Any) -> Callable[[Path, Stack], Path]:
    def write(path: Path, stack: Stack) -> Path:
        path.write_bytes(make(stack, **options))
        return path

    return write


def _gzipped(path: Path, stack: Stack) -> Path:
    path.write_bytes(gzip.compress(edf_bytes(stack)))
    return path


_INTEGERS = ("u1", "i1", "u2", "i2", "u4", "i4")
_ALL = (*_INTEGERS, "u8", "i8", "f4", "f8")
#: format -> (writer, dtypes it stores exactly, whether it holds several frames)
FORMATS: dict[str, tuple[Callable[[Path, Stack], Path], tuple[str, ...], bool]] = {
    "edf": (_writes(edf_bytes), _ALL, True),
    "edf big-endian": (_writes(edf_bytes, order=">"), _ALL, True),
    "edf gzip": (_gzipped, _ALL, True),
    "tiff": (_writes(tiff_bytes), _ALL, True),
    "tiff strips big-endian": (_writes(tiff_bytes, order=">", rows_per_strip=4), _ALL, True),
    "bigtiff": (_writes(tiff_bytes, big=True), _ALL, True),
    "tiff deflate": (_writes(tiff_bytes, packing="deflate", rows_per_strip=3), _ALL, True),
    "tiff predictor": (_writes(tiff_bytes, packing="predictor"), _INTEGERS, True),
    "tiff packbits": (_writes(tiff_bytes, packing="packbits"), _ALL, True),
    "marccd": (_writes(marccd_bytes), ("u2", "u4"), False),
    "cbf": (_writes(cbf_bytes), _INTEGERS, False),
    "smv": (_writes(smv_bytes), tuple(_SMV_TYPES), False),
    "bruker 86": (_writes(bruker86_bytes), ("u4",), False),
    "bruker 100": (_writes(bruker100_bytes), ("i4",), False),
    "bruker 100 of 4 bytes": (_writes(bruker100_bytes, width=4), ("i4",), False),
    "ge": (_writes(ge_bytes), ("u1", "u2", "u4"), True),
    "esperanto": (_writes(esperanto_bytes), ("i4",), False),
    "esperanto packed": (_writes(esperanto_bytes, packed=True), ("i4",), False),
    "mar345": (_writes(mar345_bytes), ("u4",), False),
    "raxis": (_writes(raxis_bytes), ("u4",), False),
    "npy": (_writes(npy_bytes), _ALL, True),
    "nexus": (nexus, _ALL, True),
    "eiger": (eiger, ("u1", "u2", "u4"), True),
    "lima": (lima, _ALL, True),
    "virtual": (virtual, _ALL, True),
}
#: name that the writers expect; nothing in it tells the format, save for the Eiger master.
FILE_NAME = {"eiger": "run_master.h5"}
