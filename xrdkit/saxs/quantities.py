"""Names of the numbers that a size distribution is told by: what they are, and their units."""

#: Shares of the particle volume below the percentile radii.
PERCENTILES = (10.0, 50.0, 90.0)

#: name -> what it is; nm. Each has a standard error under the name with ``_sigma``.
LENGTHS = {
    "mean_radius_volume": "volume-weighted mean radius",
    "mean_radius_number": "number-weighted mean radius",
    "width_volume": "volume-weighted standard deviation of the radius",
    "width_number": "number-weighted standard deviation of the radius",
    "median_radius_volume": "volume-weighted median radius",
    "radius_of_gyration": "scattering-weighted (z) radius of gyration",
}
#: Thickness of sheets: name -> the number of the half thickness R that it is twice.
THICKNESSES = {
    "mean_thickness_volume": "mean_radius_volume",
    "mean_thickness_number": "mean_radius_number",
    "width_thickness_volume": "width_volume",
    "width_thickness_number": "width_number",
}
#: The same for each population.
PER_POPULATION = (
    "mean_radius_volume",
    "mean_radius_number",
    "width_volume",
    "width_number",
    "scattering_volume",
    "volume_fraction",
)
FRACTIONS = {
    "volume_fraction": "volume fraction of particles",
    "scattering_volume": "volume fraction times squared contrast",
}
#: Numbers that not every fit gives: name -> unit and what it is.
SOMETIMES = {
    "mode_radius_volume": ("nm", "radius of the maximum of the volume-weighted distribution"),
    "specific_surface": ("1/nm", "surface of the particles per volume of the particles"),
    "surface_per_volume": ("1/nm", "surface of the particles per volume of the sample"),
    "mean_radius_volume_smoothing": (
        "nm",
        "what smoothing changes the volume-weighted mean radius by, as far as a second inversion"
        " tells; part of its standard error",
    ),
    "width_volume_smoothing": (
        "nm",
        "what smoothing changes the volume-weighted standard deviation by, as far as a second"
        " inversion tells; part of its standard error",
    ),
    "scattering_volume_smoothing": (
        "1",
        "what smoothing changes the volume fraction times squared contrast by, as far as a second"
        " inversion tells; part of its standard error",
    ),
    **{
        name: ("nm", LENGTHS[of].replace("radius", "thickness")) for name, of in THICKNESSES.items()
    },
    "modes": ("1", "number of modes of the distribution that are told apart"),
    "modes_unresolved": ("1", "number of further maxima, too near to others to be told apart"),
}
#: The same for each population.
SOMETIMES_PER_POPULATION = {
    "mode_radius_volume": ("nm", "radius of the maximum of the population, volume-weighted"),
    "resolution": (
        "1",
        "relative width (standard deviation of ln R) that the inversion makes of a single size",
    ),
}
#: Name of the error source that the contrast is.
CONTRAST = "contrast"
#: Name of the error source that the smoothing of a form-free distribution is.
SMOOTHING = "smoothing"
#: Numbers whose error is told source by source, under the name with ``_errors``.
BY_SOURCE = (
    "mean_radius_volume",
    "mean_radius_number",
    "width_volume",
    "width_number",
    "volume_fraction",
    "scattering_volume",
)
FITS = {
    "gof": "goodness of fit √χ²r, NaN without errors of the intensity",
    "sigma_scale": "factor that the standard errors were multiplied by",
}
