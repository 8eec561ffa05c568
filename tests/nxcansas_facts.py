"""What the NeXus application definition NXcanSAS 1.1 asks of a file, as a list of complaints.

Source: manual.nexusformat.org/classes/applications/NXcanSAS.html, read for the required groups,
fields and attributes and for the units that are allowed.
"""

import h5py
import numpy as np

_Q_UNITS = ("1/m", "1/nm", "1/angstrom")
_I_UNITS = ("1/m", "1/cm", "m2/g", "cm2/g", "arbitrary")
_CLASSES = {
    "SASentry": "NXentry",
    "SASdata": "NXdata",
    "SASinstrument": "NXinstrument",
    "SASsource": "NXsource",
    "SASsample": "NXsample",
    "SASprocess": "NXprocess",
    "SASprocessnote": "NXnote",
}


def complaints(path) -> list[str]:
    """Return what a file does not keep of the definition; empty where it keeps all."""
    with h5py.File(path) as tree:
        found: list[str] = []
        entries = [tree[n] for n in tree if tree[n].attrs.get("canSAS_class") == "SASentry"]
        if not entries:
            return ["no SASentry"]
        default = tree.attrs.get("default")
        if default not in tree:
            found.append(f"the default {default!r} of the root is not there")
        for entry in entries:
            found += _entry(entry)
        return found


def _entry(entry) -> list[str]:
    found = []
    for name in ("definition", "title", "run"):
        if name not in entry:
            found.append(f"{entry.name} has no {name}")
    if entry["definition"].asstr()[()] != "NXcanSAS":
        found.append(f"{entry.name} is of another definition")
    if entry.attrs.get("version") != "1.1":
        found.append(f"{entry.name} has no version")
    shown = entry.get(entry.attrs.get("default", ""))
    if shown is None or shown.attrs.get("canSAS_class") != "SASdata":
        found.append(f"the default of {entry.name} is no SASdata")

    def look(_, node) -> None:
        if not isinstance(node, h5py.Group):
            return
        kind = node.attrs.get("canSAS_class")
        wanted = _CLASSES.get(kind)
        if kind is not None and node.attrs.get("NX_class") != wanted:
            found.append(f"{node.name} is {kind} and not {wanted}")
        if kind == "SASdata":
            found.extend(_data(node))
        for name in node:
            if not name.replace("_", "a").isalnum():
                found.append(f"{node.name}/{name} is no NeXus name")

    entry.visititems(look)
    return found


def _data(group) -> list[str]:
    found = []
    signal, axes = group.attrs.get("signal"), group.attrs.get("I_axes")
    if (signal, axes) != ("I", "Q"):
        return [f"{group.name}: signal {signal!r} over {axes!r}"]
    if np.atleast_1d(group.attrs.get("Q_indices", -1)).tolist() != [0]:
        found.append(f"{group.name}: Q_indices")
    q, intensity = group["Q"], group["I"]
    if q.attrs.get("units") not in _Q_UNITS:
        found.append(f"{group.name}: Q in {q.attrs.get('units')!r}")
    if intensity.attrs.get("units") not in _I_UNITS:
        found.append(f"{group.name}: I in {intensity.attrs.get('units')!r}")
    related = {
        "I": intensity.attrs.get("uncertainties"),
        "Q": q.attrs.get("resolutions") or q.attrs.get("uncertainties"),
    }
    for name, other in related.items():
        if other is None:
            continue
        if other not in group or group[other].shape != group[name].shape:
            found.append(f"{group.name}: {other} does not fit {name}")
        elif group[other].attrs.get("units") != group[name].attrs.get("units"):
            found.append(f"{group.name}: {other} is in another unit than {name}")
    if q.shape != intensity.shape or q.ndim != 1:
        found.append(f"{group.name}: Q {q.shape}, I {intensity.shape}")
    if not np.all(np.isfinite(q[()])):
        found.append(f"{group.name}: Q is not finite")
    return found
