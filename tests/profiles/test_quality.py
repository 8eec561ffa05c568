"""Frames of a series against each other: p-values that are uniform, changes that are found."""

import numpy as np
import pytest
import xarray as xr
from profiles.known_profiles import known_profile
from scipy import stats

from xrdkit import errors, provenance
from xrdkit.profiles import average, frame_quality

EDGES = np.linspace(1.0, 5.0, 201)
PIXELS = 100


def curve(q):
    return 1.0 + 2.0 * np.exp(-0.5 * ((q - 3) / 0.3) ** 2)


def flags(quality, name):
    masks = dict(
        zip(quality.flag.attrs["flag_meanings"].split(), quality.flag.attrs["flag_masks"],
            strict=True)
    )  # fmt: skip
    return (quality.flag.values & masks[name]) > 0


def series(counts, rng, frames, *, first=1.0, **options):
    """Return frames of about `counts` counts per bin; the first with `first` times as many."""
    level = counts / PIXELS / 1.3
    return known_profile(
        lambda q: level * curve(q), rng, edges=EDGES, pixels=PIXELS,
        doses=(first, *[1.0] * (frames - 1)), **options,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "split"),
    [(1, 0.0), (3, 0.0), (10, 0.0), (1e4, 0.0), (3, 0.4), (10, 0.4), (1e4, 0.4)],
)
def test_p_values_are_uniform_where_nothing_changed(counts, split):
    """The first frame is long, so that the others are tested independently of each other. With one
    count per bin, 200 in all, the total is too coarse for a continuous p-value of the scale."""
    data = series(counts, np.random.default_rng(7), 1001, first=1e4, split=split)
    quality = frame_quality(data.isel(q=slice(1, None)), dropped_below=0.0)
    for name in ("p_shape", "p_scale", "p_value"):
        p = quality[name].values[1:]
        assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.021), name
        if name == "p_shape" or counts > 1:
            assert stats.kstest(p, "uniform").pvalue > 0.05 / 21, name  # of 21 such tests


@pytest.mark.parametrize("split", [0.0, 0.4])
def test_one_in_a_hundred_good_frames_is_flagged(split):
    data = series(100, np.random.default_rng(20), 4001, first=1e4, split=split)
    quality = frame_quality(data.isel(q=slice(1, None)), dropped_below=0.0)
    assert float((quality.p_value[1:] < 0.01).mean()) == pytest.approx(0.01, abs=0.005)
    # Scale and shape share alpha with the trend of the series.
    assert float((~quality.keep[1:]).mean()) == pytest.approx(0.01 * 2 / 3, abs=0.005)


@pytest.mark.parametrize("counts", [1, 10, 1000])
def test_p_values_of_two_equal_frames_are_uniform(counts):
    rng = np.random.default_rng(2)
    found = [frame_quality(series(counts, rng, 2, dark=0.02)) for _ in range(200)]
    for name in ("p_shape", "p_scale", "p_value"):
        p = np.array([float(q[name][1]) for q in found])
        assert stats.kstest(p, "uniform").pvalue > 0.05, name


def test_the_median_is_a_fair_reference_and_so_is_the_trend():
    rng = np.random.default_rng(3)
    shape, scale, trend_scale, trend_shape, kept = [], [], [], [], []
    for _ in range(120):
        quality = frame_quality(series(50, rng, 12, monitor=0.01), reference="median")
        shape.append(float(quality.p_shape[rng.integers(12)]))
        scale.append(float(quality.p_scale[rng.integers(12)]))
        trend_scale.append(float(quality.drift_p_scale))
        trend_shape.append(float(quality.drift_p_shape))
        kept.append(quality.keep.values)
    for p in (shape, trend_scale, trend_shape):
        assert stats.kstest(p, "uniform").pvalue > 0.05
    # The middle half of the levels scatters less than frames drawn at will: on the safe side.
    assert np.mean(np.array(scale) < 0.05) < 0.08
    assert np.mean(~np.array(kept)) == pytest.approx(0.01, abs=0.005)


def test_false_alarms_of_whole_series():
    rng = np.random.default_rng(4)
    alarms = [
        not frame_quality(series(30, rng, 8), alpha=0.1, family="series").keep.all()
        for _ in range(150)
    ]
    assert np.mean(alarms) <= 0.1 + 3 * np.sqrt(0.09 / 150)
    assert np.mean(alarms) > 0.02


def test_a_drift_of_one_percent_is_found():
    """At 1e4 counts per bin, over ten frames, in the scale and in the shape."""
    rng = np.random.default_rng(5)
    q = 0.5 * (EDGES[:-1] + EDGES[1:])
    ramp = np.linspace(0, 0.01, 10)[:, None]
    found = {"scale": 0, "shape": 0}
    for _ in range(40):
        steady = 77 * np.tile(curve(q), (10, 1))
        for name, change in (("scale", 1 - ramp), ("shape", 1 + ramp * np.sign(3 - q))):
            data = known_profile(steady * change, rng, edges=EDGES, doses=(1.0,) * 10,
                                 monitor=0.0005)  # fmt: skip
            found[name] += bool(flags(frame_quality(data), "drift")[-1])
    assert found["scale"] > 36
    assert found["shape"] > 36
    quality = frame_quality(data)
    assert not flags(quality, "drift")[0]


@pytest.mark.parametrize("odd", [1, 5, 20, 23])
@pytest.mark.parametrize("kind", ["scale", "shape"])
def test_one_odd_frame_is_no_drift_of_the_others(odd, kind):
    q = 0.5 * (EDGES[:-1] + EDGES[1:])
    truth = np.tile(77 * curve(q), (24, 1))
    truth[odd] *= 1.3 if kind == "scale" else 1 + 0.3 * np.sign(3 - q)
    data = known_profile(truth, np.random.default_rng(9), edges=EDGES, doses=(1.0,) * 24,
                         monitor=0.0005)  # fmt: skip
    quality = frame_quality(data, alpha=1e-3)
    assert not flags(quality, "drift").any()
    assert np.flatnonzero(~quality.keep.values).tolist() == [odd]


def test_a_change_of_one_percent_is_found_in_one_frame():
    rng = np.random.default_rng(6)
    q = 0.5 * (EDGES[:-1] + EDGES[1:])
    found = {"scale_changed": 0, "shape_changed": 0}
    for _ in range(50):
        for name, change in (("scale_changed", 1.01), ("shape_changed", 1 + 0.01 * np.sign(3 - q))):
            truth = 77 * curve(q) * np.stack([np.ones_like(q), change * np.ones_like(q)])
            data = known_profile(truth, rng, edges=EDGES, doses=(1.0, 1.0))
            found[name] += bool(flags(frame_quality(data), name)[1])
    assert found["scale_changed"] > 45
    assert found["shape_changed"] > 45


def test_a_scatter_of_the_monitor_that_is_known_is_no_change():
    data = series(1e4, np.random.default_rng(7), 200, monitor=0.03)
    known = frame_quality(data)
    assert float((~known.keep).mean()) < 0.03
    blind = data.drop_sel(source="monitor")
    blind["sigma"] = blind.errors.sel(source="counting", drop=True).assign_attrs(data.sigma.attrs)
    unknown = frame_quality(blind)
    assert flags(unknown, "scale_changed").mean() > 0.9
    assert flags(unknown, "shape_changed").mean() < 0.03
    assert not flags(frame_quality(blind, tolerance=0.15), "scale_changed").any()


def test_a_dark_that_all_frames_share_is_no_difference():
    """Its error is three times that of counting, and the same in every frame."""
    data = series(1000, np.random.default_rng(8), 120, dark=200.0, dark_frames=0.1)
    ratio = data.errors.sel(source="dark") / data.errors.sel(source="counting")
    assert float(ratio.median()) > 3
    p = frame_quality(data, reference="median").p_shape.values
    assert stats.kstest(p, "uniform").pvalue > 0.05


def test_blank_and_dropped_frames_are_named_and_left_out():
    rng = np.random.default_rng(9)
    data = series(1000, rng, 8)
    gone = data.copy(deep=True)
    for name in ("intensity", "counts", "signal"):
        gone[name][0] = 0.0
    gone["intensity"][5] = gone["sigma"][5] = gone["errors"][5] = np.nan
    gone = gone.assign_coords(monitor=("frame", [1, 1, 1, 0.2, 1, 1, 1, 1.0]))
    quality = frame_quality(gone)
    assert np.flatnonzero(flags(quality, "blank")).tolist() == [0, 5]
    assert np.flatnonzero(flags(quality, "dropped_beam")).tolist() == [3]
    assert quality.attrs["reference_frame"] == 1
    assert (
        quality.p_value.isnull().values.tolist()
        == [True, True] + [False] * 3 + [True] + [False] * 2
    )
    assert quality.keep.values[[0, 3, 5]].tolist() == [False] * 3
    one = average(gone, keep=quality["keep"])
    assert int(one.n_frames[0]) == int(quality.keep.sum())
    weak = data.drop_vars("monitor")
    for name in ("intensity", "counts", "signal"):
        weak[name][2] = weak[name][2] * 0.1
    assert np.flatnonzero(flags(frame_quality(weak), "dropped_beam")).tolist() == [2]
    nothing = frame_quality(data.isel(frame=[0, 1]), reference=1)
    assert nothing.attrs["reference_frame"] == 1
    with pytest.raises(errors.EmptyResult, match="frame 0, is blank"):
        frame_quality(gone, reference=0)
    for name in ("intensity", "counts", "signal"):
        gone[name][:] = 0.0
    with pytest.raises(errors.EmptyResult, match="no frame has beam"):
        frame_quality(gone)


def test_without_counts_the_stated_errors_are_used():
    data = series(1000, np.random.default_rng(10), 300, first=1e4)
    bare = data[["intensity", "sigma"]]
    quality = frame_quality(bare, dropped_below=0.0)
    assert quality.attrs["statistics"] == "sigma"
    assert stats.kstest(quality.p_shape.values[1:], "uniform").pvalue > 0.05
    assert frame_quality(data).attrs["statistics"] == "counts"


def test_empty_bins_are_left_out():
    data = series(100, np.random.default_rng(11), 6)
    gap = data.q < 2
    holed = data.where(~gap)
    for name in ("intensity", "sigma"):
        holed[name].attrs = data[name].attrs
    quality = frame_quality(holed.transpose("frame", "source", "correction", ...))
    assert quality.shape_dof[1:].values == pytest.approx(149, abs=1)
    holed = data.copy(deep=True)
    holed["intensity"][2, 20:50] = np.nan
    quality = frame_quality(holed)
    assert float(quality.shape_dof[2]) == pytest.approx(169, abs=1)
    assert float(quality.shape_dof[3]) == pytest.approx(199, abs=1)


def test_the_argument_is_not_changed_and_the_step_is_recorded():
    data = series(100, np.random.default_rng(12), 5, monitor=0.01, dark=0.1, split=0.3)
    before = data.copy(deep=True)
    quality = frame_quality(data)
    xr.testing.assert_identical(data, before)
    assert provenance.steps(quality)[-1].step == "frame_quality"
    assert quality.keep.dtype == bool


@pytest.mark.parametrize(
    "options",
    [
        {"alpha": 0.0}, {"alpha": 0.6}, {"reference": "best"}, {"reference": 7},
        {"family": "all"}, {"tolerance": -1.0}, {"dropped_below": 1.0},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(options):
    with pytest.raises(errors.SpecError):
        frame_quality(series(10, np.random.default_rng(13), 3), **options)


def test_one_curve_is_no_series():
    data = series(10, np.random.default_rng(14), 3)
    with pytest.raises(errors.SchemaError, match="no frames"):
        frame_quality(data.isel(frame=0, drop=True))
    with pytest.raises(errors.SpecError, match="median of 3"):
        frame_quality(data, reference="median")
