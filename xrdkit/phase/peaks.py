"""The verb: single peaks of a profile or a series."""

import logging

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import provenance, schema
from xrdkit.phase.peaks_data import observe_peaks
from xrdkit.phase.peaks_fit import FramePeaks, fit_frame, frame_data
from xrdkit.phase.peaks_model import Peak
from xrdkit.phase.peaks_result import assemble
from xrdkit.phase.peaks_spec import PeakSpec
from xrdkit.phase.peaks_track import missing, tracks

_LOG = logging.getLogger(__name__)
_SOFTWARE = ("numpy", "scipy", "lmfit")
_FEWEST_POINTS = 12
_DEFAULT = PeakSpec()


def fit_peaks(profile: xr.Dataset, spec: PeakSpec = _DEFAULT) -> xr.Dataset:
    """Find and fit the single peaks of a profile and return `schema.PEAKS`.

    profile: `schema.PROFILE` over q (1/nm) or two_theta (degree), with or without ``frame``. Where
    it has several emission lines (``wavelength``, ``emission_weight``), each peak has them all, and
    positions are those of the strongest. spec: see `PeakSpec`.

    The result has, along ``peak`` (and ``frame``), ``position`` in the unit of the profile,
    ``position_q`` (1/nm) and ``position_d`` (nm), ``area`` over all emission lines, ``height``,
    ``fwhm``, ``integral_breadth`` (area over height), ``eta`` with the Gaussian and Lorentzian
    widths of the Voigt it stands for (or ``exponent`` of a Pearson VII), ``asymmetry`` of a split
    peak, each with ``_sigma``: full covariance with background and overlapping peaks, times the
    goodness of fit of the group; NaN where a number was not free or ended where it cannot go on
    (η at 0 or 1). ``significance``, ``peak_gof``, ``peak_verdict`` and ``group`` are per peak;
    observed and calculated curves and ``background`` (NaN where no peak is), ``gof``,
    ``search_level``, ``verdict`` and ``verdict_reason`` per frame.

    Peaks are searched in every frame (`xrdkit.phase.peaks_search` states the rate of false ones),
    fitted in groups, and searched again in the residual. In a series they are followed by position,
    by up to 0.75 FWHM from where they were last seen; a peak that frames before and after have is
    tried where it was missed. An absent peak is NaN.

    A profile that names the sources of its errors is weighted by those that scatter from point to
    point; common ones go through the fit as they are (as in `refine_phases`), and
    ``position_errors``, ``area_errors`` and ``fwhm_errors`` tell what each contributes.

    Raises CurveError for a profile that cannot be used, SpecError for a range or positions outside
    it. A frame without data or without a peak leaves NaN and says so in its verdict.
    """
    data = observe_peaks(profile, spec)
    count = len(data.intensity)
    points = [frame_data(data, f) for f in range(count)]
    fits: list[FramePeaks | None] = []
    reasons = []
    for f, (frame, _) in enumerate(points):
        if frame.x.size < _FEWEST_POINTS:
            reasons.append(f"only {frame.x.size} points with data: peaks need {_FEWEST_POINTS}")
            fits.append(None)
            _LOG.warning("frame %d: %s", f, reasons[-1])
            continue
        fits.append(fit_frame(frame, data, spec))
        reasons.append("")
    if spec.positions is not None:
        table = _by_given_position(fits, spec.positions)
    else:
        table = tracks([_peaks(fit) for fit in fits])
        lacking = missing([_peaks(fit) for fit in fits], table)
        for f, expected in enumerate(lacking):
            if expected and fits[f] is not None:
                fits[f] = fit_frame(points[f][0], data, spec, expected)
        if any(lacking):
            table = tracks([_peaks(fit) for fit in fits])
    result = assemble(profile, data, spec, points, fits, table, reasons)
    result = provenance.append(
        result,
        "fit_peaks",
        {"spec": spec, "sigma": data.rule},
        inputs=[provenance.content_sha256(profile)],
        software=_SOFTWARE,
        history=profile,
    )
    return schema.validate(result, schema.PEAKS)


def _peaks(fit: FramePeaks | None) -> list[Peak]:
    return [] if fit is None else [p for group in fit.fits for p in group.peaks]


def _by_given_position(
    fits: list[FramePeaks | None], positions: tuple[float, ...]
) -> NDArray[np.intp]:
    """Return which peak of each frame is the one asked for at each position, -1 if absent."""
    table = np.full((len(fits), len(positions)), -1, dtype=np.intp)
    for f, fit in enumerate(fits):
        for k, peak in enumerate(_peaks(fit)):
            table[f, peak.label] = k
    return table
