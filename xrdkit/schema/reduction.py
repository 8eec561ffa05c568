"""Schemas of frames, profiles and what is told of them."""

from xrdkit.schema.fields import (
    ANY_RADIAL,
    FRAME,
    OPTIONAL_FRAME,
    RADIAL_FIELD,
    SIGNAL_UNITS,
    SQUARED_UNITS,
    Schema,
    value,
)

FRAMES = Schema(
    name="xrdkit/frames/1",
    fields={
        "counts": value(FRAME, "y", "x", units=SIGNAL_UNITS),
        "mask": value("y", "x", required=False),
        "mask_reasons": value(FRAME, "y", "x", required=False),
    },
)

PROFILE = Schema(
    name="xrdkit/profile/1",
    fields={
        "intensity": value(*RADIAL_FIELD, units=SIGNAL_UNITS),
        "sigma": value(*RADIAL_FIELD, units=SIGNAL_UNITS, required=False),
        "n_pixels": value(*RADIAL_FIELD, units="1", required=False),
        "errors": value(OPTIONAL_FRAME, "source", ANY_RADIAL, units=SIGNAL_UNITS, required=False),
        "covariance": value(
            OPTIONAL_FRAME, "offset", ANY_RADIAL, units=SQUARED_UNITS, required=False
        ),
        "ledger": value(OPTIONAL_FRAME, "correction", ANY_RADIAL, units="1", required=False),
        "wavelength": value("emission_line", units="angstrom", required=False),
        "emission_weight": value("emission_line", units="1", required=False),
        "emission_width": value("emission_line", units="angstrom", required=False),
    },
)

CAKE = Schema(
    name="xrdkit/cake/1",
    fields={
        "intensity": value(OPTIONAL_FRAME, "azimuth", ANY_RADIAL, units=SIGNAL_UNITS),
        "sigma": value(OPTIONAL_FRAME, "azimuth", ANY_RADIAL, units=SIGNAL_UNITS),
        "n_pixels": value(OPTIONAL_FRAME, "azimuth", ANY_RADIAL, units="1"),
        "azimuth": value("azimuth", units="degree"),
    },
)

ON_SAMPLE = (OPTIONAL_FRAME, "q_out_of_plane", "q_in_plane")
GRAZING = Schema(
    name="xrdkit/grazing/1",
    fields={
        "intensity": value(*ON_SAMPLE, units=SIGNAL_UNITS),
        "sigma": value(*ON_SAMPLE, units=SIGNAL_UNITS),
        "n_pixels": value(*ON_SAMPLE, units="1"),
        "q_out_of_plane": value("q_out_of_plane", units="1/nm"),
        "q_in_plane": value("q_in_plane", units="1/nm"),
    },
)

TEXTURE = Schema(
    name="xrdkit/texture/1",
    fields={
        "intensity": value(*RADIAL_FIELD, units=SIGNAL_UNITS),
        **{
            name + suffix: value(*RADIAL_FIELD, units=unit)
            for name, unit in (
                ("amplitude", "1"),
                ("phase", "degree"),
                ("cos2_amplitude", "1"),
                ("hermans", "1"),
            )
            for suffix in ("", "_sigma")
        },
        "p_isotropic": value(*RADIAL_FIELD, units="1"),
    },
)

QUALITY = Schema(
    name="xrdkit/frame_quality/1",
    fields={
        name: value(FRAME, units="1")
        for name in (
            *("scale", "scale_sigma", "p_scale", "p_shape", "p_value"),
            *("shape_chi2", "shape_dof", "shape_change", "flag", "keep"),
        )
    },
)
