"""Header facts that EPICS areaDetector writes into the private tags of TIFF files.

NDFileTIFF stores the time stamp in tags 65000 to 65003 and from 65010 on one text ``name:value``
for each attribute that the beamline chose to save (areaDetector documentation, NDFileTIFF). Names
are free, so that only those are taken over whose meaning and unit EPICS fixes; users, proposals and
folders, which beamlines save beside them, are not.
"""

from xrdkit.frames.headers import Fact, epoch_fact, fact, text_fact
from xrdkit.frames.tiff_directory import Directory

#: Seconds from 1970 to 1990, where EPICS starts to count.
EPICS_EPOCH = 631_152_000
_SECONDS, _FIRST, _LAST = 65002, 65010, 65535
#: coordinate -> (attribute in lower case, unit), in order of preference.
_NUMBERS: dict[str, tuple[tuple[str, str], ...]] = {
    "exposure_time": (("acquiretime", "s"), ("exposuretime", "s")),
    "exposure_period": (("acquireperiod", "s"),),
    "photon_energy_header": (("photonenergy", "eV"),),
    "threshold_energy": (("thresholdenergy", "keV"),),
    "count_cutoff": (("countcutoff", "count"),),
    "monitor_raw": (("i0_cts", "count"),),
    "monitor_gain": (("i0_gain", "V/A"),),
}
_TEXTS = {"detector_name": ("model", "cameramodel"), "sample_name": ("sampletitle", "samplename")}


def epics_facts(tags: Directory) -> dict[str, Fact]:
    """Return the facts of the private tags of one TIFF page; none where it has no such tags."""
    values: dict[str, str] = {}
    for tag, raw in tags.texts.items():
        if _FIRST <= tag <= _LAST:
            name, colon, value = raw.split(b"\0")[0].decode("latin-1").partition(":")
            if colon:
                values.setdefault(name.strip().lower(), value.strip())
    facts: dict[str, Fact] = {}
    for name, choices in _NUMBERS.items():
        for key, unit in choices:
            if name not in facts:
                facts.update(fact(name, values.get(key), unit, key))
    for name, keys in _TEXTS.items():
        for key in keys:
            if name not in facts:
                facts.update(text_fact(name, values.get(key), key))
    if "monitor_raw" in facts and "monitor_gain" in facts:
        ratio = float(facts["monitor_raw"].values / facts["monitor_gain"].values)
        facts.update(fact("monitor", ratio, "count", "i0_cts / i0_gain"))
    seconds = tags.integer(_SECONDS, 0)
    if seconds > 0:
        facts.update(epoch_fact(float(seconds) + EPICS_EPOCH, f"tag {_SECONDS}"))
    return facts
