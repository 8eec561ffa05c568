"""Verbs of phase analysis beside the refinement, done again from what their steps recorded."""

from collections.abc import Callable

import xarray as xr

from xrdkit.phase import (
    CellCalibration,
    InstrumentWidths,
    RefinementSpec,
    Structure,
    absolute_fractions,
    content_from_cell,
    order_parameter,
)
from xrdkit.phase.baseline import baseline
from xrdkit.phase.identify import identify_phases
from xrdkit.phase.mesophase import index_mesophase
from xrdkit.phase.peaks import fit_peaks
from xrdkit.phase.peaks_spec import PeakSpec
from xrdkit.phase.size_strain import size_strain
from xrdkit.phase.warren_averbach import warren_averbach
from xrdkit.provenance import Step
from xrdkit.workflow.rebuilt import rebuilt


def _fit_peaks(step: Step, data: xr.Dataset) -> xr.Dataset:
    return fit_peaks(data, rebuilt(PeakSpec, step.settings["spec"], version=step.version))


def _baseline(step: Step, data: xr.Dataset) -> xr.Dataset:
    return baseline(data, method=step.settings["method"], width=step.settings["width"])


def _size_strain(step: Step, data: xr.Dataset) -> xr.Dataset:
    record = step.settings["instrument"]
    widths = None if record is None else rebuilt(InstrumentWidths, record, version=step.version)
    return size_strain(data, instrument=widths, methods=step.settings["methods"])


def _identify(step: Step, data: xr.Dataset) -> xr.Dataset:
    settings = step.settings
    return identify_phases(
        data,
        [rebuilt(Structure, s, version=step.version) for s in settings["candidates"]],
        cell_room=settings["cell_room"],
        spec=rebuilt(RefinementSpec, settings["spec"], version=step.version),
    )


def _index(step: Step, data: xr.Dataset) -> xr.Dataset:
    settings = step.settings
    return index_mesophase(data, lattices=settings["lattices"], tolerance=settings["tolerance"])


def _order(step: Step, data: xr.Dataset) -> xr.Dataset:
    return order_parameter(data, rebuilt(Structure, step.settings["alloy"], version=step.version))


def _content(step: Step, data: xr.Dataset) -> xr.Dataset:
    record = step.settings["calibration"]
    calibration = rebuilt(CellCalibration, record, version=step.version)
    return content_from_cell(data, calibration, phase=step.settings["phase"])


def absolute(step: Step, data: xr.Dataset, standard: xr.Dataset) -> xr.Dataset:
    """Do `absolute_fractions` again with the result of the `standard`."""
    return absolute_fractions(data, standard, **step.settings)


def columns(step: Step, data: xr.Dataset, standard: xr.Dataset | None) -> xr.Dataset:
    """Do `warren_averbach` again, with the peaks of a `standard` where there was one."""
    record = step.settings["instrument"]
    widths = None if record is None else rebuilt(InstrumentWidths, record, version=step.version)
    return warren_averbach(data, step.settings["orders"], instrument=widths, standard=standard)


#: Name of a step -> what does it again.
PHASE_STEPS: dict[str, Callable[[Step, xr.Dataset], xr.Dataset]] = {
    "fit_peaks": _fit_peaks,
    "baseline": _baseline,
    "size_strain": _size_strain,
    "identify_phases": _identify,
    "index_mesophase": _index,
    "order_parameter": _order,
    "content_from_cell": _content,
}
