"""The shadows of a beamstop, its holder and other things, from what is dark within rings."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from xrdkit import schema
from xrdkit.calibration.expected_rings import Rings, expected_counts, make_rings
from xrdkit.calibration.frame_stack import FrameStack
from xrdkit.calibration.neighbourhood import neighbourhoods
from xrdkit.errors import EmptyResult, SpecError
from xrdkit.geometry import Calibration
from xrdkit.masks import MaskReason, as_mask

Array = NDArray[np.float64]
#: sides of the windows that pixels are judged in, the smallest that tells first, pixel
_WINDOWS = (1, 3, 5, 9, 17, 33)
#: standard deviations from the border between dark and bright at which a window tells
_TELLS = 3.5
#: the same along the border of a shadow that is known to be there
_DRAWS = 1.5
#: share of the expected counts below which a place is opaque
_OPAQUE = 0.3
#: an arc along a ring is a shadow where it is this deep from its border, pixel
_DEEP = 6
#: share of a shadow that may lie on powder rings
_ON_RINGS = 0.7
#: half of the widest gap of a detector that a holder is followed across, pixel
_BRIDGE = 10
_ROUNDS = 3


def find_shadow(
    frames: xr.Dataset,
    calibration: Calibration,
    *,
    darker: float = 0.7,
    least_area: int = 40,
) -> xr.DataArray:
    """Return shadows on a detector, `MaskReason` bits over (y, x): BEAMSTOP and SHADOW.

    `frames` is a FRAMES Dataset whose frames are summed, read one by one, less the ``dark`` that a
    correction attached; `calibration` the geometry. `darker` is the share of the expected counts
    below which a place is in shadow, 0.3 to 0.95; `least_area` the smallest shadow, pixel.

    The expected counts are those of the ring (median over azimuth) with a smooth second harmonic,
    1 + a cos 2χ + b sin 2χ, so that polarisation and a mildly oriented sample are no shadow. Each
    pixel is judged in the smallest window around it of 1 to 33 pixels whose Poisson statistics
    tell; the border is then drawn halfway between the shadow's own transmission and 1. Where all
    rings near the beam are dark and the curve jumps up at an edge, what is within is the beamstop.
    BEAMSTOP is what lets less than 0.3 through and hangs together with the place of the beam;
    everything else is SHADOW. A shadow over more than half of a ring is taken for the ring's level.

    Raises SchemaError where `frames` is none, SpecError for settings out of range, EmptyResult
    where no frame or pixel holds data, FrameShapeMismatch where the geometry does not fit.
    """
    schema.validate(frames, schema.FRAMES)
    if not isinstance(calibration, Calibration):
        raise SpecError(f"calibration is a {type(calibration).__name__}, not a Calibration")
    if not 0.3 <= darker <= 0.95:
        raise SpecError(f"darker {darker} is outside 0.3 to 0.95")
    if least_area < 1:
        raise SpecError(f"least_area {least_area} is no number of pixels")
    stack = FrameStack(frames)
    total, valid = stack.total()
    if "dark" in frames:
        total = total - len(stack.positions) * np.asarray(frames["dark"].values, dtype=float)
    if not valid.any():
        raise EmptyResult("no pixel of the frames holds data", hint="check the mask")
    shape = (total.shape[0], total.shape[1])
    rings = make_rings(calibration, shape)
    total = _without_spikes(total, valid)
    shadow = np.zeros(shape, dtype=bool)
    edge = 0
    for _ in range(_ROUNDS):
        # Around the edge of the beamstop all rings are seen, so that it does not move outward.
        known = shadow & (rings.ring >= edge)
        bright = ~ndimage.binary_dilation(known, iterations=2) | (rings.ring < edge + 4)
        model = expected_counts(total, valid & bright, rings)
        expected, edge = model.counts, max(edge, model.edge)
        before = shadow
        shadow = _judged(total, expected, valid, darker)
        shadow = _large(shadow, valid, least_area, rings, model.peaks)
        if np.array_equal(before, shadow):
            break
    opaque, partial = _borders(total, expected, valid, shadow, least_area, darker)
    beamstop = _at_the_beam(opaque, valid, rings, edge)
    bits = np.zeros(shape, dtype=np.uint16)
    bits[(opaque | partial) & ~beamstop] = MaskReason.SHADOW
    bits[beamstop] = MaskReason.BEAMSTOP
    bits[~valid] = 0
    return as_mask(bits)


def _without_spikes(total: Array, valid: NDArray[np.bool_]) -> Array:
    """Return the counts with pixels cut that are far above their neighbours (hot, grains)."""
    second = neighbourhoods(total, valid)[3]
    top = np.nan_to_num(second, nan=0.0)
    top = top + 5 * np.sqrt(np.maximum(top, 1.0)) + 5
    return np.where(valid, np.clip(total, 0.0, top), 0.0)


def _judged(
    total: Array,
    expected: Array,
    valid: NDArray[np.bool_],
    border: float,
    *,
    smallest: int = 1,
    tells: float = _TELLS,
) -> NDArray[np.bool_]:
    """Return where fewer than `border` of the expected counts are, judged in growing windows."""
    counts = np.where(valid, total, 0.0)
    level = np.where(valid, expected, 0.0)
    dark = np.zeros(total.shape, dtype=bool)
    open_question = np.ones(total.shape, dtype=bool)
    for side in (s for s in _WINDOWS if s >= smallest):
        n = counts if side == 1 else ndimage.uniform_filter(counts, side) * side**2
        e = border * (level if side == 1 else ndimage.uniform_filter(level, side) * side**2)
        with np.errstate(invalid="ignore", divide="ignore"):
            off = (n - e) / np.sqrt(np.maximum(e, 1e-9))
        told = open_question & (np.abs(off) > tells) & (e > 0)
        dark[told] = off[told] < 0
        open_question &= ~told
    return dark & valid


def _large(
    dark: NDArray[np.bool_],
    valid: NDArray[np.bool_],
    least: int,
    rings: Rings,
    peaks: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return the connected shadows that are large, and not only parts of powder rings."""
    # Gaps of the detector do not cut a shadow in two.
    bridged = dark | (ndimage.binary_closing(dark | ~valid, iterations=1) & ~valid)
    label, number = ndimage.label(bridged, np.ones((3, 3)))
    if number == 0:
        return dark
    index = np.arange(1, number + 1)
    area = ndimage.sum_labels(dark, label, index)
    reach = (
        ndimage.maximum(rings.ring, label, index) - ndimage.minimum(rings.ring, label, index) + 1
    )
    depth = ndimage.maximum(ndimage.distance_transform_cdt(bridged), label, index)
    on_rings = ndimage.mean(peaks[rings.ring], label, index)
    # What is dark between grains of a ring is an arc: long around the beam and narrow across,
    # and next to the ring there is nothing dark.
    lengthwise = (reach >= 6) & (reach >= 0.5 * area / reach)
    keep = (area >= least) & (lengthwise | (depth >= _DEEP)) & (on_rings < _ON_RINGS)
    return dark & np.concatenate([[False], keep])[label]


def _borders(
    total: Array,
    expected: Array,
    valid: NDArray[np.bool_],
    shadow: NDArray[np.bool_],
    least: int,
    darker: float,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the opaque and the partial shadows with their borders halfway to full light."""
    opaque = _judged(total, expected, valid, _OPAQUE, smallest=3) & shadow
    opaque = ndimage.binary_opening(opaque, iterations=1)
    opaque = ndimage.binary_propagation(opaque, mask=opaque)
    rest = shadow & ~ndimage.binary_dilation(opaque, iterations=4)
    result = []
    for part, fixed in ((opaque, 0.5), (rest, 0.0)):
        drawn = np.zeros(shadow.shape, dtype=bool)
        label, number = ndimage.label(part, np.ones((3, 3)))
        for place, k in zip(ndimage.find_objects(label), range(1, number + 1), strict=True):
            mine = label[place] == k
            if mine.sum() < least:
                continue
            box = tuple(
                slice(max(0, s.start - 20), min(n, s.stop + 20))
                for s, n in zip(place, shadow.shape, strict=True)
            )
            mine = label[box] == k
            inner = ndimage.binary_erosion(mine, iterations=2)
            inner = inner if inner.sum() >= least else mine
            share = total[box][inner].sum() / max(expected[box][inner].sum(), 1e-9)
            border = max(fixed, min(0.5 * (1 + share), 0.5 * (1 + darker)))
            near = ndimage.binary_dilation(mine, iterations=4)
            again = _judged(total[box], expected[box], valid[box], border, tells=_DRAWS)
            again = ndimage.binary_closing((again & near) | inner) & near
            drawn[box] |= ndimage.binary_opening(again) | inner
        result.append(ndimage.binary_fill_holes(drawn))
    first, second = result
    return first, second & ~first


def _at_the_beam(
    opaque: NDArray[np.bool_], valid: NDArray[np.bool_], rings: Rings, edge: int
) -> NDArray[np.bool_]:
    """Return the opaque shadows that hang together with the place of the beam."""
    core = rings.ring < max(edge, 4)
    if not core.any():
        return np.zeros_like(opaque)
    stop = opaque | core if edge else opaque
    bridges = ndimage.binary_closing(np.pad(stop, _BRIDGE), iterations=_BRIDGE)
    inside = slice(_BRIDGE, -_BRIDGE)
    label, _ = ndimage.label(stop | (bridges[inside, inside] & ~valid), np.ones((3, 3)))
    touched = np.unique(label[core])
    return np.isin(label, touched[touched > 0]) & stop
