"""One task of `compare_saxs.py` done by xrdkit: as `saxs_peers.py`, in a process of its own."""

import json
import sys
import time

import numpy as np
from saxs_peers import Answer, sets

import xrdkit as xk
from xrdkit.saxs.shapes import CoreShell, Cylinder

SIZES = ("mean_radius_volume", "width_volume", "volume_fraction")
SHAPES = {
    "C": (Cylinder(), "length"),
    "D": (CoreShell(core_contrast=sets.CORE_D, shell_contrast=sets.SHELL_D), "shell_thickness"),
}


def fit_sizes(job):
    """Size fits, curve by curve, as a user calls them."""
    shape, extra = SHAPES.get(job["set"], ("sphere", None))
    names = SIZES if extra is None else ("mean_radius_number", "width_number", extra, SIZES[2])
    spec = xk.SizeSpec(
        method=job["method"],
        shape=shape,
        contrast=None if job["set"] == "D" else sets.CONTRAST,
        populations=2 if job["set"] == "B" and job["method"] == "lognormal" else 1,
    )

    def numbers(result):
        if job["set"] != "B":
            return {n: (float(result[n]), float(result[n + "_sigma"])) for n in names}
        return {
            f"{n} {k}": tuple(
                float(result[f"population_{n}{s}"].isel(population=k)) for s in ("", "_sigma")
            )
            for n in SIZES
            for k in range(min(2, result.sizes["population"]))
        }

    return every_curve(job, lambda profile: xk.fit_sizes(profile, spec), numbers)


def radius_of_gyration(job):
    """Radius of gyration and forward scattering without a model."""
    verb = {"guinier": xk.guinier, "pair_distances": xk.pair_distances}[job["method"]]

    def numbers(result):
        return {
            n: (float(result[n]), float(result[n + "_sigma"]))
            for n in ("radius_of_gyration", "forward_intensity")
        }

    return every_curve(job, verb, numbers)


def every_curve(job, call, numbers):
    """Answers of `call` to the curves of a job; a first call, which compiles, is not counted."""
    sigma, curves = sets.noisy(job["set"], job["count"])
    profiles = [xk.profile(sets.Q, curve, sigma, unit="1/nm") for curve in curves]
    call(profiles[0])
    out = Answer()
    for profile in profiles:
        begin = time.process_time()
        result = call(profile)
        spent = time.process_time() - begin
        found = numbers(result)
        chi2 = float(result["gof"]) ** 2 if "gof" in result else np.nan
        out.add(
            {n: v[0] for n, v in found.items()}, {n: v[1] for n, v in found.items()}, chi2, spent
        )
    return out


if __name__ == "__main__":
    task = json.loads(sys.stdin.read())
    kind = radius_of_gyration if task["method"] in ("guinier", "pair_distances") else fit_sizes
    print(json.dumps(kind(task).told()))
