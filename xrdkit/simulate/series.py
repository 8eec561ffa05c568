"""A Pt/C fuel-cell catalyst under a potential hold, seen by two detectors."""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr

from xrdkit.calibration import save_calibration
from xrdkit.errors import SpecError, XrdkitError
from xrdkit.files import store_error
from xrdkit.simulate.calibrant import expose_calibrant
from xrdkit.simulate.expose import Exposure, expected_counts, expose
from xrdkit.simulate.frames import Frame, write_edf, write_eiger, write_mask
from xrdkit.simulate.instrument import VirtualInstrument
from xrdkit.simulate.presets import virtual_saxs, virtual_waxs
from xrdkit.simulate.samples import Sample, pt_on_carbon
from xrdkit.simulate.truth import truth_dataset, write_toml, write_truth


@dataclass(frozen=True, kw_only=True)
class PotentialHold:
    """How the catalyst ages: at rest, then held at a potential that coarsens the particles."""

    frames: int = 24
    """Frames of each detector, at least 2."""
    resting_frames: int = 3
    """Frames before the hold begins."""
    interval: float = 600.0
    """Time between frames, s."""
    rest: float = 0.6
    """Cell potential before the hold, V."""
    hold: float = 1.4
    """Cell potential of the hold, V."""
    first_diameter: float = 3.0
    """Number-median diameter of the particles at first, nm."""
    last_diameter: float = 5.0
    """Number-median diameter in the last frame, nm."""
    width: float = 0.25
    """Standard deviation of ln D, all along."""
    loading: float = 0.3
    """Mass of Pt over mass of Pt and carbon at first."""
    dissolved: float = 0.1
    """Share of the Pt that is gone by the last frame."""

    def __post_init__(self) -> None:
        if not 0 <= self.resting_frames < self.frames - 1:
            raise SpecError(f"{self.resting_frames} resting of {self.frames} frames leave no hold")
        if not 0 <= self.dissolved < 1:
            raise SpecError(f"dissolved {self.dissolved} is outside 0 to 1")
        if not (self.interval > 0 and self.first_diameter > 0 and self.last_diameter > 0):
            raise SpecError("interval and diameters must be positive")

    def progress(self, frame: int) -> float:
        """Return how far the hold has gone in a frame, 0 to 1."""
        held = frame - self.resting_frames + 1
        return max(0.0, held / (self.frames - self.resting_frames))

    def sample(self, frame: int) -> Sample:
        """Return the sample in a frame: D³ and the dissolved share grow in proportion to time.

        The cubic law is that of Ostwald ripening (Lifshitz & Slyozov 1961, Wagner 1961).
        """
        progress = self.progress(frame)
        first, last = self.first_diameter**3, self.last_diameter**3
        platinum = self.loading * (1.0 - self.dissolved * progress)
        return pt_on_carbon(
            median_diameter=float(np.cbrt(first + (last - first) * progress)),
            width=self.width,
            loading=platinum / (platinum + 1.0 - self.loading),
        )

    def time(self) -> list[float]:
        """Return the time of each frame, s."""
        return [self.interval * k for k in range(self.frames)]

    def cell_potential(self) -> list[float]:
        """Return the cell potential of each frame, V."""
        return [self.rest if self.progress(k) == 0.0 else self.hold for k in range(self.frames)]

    def flux(self, frame: int) -> float:
        """Return the light of a frame relative to full: the ring decays by 2 % between fillings."""
        return 1.0 - 0.02 * ((0.37 * frame) % 1.0)


@dataclass(frozen=True, kw_only=True)
class SimulatedSeries:
    """Where a simulated series lies."""

    folder: Path
    """Folder of everything; the others lie in it."""
    saxs_frames: tuple[Path, ...]
    """EDF frames of the SAXS detector, in order."""
    waxs_frames: Path
    """Eiger master file of the WAXS detector."""
    conditions: Path
    """CSV table with one row per frame."""
    truth: Path
    """netCDF file of the truth per frame; ``truth.toml`` beside it holds the settings."""


#: What both detectors count in: the same beam through the same sample.
EXPOSURE = Exposure(flux=1e12, time=0.2, thickness=1e-3, transmission=0.9)
#: Photons per count of the monitor before the sample.
_PHOTONS_PER_MONITOR = 1e5


def simulate_series(
    folder: str | Path,
    *,
    hold: PotentialHold | None = None,
    coarse: int = 1,
    seed: int = 2025,
) -> SimulatedSeries:
    """Write the frames, geometry, masks, conditions and truth of a potential hold; return where.

    In `folder`: ``saxs/frame_0000.edf`` ..., ``waxs/series_master.h5`` with its data file; in both
    folders ``geometry.poni`` (the true one), ``mask.edf`` (1 where pixels are left out) and
    ``calibrant.edf`` (AgBh, LaB6); ``conditions.csv`` with time (s), cell_potential (V) and
    monitor (count) of each frame; ``truth.nc`` and ``truth.toml``.

    `hold` describes the ageing (default: `PotentialHold()`); `coarse` joins pixels for quick looks;
    the same seed gives the same files. Existing files of these names are replaced.
    Raises StoreFull where no space is left, StoreError where the folder cannot be written.
    """
    try:
        return _write_series(Path(folder), hold or PotentialHold(), coarse=coarse, seed=seed)
    except XrdkitError:
        raise
    except OSError as exc:
        raise store_error(exc, folder, "frames cannot be written") from exc


def _write_series(root: Path, plan: PotentialHold, *, coarse: int, seed: int) -> SimulatedSeries:
    saxs, waxs = virtual_saxs(coarse=coarse), virtual_waxs(coarse=coarse)
    samples = [plan.sample(k) for k in range(plan.frames)]
    seeds = np.random.SeedSequence(seed).spawn(2)
    monitor = [
        round(EXPOSURE.flux * EXPOSURE.time * plan.flux(k) / _PHOTONS_PER_MONITOR)
        for k in range(plan.frames)
    ]
    for name, instrument, ring in (("saxs", saxs, "AgBh"), ("waxs", waxs, "LaB6")):
        _write_instrument(root / name, instrument, ring, seed=seed)
    saxs_frames = tuple(
        write_edf(
            root / "saxs" / f"frame_{k:04d}.edf",
            frame,
            saxs,
            EXPOSURE,
            start=_clock(plan.time()[k]),
            monitor=monitor[k],
        )
        for k, frame in enumerate(_frames(saxs, samples, plan, seeds[0]))
    )
    master = write_eiger(
        root / "waxs" / "series_master.h5",
        _frames(waxs, samples, plan, seeds[1]),
        waxs,
        EXPOSURE,
    )
    truth = truth_dataset(samples, time=plan.time(), cell_potential=plan.cell_potential())
    write_toml(
        root / "truth.toml",
        {
            "hold": plan,
            "exposure": EXPOSURE,
            "sample": {
                "seed": seed,
                "contrast": samples[0].spheres[0].contrast,
                "porod": samples[0].porod,
                "flat": samples[0].flat,
                "line_width": samples[0].line_width,
            },
            "saxs": _facts(saxs),
            "waxs": _facts(waxs),
        },
    )
    return SimulatedSeries(
        folder=root,
        saxs_frames=saxs_frames,
        waxs_frames=master,
        conditions=_write_conditions(root / "conditions.csv", truth, monitor),
        truth=write_truth(root / "truth.nc", truth),
    )


def _frames(
    instrument: VirtualInstrument,
    samples: list[Sample],
    plan: PotentialHold,
    seed: np.random.SeedSequence,
) -> Iterator[Frame]:
    for k, (sample, own) in enumerate(zip(samples, seed.spawn(len(samples)), strict=True)):
        light = replace(EXPOSURE, flux=EXPOSURE.flux * plan.flux(k))
        yield expose(instrument, expected_counts(instrument, sample, light), seed=own)


def _write_instrument(
    folder: Path, instrument: VirtualInstrument, calibrant: str, *, seed: int
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_calibration(instrument.calibration, folder / "geometry.poni")
    write_mask(folder / "mask.edf", instrument.mask())
    extent = float(instrument.calibration.radial(instrument.shape, "two_theta").max())
    frame = expose_calibrant(
        instrument, calibrant, fwhm=4e-3 * extent, decay=0.4 * extent, seed=seed
    )
    light = replace(EXPOSURE, flux=1e10)
    write_edf(folder / "calibrant.edf", frame, instrument, light)


def _write_conditions(path: Path, truth: xr.Dataset, monitor: list[int]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["time (s)", "cell_potential (V)", "monitor (count)"])
        columns = (truth["time"], truth["cell_potential"], monitor)
        for row in zip(*(np.asarray(c).tolist() for c in columns), strict=True):
            table.writerow(row)
    return path


def _facts(instrument: VirtualInstrument) -> dict[str, object]:
    calibration = instrument.calibration
    return {
        "direct_distance": calibration.direct_distance,
        "beam_center": calibration.center_on_frame(),
        "tilt": calibration.tilt,
        "wavelength": calibration.wavelength,
        "shape": instrument.shape,
        "polarization": instrument.polarization,
        "background": instrument.background,
        # From counts / (monitor transmission thickness) to 1/cm.
        "absolute_scale": 1.0 / (_PHOTONS_PER_MONITOR * instrument.pixel_solid_angle),
    }


def _clock(seconds: float) -> str:
    hours, rest = divmod(math.floor(seconds), 3600)
    days, hours = divmod(hours, 24)
    minutes, seconds = divmod(rest, 60)
    return f"2025-01-{1 + days:02d}T{hours:02d}:{minutes:02d}:{seconds:02d}"
