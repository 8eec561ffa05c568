"""Powder patterns with known truth, for the tests of the phase fits."""

import numpy as np
import xarray as xr

import xrdkit as xk
from xrdkit.phase import Structure, embedded_structure, powder_intensity


def counted(
    two_theta: np.ndarray,
    parts: dict[str | Structure, float],
    *,
    wavelength: float,
    seed: int | None = 0,
    background: float = 200.0,
    top: float = 1e4,
    sizes: dict[str, float] | None = None,
    strain: float = 0.0,
    fwhm: float = 0.05,
    cells: dict[str, float] | None = None,
) -> xr.Dataset:
    """Return a pattern over two_theta of phases with volume fractions `parts`.

    The strongest point of the lines has `top` counts; Poisson noise unless `seed` is None. The
    profile is one integrated from frames: P = 1.
    """
    total = np.zeros(two_theta.size)
    for phase, volume in parts.items():
        structure = embedded_structure(phase) if isinstance(phase, str) else phase
        factor = (cells or {}).get(structure.name, 1.0)
        a, b, c, *angles = structure.cell
        moved = structure.with_cell((a * factor, b * factor, c * factor, *angles))
        total += volume * powder_intensity(
            moved,
            two_theta,
            wavelength=wavelength,
            size=(sizes or {}).get(structure.name),
            strain=strain,
            fwhm=fwhm,
        )
    mean = total / total.max() * top + background * (1.0 + 0.5 * np.exp(-two_theta / 20.0))
    counts = mean if seed is None else np.random.default_rng(seed).poisson(mean).astype(float)
    profile = xk.pattern(two_theta, counts, np.sqrt(mean), wavelength=wavelength)
    return integrated(profile)


def integrated(profile: xr.Dataset) -> xr.Dataset:
    """Return `profile` as if integrated from frames with all corrections."""
    return profile.assign_attrs(solid_angle_corrected=1, polarization_factor=0.99)


def stacked(profiles: list[xr.Dataset]) -> xr.Dataset:
    """Return profiles as frames of one Dataset with a temperature on the frames."""
    both = xr.concat(profiles, "frame", combine_attrs="override", join="exact")
    both = both.assign_coords(wavelength=profiles[0].wavelength)
    both = both.assign_coords(emission_weight=profiles[0].emission_weight)
    temperature = ("frame", 300.0 + np.arange(len(profiles)), {"units": "K", "long_name": "T"})
    return both.assign_coords(frame=np.arange(len(profiles)), temperature=temperature)
