"""Powder sums of other programs for given CIF files; run by the Python of their own environment.

Reads one JSON job from standard input: {"crystals": {name: {"cif": path, "edges": [Å], "limit":
d_min in Å}}, "wavelengths": [Å]}. Writes JSON: for each crystal Σ|F|² over all reflections of
equal 1/d², in the order of rising 1/d², by xrayutilities at every wavelength ("dispersion") and by
Dans_Diffraction without dispersion ("plain"), each with its own reading of the CIF, symmetry,
form factors and dispersion.
"""

import itertools
import json
import sys
from importlib.metadata import version

import Dans_Diffraction as dans
import numpy as np
import xrayutilities as xu

CLOSE = 1e-6


def sphere(edges, limit):
    """All hkl but 000 that may have d >= limit."""
    reach = [int(edge / limit) + 1 for edge in edges]
    box = itertools.product(*(range(-n, n + 1) for n in reach))
    return np.array([h for h in box if any(h)])


def gathered(inverse, squared):
    """Sums of `squared` over equal `inverse`."""
    order = np.argsort(inverse)
    inverse, squared = inverse[order], squared[order]
    starts = np.flatnonzero(np.diff(inverse, prepend=-1.0) > CLOSE)
    return inverse[starts].tolist(), np.add.reduceat(squared, starts).tolist()


def main():
    job = json.load(sys.stdin)
    answer = {
        "versions": {n: version(n) for n in ("xrayutilities", "Dans_Diffraction")},
        "crystals": {},
    }
    for name, crystal in job["crystals"].items():
        one = xu.materials.Crystal.fromCIF(crystal["cif"])
        hkl = sphere(crystal["edges"], crystal["limit"])
        q = one.Q(hkl)
        inverse = np.sum((q / (2 * np.pi)) ** 2, axis=1)
        inside = inverse <= 1.0 / crystal["limit"] ** 2
        hkl, q, inverse = hkl[inside], q[inside], inverse[inside]
        sums = {}
        for wavelength in job["wavelengths"]:
            energy = xu.lam2en(wavelength)
            squared = np.array([abs(one.StructureFactor(v, energy)) ** 2 for v in q])
            spacings, sums[str(wavelength)] = gathered(inverse, squared)
        other = dans.Crystal(crystal["cif"])
        length = other.Cell.Qmag(hkl) / (2 * np.pi)
        with_plain = gathered(length**2, np.asarray(other.Scatter.intensity(hkl, "xray")).real)
        answer["crystals"][name] = {
            "inverse": spacings,
            "dispersion": sums,
            "plain_inverse": with_plain[0],
            "plain": with_plain[1],
        }
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
