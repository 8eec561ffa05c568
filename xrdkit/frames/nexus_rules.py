"""Where HDF5 files keep header facts: NeXus and NXsas, Dectris Eiger, LImA, EPICS area detector."""

_DETECTOR = r"(^NXdetector:.*|/detector[^/]*)/"
#: (coordinate, pattern of "class:path", unit where the dataset states none), first match first.
NUMBERS: tuple[tuple[str, str, str], ...] = (
    ("exposure_time", _DETECTOR + r"(count_time|exposure_time)$", "s"),
    ("exposure_time", r"/acquisition/exposure_time$", "s"),
    ("exposure_time", r"/PresetTime$", ""),
    ("exposure_period", _DETECTOR + r"frame_time$", "s"),
    ("wavelength_header", r"/beam[^/]*/incident_wavelength$", ""),
    ("wavelength_header", r"/monochromator[^/]*/wavelength$", ""),
    ("wavelength_header", r"/[Mm]etadata/wavelength$", ""),
    ("wavelength_header", r"/monochromator[^/]*/energy$", ""),
    ("wavelength_header", r"(^NXdetector:.*|/detector[^/]*/.*)photon_energy$", ""),
    ("photon_energy_header", r"/monochromator[^/]*/energy$", ""),
    ("photon_energy_header", r"/[Mm]etadata/monoE$|metadata/monoE$", ""),
    ("photon_energy_header", r"(^NXdetector:.*|/detector[^/]*/.*)photon_energy$", ""),
    ("photon_energy_header", r"/beam[^/]*/incident_energy$", ""),
    ("distance_header", _DETECTOR + r"(detector_distance|distance)$", ""),
    ("distance_header", r"/SDD$", ""),
    ("beam_center_x_header", _DETECTOR + r"beam_center_x$", ""),
    ("beam_center_x_header", r"_ccd_center_x_pixel$", ""),
    ("beam_center_y_header", _DETECTOR + r"beam_center_y$", ""),
    ("beam_center_y_header", r"_ccd_center_y_pixel$", ""),
    ("pixel_size_x_header", _DETECTOR + r"x_pixel_size$", ""),
    ("pixel_size_x_header", r"_ccd_pixel_size_x$", ""),
    ("pixel_size_y_header", _DETECTOR + r"y_pixel_size$", ""),
    ("pixel_size_y_header", r"_ccd_pixel_size_y$", ""),
    ("sensor_thickness", _DETECTOR + r"sensor_thickness$", ""),
    ("threshold_energy", r"(^NXdetector:.*|/detector[^/]*/.*)threshold_energy$", ""),
    ("dead_time_header", _DETECTOR + r"dead_time$", ""),
    ("count_cutoff", _DETECTOR + r"saturation_value$", "count"),
    (
        "count_cutoff",
        _DETECTOR + r"(detectorSpecific/)?countrate_correction_count_cutoff$",
        "count",
    ),
    ("transmission", r"/sample[^/]*/(beam_)?transmission$", "1"),
    ("thickness", r"(^NXsample:.*|/sample)/thickness$", ""),
    ("monitor", r"^NXmonitor:.*/(integral|data)$", "count"),
)
#: (coordinate, pattern of "class:path") of names, first match first.
TEXTS: tuple[tuple[str, str], ...] = (
    ("detector_name", r"/[Mm]etadata/Model$"),
    ("detector_name", _DETECTOR + r"(description|local_name|model)$"),
    ("detector_name", r"^NXdata:.*/local_name$"),
    ("sensor_material", _DETECTOR + r"sensor_material$"),
    ("sample_name", r"(^NXsample:.*|/sample)/name$"),
    ("sample_name", r"/SampleTitle$"),
)
#: coordinate -> stem of its counter in an EPICS area detector file: counts over amplifier gain.
AMPLIFIED = {"monitor": "I0", "monitor_after": "TR"}
#: Counters of a transmission that was measured before the frame: behind the sample, before it.
TRANSMITTED = ("Pin_TrPD", "Pin_TrI0")
TIMES = (r"^NXentry:.*/start_time$", r"/data_collection_date$", r"/StartTime$")
