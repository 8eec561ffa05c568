"""The labelled result of fits of single peaks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import schema
from xrdkit.fitting import Verdict
from xrdkit.phase.peak_shapes import FORMS
from xrdkit.phase.peaks_data import PeakData
from xrdkit.phase.peaks_fit import FramePeaks
from xrdkit.phase.peaks_group_fit import FrameData, significances, verdicts
from xrdkit.phase.peaks_numbers import NAMES, PeakNumbers, peak_numbers
from xrdkit.phase.peaks_spec import PeakSpec
from xrdkit.uncertainty import ERRORS, OFFSET, SOURCE

Array = NDArray[np.float64]

ABSENT = "absent"
_BY_SOURCE = ("position", "area", "fwhm")
#: A frame is not worth its numbers where more than this part of its peaks are not.
_BAD_SHARE = 0.1
_STRONGEST = 3
_TEXTS = {
    "position": "position of the peak (strongest emission line)",
    "position_q": "modulus of the scattering vector of the peak",
    "position_d": "lattice spacing of the peak",
    "area": "area of the peak over all emission lines",
    "height": "height of the strongest emission line over the background",
    "fwhm": "full width at half maximum of one emission line",
    "integral_breadth": "area over height of one emission line",
    "eta": "Lorentzian part of the pseudo-Voigt",
    "exponent": "exponent m of the Pearson VII",
    "asymmetry": "width before the top less that behind it, over their sum",
    "fwhm_gauss": "FWHM of the Gaussian in the Voigt that the pseudo-Voigt stands for",
    "fwhm_lorentz": "FWHM of the Lorentzian in the Voigt that the pseudo-Voigt stands for",
}


def assemble(
    profile: xr.Dataset,
    data: PeakData,
    spec: PeakSpec,
    points: Sequence[tuple[FrameData, NDArray[np.bool_]]],
    fits: Sequence[FramePeaks | None],
    table: NDArray[np.intp],
    reasons: Sequence[str],
) -> xr.Dataset:
    """Return the peaks of all frames as one Dataset that passes `schema.PEAKS`.

    `table` (frames, tracks) tells which peak of a frame belongs to which track; `reasons` why
    frames without a fit have none.
    """
    framed = schema.FRAME in profile.dims
    lead = (schema.FRAME,) if framed else ()

    def put(values: Any, dims: tuple[str, ...], **attrs: Any) -> tuple[Any, Any, dict[str, Any]]:
        stack = np.asarray(values)
        return (lead + dims, stack if framed else stack[0], attrs)

    rows = [
        _frame_rows(fit, frame, data, spec) for fit, (frame, _) in zip(fits, points, strict=True)
    ]
    units = _units(data)
    variables: dict[str, Any] = {}

    def column(name: str, of: str, empty: float = np.nan) -> Array:
        out = np.full(table.shape, empty)
        for f, row in enumerate(rows):
            for track, k in enumerate(table[f]):
                if k >= 0:
                    out[f, track] = getattr(row[k], of)[name] if name else getattr(row[k], of)
        return out

    for name in _names(spec, data):
        variables[name] = put(
            column(name, "values"),
            ("peak",),
            units=units[name],
            long_name=_TEXTS[name],
            ancillary_variables=f"{name}_sigma",
        )
        variables[f"{name}_sigma"] = put(
            column(name, "sigmas"),
            ("peak",),
            units=units[name],
            long_name=f"standard error of {name}, scaled by the GoF",
        )
    variables["significance"] = put(
        column("", "significance"),
        ("peak",),
        units="1",
        long_name="area over its standard error at known shape",
    )
    variables["peak_gof"] = put(
        column("", "gof"),
        ("peak",),
        units="1",
        long_name="goodness of fit of the group of the peak",
    )
    variables["group"] = put(
        column("", "group", -1.0).astype(np.int32),
        ("peak",),
        units="1",
        long_name="number of the fit; peaks of one number were fitted together, -1: absent",
    )
    flags = np.full(table.shape, ABSENT, dtype="<U16")
    for f, row in enumerate(rows):
        for track, k in enumerate(table[f]):
            if k >= 0:
                flags[f, track] = str(row[k].verdict)
    variables["peak_verdict"] = put(flags, ("peak",), long_name="what the peak is worth")
    _sources(variables, put, profile, data, rows, table, units)
    _curves(variables, put, data, points, fits)
    judged = [
        _with_excess(_judge(row, fit, why), frame)
        for row, fit, why, (frame, _) in zip(rows, fits, reasons, points, strict=True)
    ]
    variables["gof"] = put(
        np.array([_gof(fit) for fit in fits]), (), units="1", long_name="goodness of fit √(χ²/dof)"
    )
    variables["search_level"] = put(
        np.array([np.nan if fit is None else fit.level for fit in fits]),
        (),
        units="1",
        long_name="significance above which a peak is one",
    )
    variables["verdict"] = put(
        np.array([str(v) for v, _ in judged]), (), long_name="what the fit is worth"
    )
    variables["verdict_reason"] = put(
        np.array([reason for _, reason in judged], dtype=str),
        (),
        long_name="what the verdict rests on",
    )
    coords: dict[str, Any] = {
        "peak": ("peak", np.arange(table.shape[1]), {"long_name": "number of the peak"}),
        data.radial: (data.radial, data.x, dict(profile[data.radial].attrs)),
    }
    for key, coordinate in profile.coords.items():
        if key not in coords and not {data.radial, OFFSET, "correction"} & set(coordinate.dims):
            coords[str(key)] = coordinate.variable
    attrs = {"schema": schema.PEAKS.name, "shape": spec.shape}
    return xr.Dataset(variables, coords=coords, attrs=attrs)


def _names(spec: PeakSpec, data: PeakData) -> list[str]:
    form = FORMS[spec.shape]
    absent = {"exponent"} if spec.shape != "pearson7" else {"eta", "fwhm_gauss", "fwhm_lorentz"}
    if not form.split:
        absent |= {"asymmetry"}
    if data.radial == "two_theta" and data.emission.wavelength is None:
        absent |= {"position_q", "position_d"}
    return [name for name in NAMES if name not in absent]


def _units(data: PeakData) -> dict[str, str]:
    radial = schema.RADIAL[data.radial]
    units = dict.fromkeys(
        ("position", "fwhm", "integral_breadth", "fwhm_gauss", "fwhm_lorentz"), radial
    )
    units |= dict.fromkeys(("eta", "exponent", "asymmetry"), "1")
    units |= {"position_q": "1/nm", "position_d": "nm", "height": data.unit}
    return units | {"area": f"{data.unit} {radial}"}


def _frame_rows(
    fit: FramePeaks | None, frame: FrameData, data: PeakData, spec: PeakSpec
) -> list[PeakNumbers]:
    rows: list[PeakNumbers] = []
    for number, group in enumerate(() if fit is None else fit.fits):
        found = significances(group, frame.sigma[group.inside]) / frame.excess
        flags = verdicts(group, frame, spec)
        for k in range(len(group.peaks)):
            rows.append(
                peak_numbers(
                    group,
                    k,
                    data,
                    spec,
                    group=number,
                    verdict=flags[k],
                    significance=float(found[k]),
                )
            )
    return rows


def _sources(
    variables: dict[str, Any],
    put: Any,
    profile: xr.Dataset,
    data: PeakData,
    rows: Sequence[Sequence[PeakNumbers]],
    table: NDArray[np.intp],
    units: dict[str, str],
) -> None:
    if ERRORS not in profile:
        return
    order = [str(name) for name in profile[SOURCE].values]
    for name in _BY_SOURCE:
        out = np.full((table.shape[0], len(order), table.shape[1]), np.nan)
        for f, row in enumerate(rows):
            model = data.errors(f)
            names = () if model is None else model.sources
            for track, k in enumerate(table[f]):
                if k < 0 or not names:
                    continue
                found = dict(zip(names, row[k].by_source[name], strict=True))
                out[f, :, track] = [float(found[source]) for source in order]
        variables[f"{name}_errors"] = put(
            out,
            (SOURCE, "peak"),
            units=units[name],
            long_name=f"error of the {name} from each source, signed where common to all points",
        )


def _curves(
    variables: dict[str, Any],
    put: Any,
    data: PeakData,
    points: Sequence[tuple[FrameData, NDArray[np.bool_]]],
    fits: Sequence[FramePeaks | None],
) -> None:
    calculated, background = np.full((2, *data.intensity.shape), np.nan)
    for f, (fit, (_, good)) in enumerate(zip(fits, points, strict=True)):
        if fit is not None:
            calculated[f, good], background[f, good] = fit.calculated, fit.background
    dims = (data.radial,)
    common = {"units": data.unit}
    variables["intensity"] = put(
        data.intensity, dims, **common, long_name="observed intensity", ancillary_variables="sigma"
    )
    text = "standard error of intensity, of the sources that scatter from point to point"
    variables["sigma"] = put(data.sigma, dims, **common, long_name=text, rule=data.rule)
    text = "calculated intensity with background, where peaks were fitted"
    variables["intensity_calculated"] = put(calculated, dims, **common, long_name=text)
    text = "background where peaks were fitted"
    variables["background"] = put(background, dims, **common, long_name=text)


def _gof(fit: FramePeaks | None) -> float:
    if fit is None or not fit.fits:
        return float("nan")
    chi2 = sum(group.outcome.chi2 for group in fit.fits)
    dof = sum(group.outcome.dof for group in fit.fits)
    return float(np.sqrt(chi2 / dof)) if dof > 0 else float("nan")


def _with_excess(judged: tuple[Verdict, str], frame: FrameData) -> tuple[Verdict, str]:
    if frame.excess == 1.0:
        return judged
    note = (
        f"points scatter {frame.excess:.2g} times more than their errors say: significances are"
        " from the scatter"
    )
    return judged[0], "; ".join(filter(None, [judged[1], note]))


def _judge(rows: Sequence[PeakNumbers], fit: FramePeaks | None, reason: str) -> tuple[Verdict, str]:
    """Return the verdict on a frame: that of its peaks, where enough or strong ones share it."""
    if fit is None:
        return Verdict.NOT_CONVERGED, reason
    if not rows:
        return Verdict.UNIDENTIFIABLE, f"no peak above a significance of {fit.level:.2f}"
    bad = [row for row in rows if row.verdict is not Verdict.OK]
    if not bad:
        return Verdict.OK, ""
    kinds = sorted({str(row.verdict) for row in bad})
    places = ", ".join(f"{row.values['position']:.4g}" for row in bad[:5])
    text = f"{len(bad)} of {len(rows)} peaks are {' or '.join(kinds)}: at {places}"
    text += ", ..." if len(bad) > 5 else ""
    strong = sorted(rows, key=lambda row: -row.significance)[:_STRONGEST]
    worst = [row.verdict for row in bad if row in strong]
    if len(bad) > _BAD_SHARE * len(rows) or worst:
        verdict = worst[0] if worst else max(bad, key=lambda row: row.significance).verdict
        return verdict, text
    return Verdict.OK, text
