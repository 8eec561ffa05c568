"""Results to look at: one self-contained HTML page, and the figures in it for notebooks.

Figures are imported when they are asked for: the numbers of this package need no matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xrdkit.report.failure import Failure
    from xrdkit.report.frame_figure import plot_frame
    from xrdkit.report.methods_figure import plot_size_methods
    from xrdkit.report.model_figure import plot_model
    from xrdkit.report.orientation_figure import plot_orientation
    from xrdkit.report.page import write_report
    from xrdkit.report.peaks_figure import plot_peaks
    from xrdkit.report.phase_series_figure import plot_phase_series
    from xrdkit.report.phases_figure import plot_phases
    from xrdkit.report.profile_figure import plot_profile
    from xrdkit.report.series_figure import plot_series
    from xrdkit.report.sizes_figure import plot_sizes
    from xrdkit.report.sizes_series_figure import plot_size_series

_WHERE = {
    "Failure": "xrdkit.report.failure",
    "plot_frame": "xrdkit.report.frame_figure",
    "plot_model": "xrdkit.report.model_figure",
    "plot_orientation": "xrdkit.report.orientation_figure",
    "plot_peaks": "xrdkit.report.peaks_figure",
    "plot_phase_series": "xrdkit.report.phase_series_figure",
    "plot_phases": "xrdkit.report.phases_figure",
    "plot_profile": "xrdkit.report.profile_figure",
    "plot_series": "xrdkit.report.series_figure",
    "plot_size_methods": "xrdkit.report.methods_figure",
    "plot_size_series": "xrdkit.report.sizes_series_figure",
    "plot_sizes": "xrdkit.report.sizes_figure",
    "write_report": "xrdkit.report.page",
}

__all__ = [
    "Failure",
    "plot_frame",
    "plot_model",
    "plot_orientation",
    "plot_peaks",
    "plot_phase_series",
    "plot_phases",
    "plot_profile",
    "plot_series",
    "plot_size_methods",
    "plot_size_series",
    "plot_sizes",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'xrdkit.report' has no attribute {name!r}")
    value = getattr(import_module(_WHERE[name]), name)
    globals()[name] = value
    return value
