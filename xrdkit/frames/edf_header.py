"""Header facts of EDF files as written at the ESRF (SPEC, LImA, SAXS beamlines).

Source of the SAXS keys: P. Boesecke, Keywords for SAXS Data in EDF Files, version 2.40 (ESRF).
Intensity0 counts the photons before the sample, Intensity1 those after it. A thickness or an energy
without its unit is not believed.
"""

from collections.abc import Mapping

from xrdkit.frames.headers import COORDINATES, Fact, fact, number, quantity, text_fact, time_fact

#: coordinate -> (key in lower case, unit where the value carries none), in order of preference.
_KEYS: dict[str, tuple[tuple[str, str], ...]] = {
    "exposure_time": (
        ("exposuretime", "s"),
        ("acq_expo_time", "s"),
        ("exposure_time", "s"),
        ("count_time", "s"),
    ),
    "wavelength_header": (("wavelength", "m"),),
    "distance_header": (("sampledistance", "m"),),
    "beam_center_x_header": (("center_1", "pixel"),),
    "beam_center_y_header": (("center_2", "pixel"),),
    "pixel_size_x_header": (("psize_1", "m"), ("pixelsize_1", "m")),
    "pixel_size_y_header": (("psize_2", "m"), ("pixelsize_2", "m")),
    "photon_energy_header": (("photonenergy", ""), ("photon_energy", ""), ("energy", "")),
    "monitor": (("intensity0", "count"), ("monitor", "count")),
    "monitor_after": (("intensity1", "count"),),
    "thickness": (("samplethickness", ""), ("sample_thickness", ""), ("thickness", "")),
    "count_cutoff": (("count_cutoff", "count"),),
    "transmission": (("sampletransmission", "1"), ("transmission", "1")),
    "temperature": (("sampletemperature", "K"),),
}
#: coordinate -> keys in lower case whose value is a name.
_TEXTS = {
    "detector_name": ("detector", "detectorname", "detector_name", "det_model"),
    "sample_name": ("samplename", "sample_name"),
}
_TIMES = ("date", "time", "time_of_frame_start", "hmstarttime")
_COUNTERS = ("mon", "monitor", "i0", "ic0")


def header_facts(keys: Mapping[str, str]) -> dict[str, Fact]:
    """Return what an EDF header tells; `keys` are its keys in lower case with their text."""
    facts: dict[str, Fact] = {}
    for name, choices in _KEYS.items():
        for key, unit in choices:
            if name not in facts and (value := quantity(keys.get(key, ""))) is not None:
                stated = value[1] or unit
                if COORDINATES[name].unit == "pixel" and not value[1]:
                    stated = "pixel"
                facts.update(fact(name, value[0], stated, key))
    for name, names in _TEXTS.items():
        for key in names:
            if name not in facts:
                facts.update(text_fact(name, keys.get(key), key))
    for key in _TIMES:
        if "start_time" not in facts:
            facts.update(time_fact(keys.get(key), key))
    if "monitor" not in facts:
        counters = keys.get("counter_mne", "").split()
        values = keys.get("counter_pos", "").split()
        if len(counters) == len(values):
            for wanted in _COUNTERS:
                if wanted in counters and "monitor" not in facts:
                    value_text = values[counters.index(wanted)]
                    facts.update(fact("monitor", value_text, "count", f"counter_pos[{wanted}]"))
    if "transmission" not in facts:
        before, after = (number(keys.get(k)) for k in ("intensity0", "intensity1"))
        if before and after:
            facts.update(fact("transmission", after / before, "1", "intensity1 / intensity0"))
    return facts


def declared_no_data(keys: Mapping[str, str]) -> tuple[int, ...]:
    """Return the raw value that the header declares to be no data (Dummy; 0 declares none)."""
    dummy = number(keys.get("dummy"))
    return (int(dummy),) if dummy and dummy.is_integer() else ()
