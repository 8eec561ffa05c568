"""A detector module of NeXus and its chain of transformations, as a pose.

They place the corner of the first pixel and the directions of columns and rows in the laboratory
of NeXus: z along the beam, y up, x to complete a right-handed system, so that t1 = y, t2 = -x and
t3 = z. Each link of a chain is p -> T p + offset, T a turn about ``vector`` (right-handed) or a
shift along it. Where rows or columns run against the axes of the geometry, orientation says so.

Source: NeXus manual, NXdetector_module and NXtransformations.
"""

import math
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.formats.facts import Facts
from xrdkit.calibration.formats.nexus_tree import (
    converted,
    dataset,
    is_own,
    number,
    text,
    unit,
    vector,
)
from xrdkit.calibration.formats.pose import Pose, spin_of
from xrdkit.errors import CalibrationSyntax

Array = NDArray[np.float64]
_LONGEST = 32
#: rows of the matrix from NeXus (x, y, z) to (t1, t2, t3)
_LABORATORY = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class _Step:
    turn: Array
    shift: Array


def is_module(group: Any) -> bool:
    """Return whether a group says in which directions columns and rows of a detector run."""
    return all(dataset(group, f"{name}_pixel_direction") is not None for name in ("fast", "slow"))


def module_facts(file: Any, module: Any, wavelength: float | None) -> Facts:
    """Return where the module `module` (an HDF5 group) of `file` stands.

    Raises CalibrationSyntax for a chain that does not end, leaves the file or has a link that is
    neither a turn nor a shift, for directions that are not at right angles, and for a detector that
    the beam does not meet from the front.
    """
    fast, fast_size = _direction(file, module["fast_pixel_direction"])
    slow, slow_size = _direction(file, module["slow_pixel_direction"])
    if abs(float(fast @ slow)) > 1e-6:
        raise CalibrationSyntax("rows and columns of the detector are not at right angles")
    start = dataset(module, "module_offset")
    corner = np.zeros(3)
    for step in _chain(file, module["fast_pixel_direction"] if start is None else start)[
        1 if start is None else 0 :
    ]:
        corner = step.turn @ corner + step.shift
    fast, slow, corner = _LABORATORY @ fast, _LABORATORY @ slow, _LABORATORY @ corner
    size = dataset(module, "data_size")
    rows, columns = (0, 0)
    if size is not None and size.size == 2:
        rows, columns = (int(n) for n in np.asarray(size[()]).ravel())
    shape = (rows, columns) if rows > 0 and columns > 0 else None
    orientation = _orientation(slow, fast, known=shape is not None)
    if orientation in (1, 2):
        corner, slow = corner + rows * slow_size * slow, -slow
    if orientation in (1, 4):
        corner, fast = corner + columns * fast_size * fast, -fast
    return Facts(
        pose=_pose(corner, slow, fast),
        in_pixels=False,
        wavelength=wavelength,
        pixel_size=(slow_size, fast_size),
        shape=shape,
        orientation=orientation,
    )


def _orientation(slow: Array, fast: Array, *, known: bool) -> int:
    """Return how rows and columns run, with the least turn about the beam."""
    right_handed = float(np.cross(slow, fast)[2]) > 0
    if right_handed:
        upside_down = slow[0] + fast[1] < 0
        return 1 if upside_down and known else 3
    if not known:
        raise CalibrationSyntax(
            "rows or columns run backwards, and how many there are is not known (data_size)"
        )
    return 2 if fast[1] > slow[0] else 4


def _pose(corner: Array, slow: Array, fast: Array) -> Pose:
    normal = np.cross(slow, fast)
    if normal[2] <= 0 or float(corner @ normal) <= 0:
        raise CalibrationSyntax("the beam does not meet the detector from the front")
    distance = float(corner @ normal) / float(normal[2])
    beam = np.array([0.0, 0.0, distance]) - corner
    return Pose(
        direct_distance=distance,
        center=(float(beam @ fast), float(beam @ slow)),
        slopes=(float(slow[2]), float(fast[2])),
        spin=spin_of(np.stack([slow, fast, normal], axis=1)),
    )


def _direction(file: Any, item: Any) -> tuple[Array, float]:
    """Return the direction of a pixel edge, turned by what it depends on, and its length in m."""
    length = number(item)
    along = vector(item, "vector")
    if length is None or along is None or not np.any(along):
        raise CalibrationSyntax(f"{item.name} has no length or no vector")
    along = along / np.linalg.norm(along)
    for step in _chain(file, item)[1:]:
        along = step.turn @ along
    return along, converted(length, unit(item) or "m", "m", str(item.name))


def _chain(file: Any, item: Any) -> list[_Step]:
    """Return the links from `item` to the laboratory."""
    steps = []
    while True:
        steps.append(_step(item))
        if len(steps) > _LONGEST:
            raise CalibrationSyntax(f"transformations of {item.name} do not end")
        target = text(item.attrs.get("depends_on")).strip()
        if target in ("", "."):
            return steps
        item = _follow(file if target.startswith("/") else item.parent, target)


def _follow(group: Any, path: str) -> Any:
    for name in (part for part in path.split("/") if part not in ("", ".")):
        if not isinstance(group, h5py.Group) or name not in group or not is_own(group, name):
            raise CalibrationSyntax(f"transformation {path!r} is not in the file")
        group = group[name]
    if not isinstance(group, h5py.Dataset):
        raise CalibrationSyntax(f"transformation {path!r} is not a number")
    return group


def _step(item: Any) -> _Step:
    kind = text(item.attrs.get("transformation_type"))
    value, along = number(item), vector(item, "vector")
    if value is None or along is None or kind not in ("translation", "rotation"):
        raise CalibrationSyntax(
            f"transformation {item.name} is not one number, a vector and a type"
        )
    length = float(np.linalg.norm(along))
    if length == 0.0 and value != 0.0:
        raise CalibrationSyntax(f"transformation {item.name} has no direction")
    along = along / (length or 1.0)
    stated = unit(item)
    offset = vector(item, "offset")
    shift = np.zeros(3)
    if offset is not None and np.any(offset):
        its_unit = text(item.attrs.get("offset_units")) or (
            stated if kind == "translation" else "m"
        )
        shift = offset * converted(1.0, its_unit or "m", "m", f"offset of {item.name}")
    if kind == "translation":
        moved = converted(value, stated or "m", "m", str(item.name))
        return _Step(np.eye(3), shift + moved * along)
    angle = math.radians(converted(value, stated or "degree", "degree", str(item.name)))
    cross = np.cross(np.eye(3), along)  # cross @ p is along x p
    turn = np.eye(3) + math.sin(angle) * cross + (1.0 - math.cos(angle)) * cross @ cross
    return _Step(turn, shift)
