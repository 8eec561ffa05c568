"""Merging: profiles of several distances, detectors or positions of an arm to one profile."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from xrdkit import provenance, schema
from xrdkit.errors import SchemaError, SpecError
from xrdkit.profiles.expected import Counting, counting_of
from xrdkit.profiles.grid import Grid, common_bins, grid_of, rebinned, regrid, without_empty
from xrdkit.profiles.joining import joined_curve, sources_of
from xrdkit.profiles.merged import merged_dataset
from xrdkit.profiles.merged_resolution import refuse_other_smearing, with_merged_resolution
from xrdkit.profiles.overlap import Curve
from xrdkit.profiles.scales import found_scales, stated_scales
from xrdkit.profiles.stack import Stack, read_stack
from xrdkit.uncertainty import ErrorModel

Array = NDArray[np.float64]
Range = tuple[float, float]


def merge(
    profiles: Sequence[xr.Dataset],
    *,
    scale: Literal["overlap", "none"] | Sequence[float] = "overlap",
    scale_sigma: Sequence[float] | None = None,
    reference: int = 0,
    names: Sequence[str] | None = None,
    overlap: Range | None = None,
    shared: Sequence[str] = (),
    rebin: ArrayLike | None = None,
    alpha: float = 0.01,
) -> xr.Dataset:
    """Merge profiles of one sample from several detectors or positions into one profile.

    `profiles` are two or more PROFILE Datasets with errors, over the same axis, or over ``q`` and
    ``two_theta`` (which becomes q by its wavelength); each with the same number of frames, merged
    frame by frame, or none. `names` label them (``profile_0`` ...).

    `scale` brings them onto the one of number `reference`: ``"overlap"`` finds the factor where two
    overlap (inside `overlap`, in the unit of the axis), through a third where they do not;
    ``"none"`` leaves them as they are; numbers state the factors, `scale_sigma` their standard
    errors. The result has the unit of the reference. `shared` names sources of error that are one
    measurement for all profiles (the transmission of two detectors read at once): they cancel in
    the factor and stay one source.

    No data are interpolated. Bins of the same edges are combined, weighted by the variances that
    the common mean implies; all others stay as they are, in one order. With `rebin`, edges in the
    unit of the axis, each bin goes whole into the one that holds its mean position. Errors:

    * sources independent between bins stay so (``covariance`` follows where pixels were split);
    * sources common to the bins of one profile are common to its bins here, by the name
      ``<profile>/<source>``. What moves a profile in the overlap moves the factors found there too:
      the monitor of a scaled profile drops out, that of the reference moves everything;
    * ``<profile>/scale``: the error of its factor from the counts in the overlap, common to its
      bins. The part of each bin's own error in the factor (one in the number of points) is not
      followed.

    The result is a PROFILE with ``origin`` (bit k: profile k is in the bin), and over ``profile``
    (and ``frame``): ``scale``, ``scale_sigma``; ``overlap_points``, ``overlap_chi2``,
    ``overlap_dof``, ``overlap_p_value``, and ``overlap_verdict``: ``"agree"``, ``"disagree"`` where
    the shapes in the overlap differ by more than noise would in the share `alpha` of all cases, or
    ``"untested"``.

    Where the profiles tell how well they resolve q (``q_resolution``), so does the result.

    Raises SpecError for settings that do not fit, SchemaError for profiles that cannot be merged
    (no errors, other units, numbers of frames, smeared in other ways), CorrectionFailed where there
    is no overlap to scale by, or nothing above the noise in it.
    """
    labels = _names(profiles, names, reference, scale, shared)
    for profile in profiles:
        schema.validate(profile, schema.PROFILE)
    axis = _axis(profiles)
    _once_and_alike(profiles, labels)
    refuse_other_smearing(profiles, labels)
    frames = _frames(profiles)
    if scale == "none":
        _same_units(profiles)
    grids = [grid_of(p, axis) for p in profiles]
    stacks = [read_stack(p) for p in profiles]
    counting = [counting_of(s) for s in stacks]
    curves = [
        [_curve(s, g, c, f) for s, g, c in zip(stacks, grids, counting, strict=True)]
        for f in range(frames)
    ]
    if isinstance(scale, str) and scale == "overlap":
        scales = [found_scales(c, labels, reference, overlap, shared) for c in curves]
    else:
        factors, sigmas = _stated(scale, scale_sigma, len(profiles))
        scales = [stated_scales(factors, sigmas, labels)] * frames
    if rebin is None:
        bins = without_empty(common_bins(grids), [np.isfinite(s.intensity) for s in stacks])
    else:
        bins = rebinned(grids, np.asarray(rebin, dtype=np.float64))
    size = bins[0].size
    placed = [regrid(s, g, p, size) for s, g, p in zip(stacks, grids, bins[3], strict=True)]
    found = isinstance(scale, str) and scale == "overlap"
    scaled = [k for k in range(len(labels)) if scales[0][k].response or (found and k != reference)]
    sources = sources_of(stacks, labels, shared, scaled, stated=not found)
    joined = [joined_curve(placed, f, scales[f], sources, labels, shared) for f in range(frames)]
    data = merged_dataset(profiles, axis, bins[:3], joined, scales, labels, reference, alpha)
    data = with_merged_resolution(data, profiles)
    settings = {
        "scale": scale if isinstance(scale, str) else list(scale),
        "scale_sigma": None if scale_sigma is None else list(scale_sigma),
        "reference": reference,
        "names": labels,
        "overlap": overlap,
        "shared": list(shared),
        "rebin": None if rebin is None else np.asarray(rebin, dtype=float),
        "alpha": alpha,
        "others": {
            n: provenance.steps(p)
            for k, (n, p) in enumerate(zip(labels, profiles, strict=True))
            if k != reference
        },
    }
    return provenance.append(
        schema.validate(data, schema.PROFILE),
        "merge",
        settings,
        inputs=[provenance.content_sha256(p) for p in profiles],
        history=profiles[reference],
    )


def _curve(stack: Stack, grid: Grid, counting: Counting, frame: int) -> Curve:
    single = ~stack.common_bins
    band = stack.variance[frame][None] if stack.band is None else stack.band[frame]
    names = np.array(stack.sources, dtype=object)
    model = ErrorModel(
        band=band,
        common=np.nan_to_num(stack.errors[frame, ~single]),
        common_sources=tuple(names[~single].tolist()),
    )
    row = slice(frame, frame + 1)
    return Curve(
        mean=grid.mean[frame],
        low=grid.low,
        high=grid.high,
        spread=grid.spread[frame],
        intensity=stack.intensity[frame],
        model=model,
        counting=Counting(
            slope=counting.slope[row],
            measured=counting.measured[row],
            rest=counting.rest[row],
            weight=counting.weight[row],
            known=counting.known,
        ),
    )


def _names(
    profiles: Sequence[xr.Dataset],
    names: Sequence[str] | None,
    reference: int,
    scale: str | Sequence[float],
    shared: Sequence[str],
) -> list[str]:
    """Return the names of the profiles; raise SpecError where the settings do not fit them."""
    if not isinstance(profiles, list | tuple) or len(profiles) < 2:
        raise SpecError("merge takes two profiles or more", hint="average adds frames of one")
    labels = [f"profile_{k}" for k in range(len(profiles))] if names is None else list(names)
    if len(labels) != len(profiles) or len(set(labels)) != len(labels) or not all(labels):
        raise SpecError(f"{len(profiles)} profiles take as many different names, not {labels}")
    if any(any(c.isspace() or c == "/" for c in n) for n in labels):
        raise SpecError(f"names of profiles hold no blank and no '/': {labels}")
    if not 0 <= reference < len(profiles):
        raise SpecError(f"reference {reference} is none of {len(profiles)} profiles")
    if isinstance(scale, str) and scale not in ("overlap", "none"):
        raise SpecError(f"scale {scale!r} is not 'overlap', 'none' or one number for each profile")
    if isinstance(shared, str):
        raise SpecError(f"shared takes a list of sources, such as [{shared!r}]")
    return labels


def _once_and_alike(profiles: Sequence[xr.Dataset], labels: Sequence[str]) -> None:
    """Refuse one profile given twice, and profiles that were corrected in different ways."""
    digests = [provenance.content_sha256(p) for p in profiles]
    for k, digest in enumerate(digests):
        if digest in digests[:k]:
            raise SpecError(
                f"profiles {labels[digests.index(digest)]!r} and {labels[k]!r} are the same",
                hint="merging a measurement with itself would only make its errors too small",
            )
    integrated = [p.attrs for p in profiles if "solid_angle_corrected" in p.attrs]
    for name in ("solid_angle_corrected", "polarization_factor"):
        found = list(dict.fromkeys(attrs.get(name) for attrs in integrated))
        if len(found) > 1:
            raise SpecError(
                f"{name} is {' and '.join(str(value) for value in found)} in the profiles",
                hint="integrate all of them with the same corrections",
            )


def _axis(profiles: Sequence[xr.Dataset]) -> str:
    """Return the axis of the merged profile; raise SchemaError where there is none."""
    found = [schema.radial_dim(p) for p in profiles]
    if "detector_radius" in found:
        raise SchemaError(
            "radii on a detector depend on its distance and cannot be merged",
            hint="integrate over q",
        )
    if len(set(found)) > 1:
        return "q"
    if found[0] == "two_theta" and len({_wavelengths(p) for p in profiles}) > 1:
        return "q"
    return found[0]


def _wavelengths(profile: xr.Dataset) -> tuple[float, ...]:
    return tuple(profile["wavelength"].values.tolist()) if "wavelength" in profile else ()


def _frames(profiles: Sequence[xr.Dataset]) -> int:
    numbers = [p.sizes.get(schema.FRAME, 1) for p in profiles]
    if len(set(numbers)) != 1:
        raise SchemaError(
            f"profiles of {', '.join(map(str, numbers))} frames cannot be merged frame by frame",
            hint="select the frames that belong together, or average them first",
        )
    return numbers[0]


def _same_units(profiles: Sequence[xr.Dataset]) -> None:
    units = [str(p["intensity"].attrs["units"]) for p in profiles]
    if len(set(units)) > 1:
        raise SchemaError(
            f"intensities in {' and '.join(units)} cannot be merged unscaled",
            hint="scale='overlap' brings them to the unit of the reference",
        )


def _stated(
    scale: str | Sequence[float], sigma: Sequence[float] | None, number: int
) -> tuple[list[float], list[float]]:
    factors = [1.0] * number if isinstance(scale, str) else [float(v) for v in scale]
    sigmas = [0.0] * number if sigma is None else [float(v) for v in sigma]
    if len(factors) != number or len(sigmas) != number:
        raise SpecError(f"{len(factors)} factors, {len(sigmas)} errors, for {number} profiles")
    if not all(np.isfinite(f) and f > 0 for f in factors):
        raise SpecError(f"factors must be positive and finite, not {factors}")
    if not all(np.isfinite(s) and s >= 0 for s in sigmas):
        raise SpecError(f"standard errors of factors cannot be {sigmas}")
    return factors, sigmas
