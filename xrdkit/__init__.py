"""xrdkit: X-ray detector frames to phases and size distributions, as labelled Datasets.

The public verbs and types are attributes of this package; each is imported on first use, so that
``import xrdkit`` itself loads nothing heavy.
"""

from importlib import import_module
from typing import Any

_WHERE = {
    # frames in
    "open_frames": "xrdkit.frames",
    "compare_headers": "xrdkit.frames.compare",
    "HeaderTolerance": "xrdkit.frames.contradiction",
    "Limits": "xrdkit.limits",
    "MaskReason": "xrdkit.masks",
    # curves in
    "profile": "xrdkit.curves",
    "pattern": "xrdkit.curves",
    "read_profile": "xrdkit.curves",
    "read_profiles": "xrdkit.curves",
    "join_profiles": "xrdkit.curves",
    # geometry
    "Calibration": "xrdkit.geometry",
    "Detector": "xrdkit.geometry",
    "calibrate": "xrdkit.calibration",
    "CalibrationResult": "xrdkit.calibration",
    "calibrate_several": "xrdkit.calibration",
    "calibrate_goniometer": "xrdkit.calibration",
    "compare_calibrations": "xrdkit.calibration",
    "load_calibration": "xrdkit.calibration",
    "save_calibration": "xrdkit.calibration",
    "find_orientation": "xrdkit.calibration",
    "load_mask": "xrdkit.calibration",
    "save_mask": "xrdkit.calibration",
    "with_mask": "xrdkit.calibration",
    "find_bad_pixels": "xrdkit.calibration",
    "find_shadow": "xrdkit.calibration",
    "instrument_resolution": "xrdkit.calibration",
    "write_calibration": "xrdkit.workflow.write_calibration",
    "nearest_calibration": "xrdkit.workflow.calibrations",
    "combine_masks": "xrdkit.masks",
    "count_reasons": "xrdkit.masks",
    "describe_mask": "xrdkit.masks",
    # reduction
    "integrate": "xrdkit.integration",
    "cake": "xrdkit.integration",
    "IntegrationSpec": "xrdkit.integration",
    "Normalization": "xrdkit.integration",
    "error_model": "xrdkit.uncertainty",
    "correct": "xrdkit.corrections",
    "absolute_scale": "xrdkit.corrections",
    "transmission": "xrdkit.corrections",
    "average": "xrdkit.profiles",
    "merge": "xrdkit.profiles",
    "frame_quality": "xrdkit.profiles",
    "OutlierSpec": "xrdkit.integration.outlier_spec",
    "counting_interval": "xrdkit.profiles",
    "texture": "xrdkit.profiles",
    "orientation": "xrdkit.profiles",
    "OrientationSpec": "xrdkit.profiles",
    "grazing_map": "xrdkit.integration.grazing",
    "grazing_cut": "xrdkit.integration.grazing",
    "GrazingSpec": "xrdkit.integration.grazing_spec",
    # fits
    "refine_phases": "xrdkit.phase",
    "absolute_fractions": "xrdkit.phase",
    "unit_cell": "xrdkit.phase",
    "identify_phases": "xrdkit.phase.identify",
    "Absorption": "xrdkit.phase",
    "InstrumentWidths": "xrdkit.phase",
    "ParameterSpec": "xrdkit.phase",
    "ParametricTie": "xrdkit.phase",
    "PhaseSpec": "xrdkit.phase",
    "RefinementSpec": "xrdkit.phase",
    "Roughness": "xrdkit.phase",
    "fit_peaks": "xrdkit.phase.peaks",
    "PeakSpec": "xrdkit.phase.peaks_spec",
    "size_strain": "xrdkit.phase.size_strain",
    "warren_averbach": "xrdkit.phase.warren_averbach",
    "index_mesophase": "xrdkit.phase.mesophase",
    "baseline": "xrdkit.phase.baseline",
    "Structure": "xrdkit.phase",
    "load_structure": "xrdkit.phase",
    "embedded_structure": "xrdkit.phase",
    "embedded_names": "xrdkit.phase",
    "fit_sizes": "xrdkit.saxs",
    "SizeSpec": "xrdkit.saxs",
    "compare_size_methods": "xrdkit.saxs.method_spread",
    "sample_sizes": "xrdkit.saxs.posterior",
    "PosteriorSpec": "xrdkit.saxs.posterior",
    "fit_model": "xrdkit.saxs.models",
    "ModelSpec": "xrdkit.saxs.models",
    "compare_sizes": "xrdkit.report.compare_sizes",
    "guinier": "xrdkit.saxs.guinier",
    "GuinierSpec": "xrdkit.saxs.guinier_spec",
    "porod": "xrdkit.saxs.porod",
    "PorodSpec": "xrdkit.saxs.porod",
    "invariant": "xrdkit.saxs.invariant",
    "InvariantSpec": "xrdkit.saxs.invariant",
    "kratky": "xrdkit.saxs.kratky",
    "KratkySpec": "xrdkit.saxs.kratky",
    "pair_distances": "xrdkit.saxs.distances",
    "DistanceSpec": "xrdkit.saxs.distances",
    "correlation_function": "xrdkit.saxs.correlation",
    "CorrelationSpec": "xrdkit.saxs.correlation",
    "desmear": "xrdkit.saxs",
    "SmearingSpec": "xrdkit.saxs",
    "with_resolution": "xrdkit.saxs",
    "smooth_trend": "xrdkit.saxs",
    # results
    "plot_sizes": "xrdkit.report",
    "plot_size_series": "xrdkit.report",
    "plot_size_methods": "xrdkit.report",
    "plot_model": "xrdkit.report",
    "plot_orientation": "xrdkit.report",
    "save": "xrdkit.store",
    "load": "xrdkit.store",
    "StoredResult": "xrdkit.store",
    "Recipe": "xrdkit.workflow",
    "load_recipe": "xrdkit.workflow",
    "run": "xrdkit.workflow",
    "replay": "xrdkit.workflow.replay",
    "Replay": "xrdkit.workflow.replay",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'xrdkit' has no attribute {name!r}")
    value = getattr(import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
