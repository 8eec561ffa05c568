"""Parameters of several places: what each has for itself and what they share."""

from collections.abc import Mapping, Sequence

import numpy as np

from xrdkit.calibration.joint import Model
from xrdkit.geometry import Calibration

_ALONE, _TILTED = (0, 1, 2), (0, 1, 2, 3, 4)


def several_model(
    *,
    calibrations: Mapping[str, Calibration],
    place: Sequence[str],
    detector: Mapping[str, str],
    translation: Mapping[str, float | None],
    tilted: set[str],
    refine_wavelength: bool,
    common_rotations: bool,
    translation_sigma: float,
) -> Model:
    """Return the model of `calibrations`, by place, to start from.

    Every place has a beam centre ``y``, ``x`` and a direct distance of its own, except that the
    distance is ``stage`` + reading where its `translation` is exact; where that has an error the
    distances are drawn to it. ``rot1`` and ``rot2`` are free at places `tilted`, or for a detector
    that has one, and otherwise held. `place` is that of each view.
    """
    places = list(calibrations)
    read = {p: z for p, z in translation.items() if z is not None}
    # One reading of a detector says nothing about distances.
    count = {d: sum(detector[p] == d for p in read) for d in detector.values()}
    read = {p: z for p, z in read.items() if count[detector[p]] > 1}
    exact = translation_sigma == 0.0
    owner = {p: detector[p] if common_rotations else p for p in places}
    free = {owner[p] for p in tilted}

    start: dict[str, list[float]] = {}
    uses: list[list[tuple[int, str]]] = []
    offset = np.zeros((len(places), 6))
    prior: list[tuple[str, str, float]] = []
    for k, name in enumerate(places):
        at = calibrations[name]
        x, y = at.beam_center
        own = [(1, f"y {name}", y * at.detector.pixel_size_y)]
        own.append((2, f"x {name}", x * at.detector.pixel_size_x))
        stage = f"stage {detector[name]}"
        if name in read and exact:
            own.append((0, stage, at.direct_distance - read[name]))
            offset[k, 0] = read[name]
        else:
            own.append((0, f"distance {name}", at.direct_distance))
            if name in read:
                start.setdefault(stage, []).append(at.direct_distance - read[name])
                prior.append((f"distance {name}", stage, read[name]))
        for index, rotation in ((3, at.rot1), (4, at.rot2)):
            if owner[name] in free:
                own.append((index, f"rot{index - 2} {owner[name]}", rotation))
            else:
                offset[k, index] = rotation
        if refine_wavelength:
            own.append((5, "wavelength", at.wavelength))
        else:
            offset[k, 5] = at.wavelength
        for _, parameter, value in own:
            start.setdefault(parameter, []).append(value)
        uses.append([(index, parameter) for index, parameter, _ in own])

    names = sorted(start, key=lambda parameter: parameter == "wavelength")
    column = {parameter: k for k, parameter in enumerate(names)}
    matrix = np.zeros((len(places), 6, len(names)))
    for k, pairs in enumerate(uses):
        for index, parameter in pairs:
            matrix[k, index, column[parameter]] = 1.0
    rows = np.zeros((len(prior), len(names)))
    for k, (distance, stage, _) in enumerate(prior):
        rows[k, column[distance]], rows[k, column[stage]] = 1.0, -1.0
    known = np.array([z for _, _, z in prior], dtype=np.float64)
    weight = 1.0 if exact else 1.0 / translation_sigma
    return Model(
        names=tuple(names),
        start=np.array([np.mean(start[parameter]) for parameter in names]),
        matrix=matrix,
        offset=offset,
        direct=True,
        place=tuple(places.index(p) for p in place),
        own=tuple(_TILTED if owner[p] in free else _ALONE for p in places),
        prior=rows * weight,
        known=known * weight,
    )
