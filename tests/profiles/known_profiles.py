"""Profiles with known truth that keep what a profile promises about its errors."""

import numpy as np
import xarray as xr

from xrdkit import schema

SIGNAL = {"units": "count", "long_name": "counts"}


def known_profile(
    truth,
    rng,
    *,
    edges=None,
    pixels=100,
    doses=(1.0,),
    monitor=0.0,
    scale_error=None,
    dark=0.0,
    dark_frames=10,
    split=0.0,
    unit="count",
):
    """Return a PROFILE over (frame, q) of Poisson counts whose mean is `truth`.

    `truth` is a function of q, or intensities of shape (frame, K) or (K,); each of the `pixels`
    of a bin expects intensity times dose. `monitor` is the relative error of each dose, drawn
    anew for every frame. `dark` counts per pixel are added, and subtracted as one dark measured
    for all frames, of `dark_frames` exposures. With `split` every pixel gives that share of its
    weight to the next bin. `scale_error` is the relative error of one scale for all frames.
    """
    edges = np.linspace(1.0, 5.0, 101) if edges is None else np.asarray(edges, float)
    doses = np.asarray(doses, float)
    q = 0.5 * (edges[:-1] + edges[1:])
    size, frames = q.size, doses.size
    level = truth(q) if callable(truth) else np.asarray(truth, float)
    level = np.broadcast_to(level, (frames, size))
    rate = level * doses[:, None] + dark
    # Groups of pixels alike: those wholly in bin k, and those shared between k and k + 1.
    own, shared = (pixels, 0) if split == 0 else (0, pixels)
    counts = np.zeros((frames, size))
    variance = np.zeros((frames, size))
    above = np.zeros((frames, size))
    weight = np.zeros(size)
    squares = np.zeros(size)
    below = np.zeros(size)
    below_variance = np.zeros(size)
    below_above = np.zeros(size)
    for number, part in ((own, 0.0), (shared, split)):
        if number == 0:
            continue
        n = rng.poisson(rate * number).astype(float)
        d = rng.poisson(dark * number * dark_frames, size) / dark_frames
        keep = 1 - part
        for total, values, power in (
            (counts, n, 1), (variance, n, 2), (below, d, 1), (below_variance, d / dark_frames, 2),
        ):  # fmt: skip
            total += keep**power * values
            total[..., 1:] += part**power * values[..., :-1]
        weight += keep * number
        weight[1:] += part * number
        squares += keep**2 * number
        squares[1:] += part**2 * number
        above[:, :-1] += keep * part * n[:, :-1]
        below_above[:-1] += keep * part * d[:-1] / dark_frames
    # The last group of a split profile gives part of its weight away beyond the last bin.
    measured = doses * (1 + monitor * rng.standard_normal(frames))
    factor = 1.0 if scale_error is None else 1 + scale_error * rng.standard_normal()
    norm = weight * measured[:, None] / factor
    signal = counts - below
    intensity = signal / norm
    floor = np.maximum(variance, squares / weight)
    layers = {"counting": (np.sqrt(floor) / norm, "independent", "independent")}
    if dark:
        layers["dark"] = (np.sqrt(below_variance) / norm, "independent", "common")
    if monitor:
        layers["monitor"] = (-intensity * monitor, "common", "independent")
    if scale_error is not None:
        layers["absolute_scale"] = (intensity * scale_error, "common", "common")
    errors = np.stack([v for v, *_ in layers.values()], axis=1)
    dims = ("frame", "q")
    named = {"units": unit, "long_name": "intensity"}
    data = xr.Dataset(
        {
            "intensity": (dims, intensity, named),
            "sigma": (dims, np.sqrt(np.sum(errors**2, axis=1)), named),
            "n_pixels": (dims, np.full((frames, size), pixels), {"units": "1", "long_name": "n"}),
            "counts": (dims, counts, SIGNAL),
            "signal": (dims, signal, SIGNAL),
            "normalization": (dims, norm, {"units": "1", "long_name": "N g"}),
            "q_mean": (dims, np.tile(q, (frames, 1)), {"units": "1/nm", "long_name": "mean q"}),
            "q_spread": (
                dims,
                np.tile(np.diff(edges) / np.sqrt(12), (frames, 1)),
                {"units": "1/nm", "long_name": "spread of q"},
            ),
            "errors": (("frame", "source", "q"), errors, named),
            "ledger": (
                ("frame", "correction", "q"),
                np.stack([pixels / np.tile(weight, (frames, 1)),
                          np.tile(factor / measured[:, None], (1, size)),
                          signal / np.maximum(counts, 1e-300)], axis=1),
                {"units": "1", "long_name": "factor"},
            ),
        },
        coords={
            "q": ("q", q, {"units": "1/nm", "long_name": "q"}),
            "q_edges": ("q_edge", edges, {"units": "1/nm", "long_name": "edges"}),
            "frame": np.arange(frames),
            "source": list(layers),
            "source_bins": ("source", [b for _, b, _ in layers.values()]),
            "source_frames": ("source", [f for *_, f in layers.values()]),
            "correction": ["flat", "monitor", "dark"],
            "monitor": ("frame", measured, {"units": "1", "long_name": "dose"}),
            "wavelength": ("emission_line", [1.0], {"units": "angstrom", "long_name": "λ"}),
        },
        attrs={"schema": schema.PROFILE.name, "radiation": "monochromatic"},
    )  # fmt: skip
    if split:
        band = np.zeros((frames, 2, size))
        band[:, 0] = floor / norm**2
        band[:, 1, :-1] = above[:, :-1] / (norm[:, :-1] * norm[:, 1:])
        if dark:
            band[:, 0] += below_variance / norm**2
            band[:, 1, :-1] += below_above[:-1] / (norm[:, :-1] * norm[:, 1:])
        data["covariance"] = (
            ("frame", "offset", "q"), band, {"units": "count2", "long_name": "covariance"},
        )  # fmt: skip
        data = data.assign_coords(offset=[0, 1])
    if unit != "count" and "covariance" in data:
        data["covariance"].attrs["units"] = "1/cm2"
    return schema.validate(data, schema.PROFILE)
