"""pyFAI's JSON files of goniometers, versions 1.1 and 2: written, and read where linear.

The file names parameters and motors and gives one formula per parameter of the geometry (dist,
poni1, poni2, rot1, rot2, rot3; m, rad) in them; the wavelength is in metre.
"""

import ast
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xrdkit.atomic import write_file
from xrdkit.calibration.goniometer import MOVABLE, Goniometer, Motion
from xrdkit.calibration.named import detector_config, named_detector
from xrdkit.calibration.text import read_text
from xrdkit.canonical import plain
from xrdkit.errors import CalibrationError, CalibrationSyntax, SpecError

VERSIONS = ("Goniometer calibration v1.1", "Goniometer calibration v2")
_CONTENTS = ("GeometryTransformation", "GeometryTranslation")
_LONGEST = 300
_METRE = 1e-10
#: a number and its slope in each motor
_Linear = tuple[float, dict[str, float]]


def save_goniometer(goniometer: Goniometer, path: str | Path) -> Path:
    """Write `goniometer` as a JSON file that pyFAI reads (version 2) and return its path.

    The covariance goes along under a key of its own, which pyFAI reads past. The file is replaced
    in one step. Raises StoreFull, LinkRefused or StoreError where it cannot be written.
    """
    target = Path(path)
    name, config = detector_config(goniometer.detector)
    values: dict[str, float] = {}
    formulas: dict[str, str] = {}
    for parameter, offset in zip(MOVABLE, goniometer.offsets, strict=True):
        short = "dist" if parameter == "distance" else parameter
        values[f"{short}_offset"] = offset
        terms = [f"{short}_offset"]
        for motion in goniometer.motions:
            if motion.parameter == parameter:
                values[f"{short}_per_{motion.motor}"] = motion.scale
                terms.append(f"{short}_per_{motion.motor} * {motion.motor}")
        formulas[f"{short}_expr"] = " + ".join(terms)
    names, motors = list(values), list(goniometer.motors) or ["pos"]
    table = {
        "content": VERSIONS[-1],
        "detector": name,
        "detector_config": json.loads(config),
        "wavelength": goniometer.wavelength * _METRE,
        "param": list(values.values()),
        "param_names": names,
        "pos_names": motors,
        "trans_function": {
            "content": _CONTENTS[0],
            "param_names": names,
            "pos_names": motors,
            **formulas,
            "constants": {"pi": math.pi},
        },
        "xrdkit_covariance": plain(_as_read(goniometer)),
    }
    write_file(target, (json.dumps(table, indent=2) + "\n").encode(), overwrite=True)
    return target


def load_goniometer(path: str | Path) -> Goniometer:
    """Return the goniometer in a JSON file of pyFAI whose formulas are linear in the motors.

    Formulas are taken apart, never run: numbers, names, + - * / and brackets. Raises
    CalibrationSyntax, naming the file, where it is not such a file, and CalibrationImplausible for
    a detector that cannot be.
    """
    try:
        return _goniometer(json.loads(read_text(path)))
    except (CalibrationError, SpecError) as exc:
        kind = type(exc) if isinstance(exc, CalibrationError) else CalibrationSyntax
        raise kind(exc.message, source=path, hint=exc.hint) from exc
    except (ValueError, RecursionError) as exc:
        raise CalibrationSyntax(f"is not JSON: {exc}", source=path) from exc


def _as_read(goniometer: Goniometer) -> list[list[float]] | None:
    """Return the covariance with the motions in the order in which the formulas are read."""
    if goniometer.covariance is None:
        return None
    order = [MOVABLE.index(motion.parameter) for motion in goniometer.motions]
    scales = 5 + np.argsort(order, kind="stable")
    index = [*range(5), *scales.tolist(), 5 + len(order)]
    return np.asarray(goniometer.covariance, dtype=np.float64)[np.ix_(index, index)].tolist()


def _goniometer(table: Any) -> Goniometer:
    if not isinstance(table, dict) or table.get("content") not in VERSIONS:
        raise CalibrationSyntax(f"is not a goniometer of pyFAI: {', '.join(VERSIONS)}")
    change = _part(table, "trans_function", dict)
    if change.get("content", _CONTENTS[0]) not in _CONTENTS:
        raise CalibrationSyntax(f"trans_function is {change['content']!r}, not {_CONTENTS[0]}")
    names, values = _part(change, "param_names", list), _part(table, "param", list)
    if len(names) != len(values):
        raise CalibrationSyntax(f"{len(names)} param_names, and {len(values)} values in param")
    motors = [str(name) for name in change.get("pos_names") or ["pos"]]
    known = {"pi": math.pi, **(change.get("constants") or {})}
    known.update(zip(map(str, names), values, strict=True))
    numbers = {name: _number(name, value) for name, value in known.items() if name not in motors}
    offsets, motions = [], []
    for parameter in MOVABLE:
        key = f"{'dist' if parameter == 'distance' else parameter}_expr"
        formula = str(_part(change, key, (str, int, float)))
        offset, slopes = _linear(formula, numbers, motors, key)
        offsets.append(offset)
        # A motor that is named counts, whatever its scale: the covariance has a row for it.
        motions += [Motion(parameter=parameter, motor=m, scale=s) for m, s in slopes.items()]
    config = table.get("detector_config")
    if config is None:
        config = {key: table[key] for key in ("pixel1", "pixel2", "max_shape") if key in table}
    if not isinstance(config, dict):
        raise CalibrationSyntax("detector_config is not an object")
    return Goniometer(
        offsets=tuple(offsets),
        motions=tuple(motions),
        wavelength=float(f"{_number('wavelength', table.get('wavelength')) / _METRE:.15g}"),
        detector=named_detector(str(_part(table, "detector", str)), config),
        covariance=_covariance(table.get("xrdkit_covariance")),
    )


def _part(table: Mapping[str, Any], key: str, kind: type | tuple[type, ...]) -> Any:
    found = table.get(key)
    if not isinstance(found, kind) or isinstance(found, bool):
        raise CalibrationSyntax(f"{key} is missing or not what it should be")
    return found


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise CalibrationSyntax(f"{name} is {value!r}, not a number")
    return float(value)


def _covariance(table: Any) -> tuple[tuple[float, ...], ...] | None:
    if table is None:
        return None
    try:
        matrix = np.array(table, dtype=np.float64)
    except (ValueError, TypeError) as exc:
        raise CalibrationSyntax("xrdkit_covariance is not a table of numbers") from exc
    if matrix.ndim != 2 or not np.all(np.isfinite(matrix)):
        raise CalibrationSyntax("xrdkit_covariance is not a table of finite numbers")
    return tuple(tuple(row) for row in matrix.tolist())


def _linear(formula: str, numbers: Mapping[str, float], motors: list[str], key: str) -> _Linear:
    """Return the constant and the slopes of a formula that is linear in the motors."""
    if len(formula) > _LONGEST:
        raise CalibrationSyntax(f"{key} is longer than {_LONGEST} characters")
    try:
        tree = ast.parse(formula.strip(), mode="eval").body
        constant, slopes = _walk(tree, numbers, motors)
    except (SyntaxError, RecursionError, MemoryError, ZeroDivisionError, OverflowError) as exc:
        raise CalibrationSyntax(f"{key}: {formula!r} is not a formula") from exc
    except SpecError as exc:
        raise CalibrationSyntax(
            f"{key}: {formula!r}: {exc.message}",
            hint="only formulas that are linear in the motors are read",
        ) from exc
    if not all(math.isfinite(number) for number in (constant, *slopes.values())):
        raise CalibrationSyntax(f"{key}: {formula!r} is not finite")
    return constant, slopes


def _walk(node: ast.expr, numbers: Mapping[str, float], motors: list[str]) -> _Linear:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value), {}
    if isinstance(node, ast.Name):
        if node.id in motors:
            return 0.0, {node.id: 1.0}
        if node.id not in numbers:
            raise SpecError(f"{node.id!r} has no value")
        return numbers[node.id], {}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        sign = -1.0 if isinstance(node.op, ast.USub) else 1.0
        return _times(_walk(node.operand, numbers, motors), sign)
    if isinstance(node, ast.BinOp):
        left, right = (_walk(side, numbers, motors) for side in (node.left, node.right))
        if isinstance(node.op, ast.Add | ast.Sub):
            added = _times(right, 1.0 if isinstance(node.op, ast.Add) else -1.0)
            both = {m: left[1].get(m, 0.0) + added[1].get(m, 0.0) for m in {**left[1], **added[1]}}
            return left[0] + added[0], both
        if isinstance(node.op, ast.Mult) and not (left[1] and right[1]):
            return _times(left, right[0]) if not right[1] else _times(right, left[0])
        if isinstance(node.op, ast.Div) and not right[1]:
            return _times(left, 1.0 / right[0])
    raise SpecError("is not linear in the motors, or holds more than + - * /")


def _times(linear: _Linear, factor: float) -> _Linear:
    return linear[0] * factor, {name: slope * factor for name, slope in linear[1].items()}
