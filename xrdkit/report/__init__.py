"""Results to look at: one self-contained HTML page, and the figures in it for notebooks."""

from xrdkit.report.failure import Failure
from xrdkit.report.frame_figure import plot_frame
from xrdkit.report.page import write_report
from xrdkit.report.phases_figure import plot_phases
from xrdkit.report.profile_figure import plot_profile
from xrdkit.report.series_figure import plot_series
from xrdkit.report.sizes_figure import plot_sizes

__all__ = [
    "Failure",
    "plot_frame",
    "plot_phases",
    "plot_profile",
    "plot_series",
    "plot_sizes",
    "write_report",
]
