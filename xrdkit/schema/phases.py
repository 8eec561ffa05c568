"""Schemas of phases, peaks and what follows from them."""

from xrdkit.schema.fields import OPTIONAL_FRAME, RADIAL_FIELD, SIGNAL_UNITS, Schema, value

PHASE = (OPTIONAL_FRAME, "phase")
PHASES = Schema(
    name="xrdkit/phases/1",
    fields={
        "weight_fraction": value(*PHASE, units="1"),
        "weight_fraction_sigma": value(*PHASE, units="1"),
        "lattice": value(*PHASE, "lattice_parameter", units="nm"),
        "lattice_sigma": value(*PHASE, "lattice_parameter", units="nm"),
        "crystallite_size": value(*PHASE, units="nm"),
        "crystallite_size_sigma": value(*PHASE, units="nm"),
        "strain": value(*PHASE, units="1", required=False),
        "strain_sigma": value(*PHASE, units="1", required=False),
        "intensity": value(*RADIAL_FIELD, units=SIGNAL_UNITS),
        "intensity_calculated": value(*RADIAL_FIELD, units=SIGNAL_UNITS),
        "background": value(*RADIAL_FIELD, units=SIGNAL_UNITS),
        "rwp": value(OPTIONAL_FRAME, units="1"),
        "gof": value(OPTIONAL_FRAME, units="1"),
        "verdict": value(OPTIONAL_FRAME),
    },
)
_PEAK = (OPTIONAL_FRAME, "peak")
PEAKS = Schema(
    name="xrdkit/peaks/1",
    fields={
        **{
            name + suffix: value(*_PEAK, units=unit)
            for name, unit in (
                ("position", ("degree", "1/nm")),
                ("fwhm", ("degree", "1/nm")),
                ("integral_breadth", ("degree", "1/nm")),
                ("height", SIGNAL_UNITS),
                ("area", tuple(f"{s} {r}" for s in SIGNAL_UNITS for r in ("degree", "1/nm"))),
            )
            for suffix in ("", "_sigma")
        },
        "significance": value(*_PEAK, units="1"),
        "peak_verdict": value(*_PEAK),
        "intensity": value(*RADIAL_FIELD, units=SIGNAL_UNITS),
        "intensity_calculated": value(*RADIAL_FIELD, units=SIGNAL_UNITS),
        "background": value(*RADIAL_FIELD, units=SIGNAL_UNITS),
        "gof": value(OPTIONAL_FRAME, units="1"),
        "verdict": value(OPTIONAL_FRAME),
    },
)
_METHOD = (OPTIONAL_FRAME, "size_method")
SIZE_STRAIN = Schema(
    name="xrdkit/size_strain/1",
    fields={
        **{
            name + suffix: value(*_METHOD, units=unit)
            for name, unit in (("size", "nm"), ("strain", "1"), ("area_size", "nm"))
            for suffix in ("", "_sigma")
        },
        "breadth": value(*_PEAK, units="1/nm"),
        "size_spread": value(OPTIONAL_FRAME, units="1"),
        "verdict": value(OPTIONAL_FRAME),
    },
)
_COLUMN = (OPTIONAL_FRAME, "column_length")
WARREN_AVERBACH = Schema(
    name="xrdkit/warren_averbach/1",
    fields={
        **{
            name + suffix: value(*_COLUMN, units=unit)
            for name, unit in (
                ("size_coefficient", "1"),
                ("mean_square_strain", "1"),
                ("rms_strain", "1"),
                ("column_fraction", "1/nm"),
            )
            for suffix in ("", "_sigma")
        },
        **{
            name + suffix: value(OPTIONAL_FRAME, units="nm")
            for name in ("area_size", "volume_size")
            for suffix in ("", "_sigma")
        },
        "verdict": value(OPTIONAL_FRAME),
    },
)
_LATTICE = (OPTIONAL_FRAME, "lattice")
MESOPHASE = Schema(
    name="xrdkit/mesophase/1",
    fields={
        "cell": value(*_LATTICE, units="nm"),
        "cell_sigma": value(*_LATTICE, units="nm"),
        "evidence": value(*_LATTICE, units="1"),
        "probability": value(*_LATTICE, units="1"),
        "best_lattice": value(OPTIONAL_FRAME),
        "verdict": value(OPTIONAL_FRAME),
    },
)
_CANDIDATE = (OPTIONAL_FRAME, "candidate")
PHASE_MATCHES = Schema(
    name="xrdkit/phase_matches/1",
    fields={
        "found": value(*_CANDIDATE, units="1"),
        "rank": value(*_CANDIDATE, units="1"),
        "explained": value(*_CANDIDATE, units="1"),
        "significance": value(*_CANDIDATE, units="1"),
        "stretch": value(*_CANDIDATE, units="1"),
        "unexplained": value(OPTIONAL_FRAME, units="1"),
        "line_shift": value(OPTIONAL_FRAME, units="degree", required=False),
    },
)
