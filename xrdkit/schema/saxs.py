"""Schemas of small-angle scattering: sizes, models, distances."""

from xrdkit.schema.fields import OPTIONAL_FRAME, RADIAL_FIELD, SCALAR, SIGNAL_UNITS, Schema, value

SIZES = Schema(
    name="xrdkit/sizes/1",
    fields={
        **{
            name + suffix: value(*SCALAR, units=unit)
            for name, unit in (
                ("mean_radius_volume", "nm"),
                ("mean_radius_number", "nm"),
                ("width_volume", "nm"),
                ("width_number", "nm"),
                ("volume_fraction", "1"),
            )
            for suffix in ("", "_sigma")
        },
        "distribution_volume": value(OPTIONAL_FRAME, "radius", units="1/nm"),
        "radius": value("radius", units="nm"),
        "intensity": value(*RADIAL_FIELD, units=SIGNAL_UNITS),
        "intensity_calculated": value(*RADIAL_FIELD, units=SIGNAL_UNITS),
        "background": value(*RADIAL_FIELD, units=SIGNAL_UNITS),
        "gof": value(OPTIONAL_FRAME, units="1"),
        "verdict": value(OPTIONAL_FRAME),
    },
)

#: Sizes by several methods, and their spread.
SIZE_METHODS = Schema(
    name="xrdkit/size_methods/1",
    fields={
        **{
            name + suffix: value(OPTIONAL_FRAME, "size_method", units=unit)
            for name, unit in (
                ("mean_radius_volume", "nm"),
                ("width_volume", "nm"),
                ("volume_fraction", "1"),
            )
            for suffix in ("", "_sigma", "_total_sigma")
        },
        "mean_radius_volume_method_spread": value(OPTIONAL_FRAME, units="nm"),
        "width_volume_method_spread": value(OPTIONAL_FRAME, units="nm"),
        "volume_fraction_method_spread": value(OPTIONAL_FRAME, units="1"),
        "distribution_volume": value(OPTIONAL_FRAME, "size_method", "radius", units="1/nm"),
        "radius": value("radius", units="nm"),
        "intensity": value(*RADIAL_FIELD, units=SIGNAL_UNITS),
        "intensity_calculated": value(OPTIONAL_FRAME, "size_method", "q", units=SIGNAL_UNITS),
        "gof": value(OPTIONAL_FRAME, "size_method", units="1"),
        "verdict": value(OPTIONAL_FRAME, "size_method"),
    },
)

#: Numbers without a model, each with its standard error; curves over q beside them.
GUINIER = Schema(
    name="xrdkit/guinier/1",
    fields={
        **{
            name + suffix: value(*SCALAR, units=unit)
            for name, unit in (("radius_of_gyration", "nm"), ("forward_intensity", ()))
            for suffix in ("", "_sigma")
        },
        "intensity_calculated": value(*RADIAL_FIELD, units=SIGNAL_UNITS),
        "q_low": value(*SCALAR, units="1/nm"),
        "q_high": value(*SCALAR, units="1/nm"),
        "verdict": value(OPTIONAL_FRAME),
    },
)

#: Parameters of a model, each with its unit in ``parameter_unit``; curves of its components.
SCATTERING_MODEL = Schema(
    name="xrdkit/scattering_model/1",
    fields={
        "parameter_value": value(OPTIONAL_FRAME, "parameter", units=""),
        "parameter_sigma": value(OPTIONAL_FRAME, "parameter", units=""),
        "parameter_covariance": value(OPTIONAL_FRAME, "parameter", "parameter_2", units=""),
        "parameter_verdict": value(OPTIONAL_FRAME, "parameter"),
        "parameter_unit": value("parameter"),
        "component_intensity": value(OPTIONAL_FRAME, "component", "q", units=SIGNAL_UNITS),
        "component_verdict": value(OPTIONAL_FRAME, "component"),
        "intensity": value(*RADIAL_FIELD, units=SIGNAL_UNITS),
        "intensity_calculated": value(*RADIAL_FIELD, units=SIGNAL_UNITS),
        "gof": value(OPTIONAL_FRAME, units="1"),
        "sigma_scale": value(OPTIONAL_FRAME, units="1"),
        "verdict": value(OPTIONAL_FRAME),
    },
)

ORIENTATION = Schema(
    name="xrdkit/orientation/1",
    fields={
        **{
            name + suffix: value(*SCALAR, units=unit)
            for name, unit in (
                ("mean_angle", "degree"),
                ("hermans", "1"),
                ("fraction_oriented", "1"),
                ("full_width", "degree"),
            )
            for suffix in ("", "_sigma")
        },
        "intensity": value(OPTIONAL_FRAME, "azimuth", units=SIGNAL_UNITS),
        "intensity_calculated": value(OPTIONAL_FRAME, "azimuth", units=SIGNAL_UNITS),
        "azimuth": value("azimuth", units="degree"),
        "p_isotropic": value(*SCALAR, units="1"),
        "gof": value(*SCALAR, units="1"),
        "verdict": value(*SCALAR),
    },
)

POROD = Schema(
    name="xrdkit/porod/1",
    fields={
        **{
            name + suffix: value(*SCALAR, units=unit)
            for name, unit in (
                ("porod_constant", ()),
                ("background_flat", SIGNAL_UNITS),
                ("surface_per_volume", "1/nm"),
            )
            for suffix in ("", "_sigma")
        },
        "intensity_calculated": value(*RADIAL_FIELD, units=SIGNAL_UNITS),
        "verdict": value(OPTIONAL_FRAME),
    },
)

INVARIANT = Schema(
    name="xrdkit/invariant/1",
    fields={
        **{
            name + suffix: value(*SCALAR, units=unit)
            for name, unit in (
                ("invariant", ()),
                ("volume_fraction", "1"),
                ("surface_per_volume", "1/nm"),
                ("specific_surface", "1/nm"),
                ("porod_length", "nm"),
            )
            for suffix in ("", "_sigma")
        },
        "verdict": value(OPTIONAL_FRAME),
    },
)

KRATKY = Schema(
    name="xrdkit/kratky/1",
    fields={
        name + suffix: value(*RADIAL_FIELD)
        for name in ("kratky", "kratky_dimensionless")
        for suffix in ("", "_sigma")
    },
)

PAIR_DISTANCES = Schema(
    name="xrdkit/pair_distances/1",
    fields={
        **{
            name + suffix: value(*SCALAR, units=unit)
            for name, unit in (
                ("radius_of_gyration", "nm"),
                ("forward_intensity", SIGNAL_UNITS),
                ("largest_distance", "nm"),
            )
            for suffix in ("", "_sigma")
        },
        "pair_distances": value(OPTIONAL_FRAME, "distance"),
        "pair_distances_sigma": value(OPTIONAL_FRAME, "distance"),
        "distance": value("distance", units="nm"),
        "intensity_calculated": value(*RADIAL_FIELD, units=SIGNAL_UNITS),
        "verdict": value(OPTIONAL_FRAME),
    },
)

CORRELATION = Schema(
    name="xrdkit/correlation/1",
    fields={
        **{
            name + suffix: value(*SCALAR, units=unit)
            for name, unit in (
                ("long_period", "nm"),
                ("lamella_thickness", "nm"),
                ("volume_fraction", "1"),
            )
            for suffix in ("", "_sigma")
        },
        "correlation": value(OPTIONAL_FRAME, "distance", units="1"),
        "correlation_sigma": value(OPTIONAL_FRAME, "distance", units="1"),
        "distance": value("distance", units="nm"),
        "verdict": value(OPTIONAL_FRAME),
    },
)

#: Sizes of particles beside those of crystallites, per phase.
SIZE_COMPARISON = Schema(
    name="xrdkit/size_comparison/1",
    fields={
        **{
            name + suffix: value(OPTIONAL_FRAME, "phase", units=unit)
            for name, unit in (
                ("particle_diameter", "nm"),
                ("crystallite_diameter", "nm"),
                ("difference", "nm"),
                ("size_ratio", "1"),
            )
            for suffix in ("", "_sigma")
        },
        "agreement": value(OPTIONAL_FRAME, "phase"),
    },
)
