"""A blank frame through the checks of every station, before any work is done."""

import numpy as np
import xarray as xr

from xrdkit.corrections import correct
from xrdkit.errors import XrdkitError
from xrdkit.frames import open_frames
from xrdkit.integration import integrate
from xrdkit.integration.normalization import COORDINATES
from xrdkit.phase.observation import observe
from xrdkit.phase.refine import resolve
from xrdkit.saxs.selection import select
from xrdkit.workflow.inputs import Inputs
from xrdkit.workflow.quality import check_reference
from xrdkit.workflow.recipe import DetectorRecipe
from xrdkit.workflow.series import Series
from xrdkit.workflow.whole_series import check_curves

#: Factors of the dose. Only their presence is looked at here: one bad value spoils one frame.
_FACTORS = tuple(name + end for name in COORDINATES.values() for end in ("", "_sigma"))


def rehearse(detector: DetectorRecipe, series: Series, inputs: Inputs) -> None:
    """Refuse settings and inputs that would fail with every frame of `series`.

    A frame of ones is corrected and integrated as `detector` says, and the profile goes through the
    checks of the fits, which are not made. Frames of another shape than most are left to fail one
    by one. Raises what `correct`, `integrate`, `refine_phases`, `fit_sizes` and `fit_model` raise,
    with the label of the detector.
    """
    try:
        if detector.quality is not None:
            check_reference(detector.quality.values, series.frames)
        frames = correct(_blank(series, inputs), inputs.corrections)
        profile = integrate(frames, inputs.calibration, inputs.spec)
        if inputs.refinement is not None:
            resolve(inputs.phases)
            observe(profile, inputs.refinement)
            check_curves(inputs, profile)
        if detector.fit_sizes is not None:
            select(profile, detector.fit_sizes.spec().range, "sizes are fitted")
        if detector.fit_model is not None:
            select(profile, detector.fit_model.spec().range, "models are fitted")
    except XrdkitError as exc:
        raise type(exc)(
            f"detector {detector.label!r}: {exc.message}", source=exc.source, hint=exc.hint
        ) from exc


def _blank(series: Series, inputs: Inputs) -> xr.Dataset:
    """Return a frame of ones with the layout and the coordinates of `series`; reads no pixel."""
    file = next(file for file in series.files if file.layout == series.layout)
    data = open_frames(file.path, reader=series.reader, stated=series.stated).isel(frame=[0])
    counts = data["counts"]
    data = data.drop_vars("counts").assign(
        counts=(counts.dims, np.ones(counts.shape, dtype=counts.dtype), counts.attrs)
    )
    for name in _FACTORS:
        known = inputs.coordinates.get(name, data.coords.get(name))
        if known is not None:
            data = data.assign_coords({name: ("frame", [1.0], known.attrs)})
    return data
