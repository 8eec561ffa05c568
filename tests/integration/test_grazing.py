"""Maps at grazing incidence: pyFAI's components of q, direct sums, and errors that hold."""

import dataclasses
import math

import numpy as np
import pyFAI.detectors
import pytest
from frames_in_memory import SHAPE, make_frames, reference_geometry
from pyFAI.integrator.fiber import FiberIntegrator
from pyFAI.units import get_unit_fiber

import xrdkit as xk
from xrdkit.errors import EmptyResult, SchemaError, SpecError
from xrdkit.geometry import PARAMETERS
from xrdkit.integration.sample_frame import SampleFrame
from xrdkit.schema import radial_dim

IMAGE = np.random.default_rng(1).poisson(5, SHAPE)
CALIBRATION = dataclasses.replace(
    reference_geometry(), rot1=0.05, rot2=-0.03, rot3=0.02, poni1=0.02, poni2=0.04
)
#: Rotations about the three axes, small and large, of both signs.
ROTATIONS = [(0.0, 0.0, 0.0), (0.1, -0.2, 0.3), (-0.4, 0.3, 1.0)]
ANGLES = [(0.0, 0.0), (0.2, 0.0), (-3.0, 5.0), (12.0, -40.0)]


def spec(**changes):
    settings = {
        "incident_angle": 0.3,
        "tilt_angle": 1.0,
        "bins": (60, 50),
        "in_plane_range": (-4.0, 5.0),
        "out_of_plane_range": (-1.0, 7.0),
        "corrections": xk.IntegrationSpec(polarization=0.9),
    }
    return xk.GrazingSpec(**{**settings, **changes})


def reference(calibration):
    """Return pyFAI's integrator for a calibration of 172 um pixels."""
    detector = pyFAI.detectors.Detector(
        172e-6, 172e-6, max_shape=SHAPE, orientation=calibration.detector.orientation
    )
    values = {n: getattr(calibration, n) for n in ("poni1", "poni2", "rot1", "rot2", "rot3")}
    return FiberIntegrator(
        dist=calibration.distance,
        wavelength=calibration.wavelength * 1e-10,
        detector=detector,
        **values,
    )


def direct(calibration, values, wanted, shift=None):
    """Return the float64 histogram of `values` (y, x) over the cells of `wanted`."""
    in_plane, out_of_plane = wanted.frame.axes(calibration, SHAPE, shift=shift)
    (low, high), (bottom, top) = wanted.in_plane_range, wanted.out_of_plane_range
    inside = (in_plane < high) & (out_of_plane < top)
    edges = [
        np.linspace(bottom, top, wanted.bins[1] + 1),
        np.linspace(low, high, wanted.bins[0] + 1),
    ]
    return np.histogram2d(
        out_of_plane[inside], in_plane[inside], edges, weights=np.asarray(values, float)[inside]
    )[0]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("rotations", ROTATIONS)
def test_every_pixel_has_the_components_of_pyfai(rotations, orientation):
    rot1, rot2, rot3 = rotations
    calibration = dataclasses.replace(CALIBRATION, rot1=rot1, rot2=rot2, rot3=rot3)
    for incident, tilt in ANGLES:
        theirs = reference(calibration)  # it keeps maps by their name, whatever the angles
        frame = SampleFrame(incident_angle=incident, tilt_angle=tilt, orientation=orientation)
        for name, ours in zip(
            ("qip_nm^-1", "qoop_nm^-1"), frame.axes(calibration, SHAPE), strict=True
        ):
            unit = get_unit_fiber(
                name,
                incident_angle=math.radians(incident),
                tilt_angle=math.radians(tilt),
                sample_orientation=orientation,
            )
            expected = theirs.array_from_unit(unit=unit, typ="center", scale=True)
            np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("orientation", range(1, 5))
def test_detectors_that_run_the_other_way_are_those_of_pyfai(orientation):
    detector = dataclasses.replace(CALIBRATION.detector, orientation=orientation)
    calibration = dataclasses.replace(CALIBRATION, detector=detector)
    frame = SampleFrame(incident_angle=0.5, tilt_angle=2.0, orientation=6)
    for name, ours in zip(("qip_nm^-1", "qoop_nm^-1"), frame.axes(calibration, SHAPE), strict=True):
        unit = get_unit_fiber(
            name,
            incident_angle=math.radians(0.5),
            tilt_angle=math.radians(2.0),
            sample_orientation=6,
        )
        expected = reference(calibration).array_from_unit(unit=unit, typ="center", scale=True)
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)


def test_a_mirror_reflects_along_its_normal():
    # The specular beam leaves at the angle of incidence: q = 4 pi sin(alpha)/lambda, all of it
    # along the normal.
    alpha = 1.7
    height = 0.3 * math.tan(math.radians(2 * alpha))
    centre = 100.5 * 172e-6
    calibration = dataclasses.replace(reference_geometry(), poni1=centre - height, poni2=centre)
    frame = SampleFrame(incident_angle=alpha, tilt_angle=0.0, orientation=1)
    in_plane, out_of_plane = (v[100, 100] for v in frame.axes(calibration, SHAPE))
    assert in_plane == pytest.approx(0.0, abs=1e-12)
    assert out_of_plane == pytest.approx(40 * math.pi * math.sin(math.radians(alpha)), rel=1e-12)


def test_the_components_make_up_the_modulus():
    frame = SampleFrame(incident_angle=4.0, tilt_angle=-20.0, orientation=7)
    np.testing.assert_allclose(
        np.hypot(*frame.axes(CALIBRATION, SHAPE)), CALIBRATION.radial(SHAPE, "q"), rtol=1e-12
    )


def test_cells_equal_a_float64_histogram():
    result = xk.grazing_map(make_frames(IMAGE), CALIBRATION, spec())
    weight = CALIBRATION.solid_angle(SHAPE) * CALIBRATION.polarization(SHAPE, 0.9)
    counts, norm = (direct(CALIBRATION, v, spec()) for v in (IMAGE, weight))
    assert result["intensity"].dims == ("frame", "q_out_of_plane", "q_in_plane")
    np.testing.assert_array_equal(result["signal"].values[0], counts)
    np.testing.assert_allclose(result["normalization"].values[0], norm, rtol=1e-12)
    seen = norm > 0
    ratio = result["intensity"].values[0][seen] / (counts[seen] / norm[seen])
    np.testing.assert_allclose(ratio, 1.0, rtol=1e-12)
    in_plane, _ = spec().frame.axes(CALIBRATION, SHAPE)
    mean = direct(CALIBRATION, in_plane * weight, spec())[seen] / norm[seen]
    np.testing.assert_allclose(result["q_in_plane_mean"].values[0][seen], mean, atol=1e-12)
    for name, low, high, number in (("in_plane", -4, 5, 60), ("out_of_plane", -1, 7, 50)):
        edges = np.linspace(low, high, number + 1)
        np.testing.assert_array_equal(result[f"q_{name}_edges"], edges)
        np.testing.assert_allclose(result[f"q_{name}"], 0.5 * (edges[1:] + edges[:-1]))
        assert result[f"q_{name}"].attrs["units"] == "1/nm"


def test_cells_equal_those_of_pyfai():
    # Its compiled engines put pixels below the range into the lowest cells, its numpy one does not.
    result = xk.grazing_map(make_frames(IMAGE), CALIBRATION, spec())
    theirs = reference(CALIBRATION).integrate2d_fiber(
        IMAGE.astype(np.float64),
        npt_ip=60,
        npt_oop=50,
        ip_range=(-4, 5),
        oop_range=(-1, 7),
        incident_angle=0.3,
        tilt_angle=1.0,
        sample_orientation=1,
        angle_unit="deg",
        polarization_factor=0.9,
        method=("no", "histogram", "python"),
    )
    np.testing.assert_array_equal(theirs.count, result["n_pixels"].values[0])
    seen = theirs.count > 0
    np.testing.assert_allclose(
        theirs.intensity[seen], result["intensity"].values[0][seen], rtol=2e-7
    )


@pytest.mark.parametrize("orientation", [1, 4, 6])
def test_no_count_is_lost_and_cells_without_pixels_are_nan(orientation):
    wanted = spec(
        sample_orientation=orientation,
        in_plane_range=None,
        out_of_plane_range=None,
        bins=(300, 200),
        incident_angle=8.0,
    )
    result = xk.grazing_map(make_frames(IMAGE), CALIBRATION, wanted)
    assert result["counts"].sum() == IMAGE.sum()
    assert result["n_pixels"].sum() == IMAGE.size
    empty = result["n_pixels"].values == 0
    assert empty.any()
    for name in ("intensity", "sigma", "q_in_plane_mean"):
        np.testing.assert_array_equal(np.isnan(result[name].values), empty)


def test_the_missing_wedge_is_empty():
    # At 8 degree of incidence no pixel sees q along the normal but at the specular point.
    wanted = spec(incident_angle=8.0, tilt_angle=0.0, bins=(400, 50))
    result = xk.grazing_map(make_frames(IMAGE), CALIBRATION, wanted)
    in_plane, out_of_plane = wanted.frame.axes(CALIBRATION, SHAPE)
    row = int(np.argmin(np.abs(result["q_out_of_plane"].values - 1.0)))
    edges = result["q_out_of_plane_edges"].values[row : row + 2]
    near = np.abs(in_plane[(out_of_plane >= edges[0]) & (out_of_plane < edges[1])]).min()
    there = result["n_pixels"].values[0, row] > 0
    assert np.abs(result["q_in_plane"].values[there]).min() == pytest.approx(near, abs=0.0225)
    assert near > 0.1


@pytest.mark.parametrize("along", ["q_in_plane", "q_out_of_plane"])
def test_a_cut_is_the_sum_of_the_cells(along):
    wanted = spec(out_of_plane_range=(0.3, 4.7), in_plane_range=(-2.1, 3.3))
    frames = make_frames(np.stack([IMAGE, IMAGE + 1]), temperature=[300.0, 310.0])
    cells = xk.grazing_map(frames, CALIBRATION, wanted)
    cut = xk.grazing_cut(frames, CALIBRATION, wanted, along=along)
    (other,) = {"q_in_plane", "q_out_of_plane"} - {along}
    assert cut["intensity"].dims == ("frame", along)
    for name in ("signal", "counts", "n_pixels"):
        np.testing.assert_array_equal(cut[name], cells[name].sum(other))
    np.testing.assert_allclose(
        cut["normalization"], cells["normalization"].sum(other), rtol=1e-12, atol=0
    )
    np.testing.assert_array_equal(cut[along], cells[along])
    np.testing.assert_array_equal(cut["temperature"], [300.0, 310.0])
    assert radial_dim(cut) == along
    model = xk.error_model(cut, frame=1)
    np.testing.assert_allclose(model.sigma, cut["sigma"].values[1], rtol=1e-12)
    with pytest.raises(SchemaError, match="one radial dimension"):
        radial_dim(cells)


def test_a_cut_has_the_mean_position_of_its_own_axis():
    cut = xk.grazing_cut(make_frames(IMAGE), CALIBRATION, spec(), along="q_out_of_plane")
    weight = CALIBRATION.solid_angle(SHAPE) * CALIBRATION.polarization(SHAPE, 0.9)
    _, out_of_plane = spec().frame.axes(CALIBRATION, SHAPE)
    norm, moment = (
        direct(CALIBRATION, v, spec()).sum(axis=1) for v in (weight, weight * out_of_plane)
    )
    there = norm > 0
    np.testing.assert_allclose(
        cut["q_out_of_plane_mean"].values[0][there], moment[there] / norm[there], atol=1e-12
    )
    assert "normal of the sample" in cut["q_out_of_plane_mean"].attrs["long_name"]


def test_pixels_without_data_and_masked_ones_are_left_out():
    counts = IMAGE.astype(float)
    counts[200:203, 100:140] = np.nan
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:, 150] = True
    wanted = spec(corrections=xk.IntegrationSpec(mask=mask, solid_angle=False))
    result = xk.grazing_map(make_frames(counts), CALIBRATION, wanted)
    good = np.isfinite(counts) & ~mask
    expected = direct(CALIBRATION, np.where(good, counts, 0), wanted)
    np.testing.assert_array_equal(result["counts"].values[0], expected)
    np.testing.assert_array_equal(result["n_pixels"].values[0], direct(CALIBRATION, good, wanted))


def test_parallax_moves_pixels():
    shift = np.full(SHAPE, 3e-4)
    frames = make_frames(IMAGE)
    frames["radial_shift"] = (("y", "x"), shift, {"units": "m", "long_name": "shift"})
    result = xk.grazing_map(frames, CALIBRATION, spec())
    expected = direct(CALIBRATION, IMAGE, spec(), shift)
    np.testing.assert_array_equal(result["counts"].values[0], expected)
    assert (expected != direct(CALIBRATION, IMAGE, spec())).any()
    left_out = spec(corrections=xk.IntegrationSpec(without=("parallax",)))
    again = xk.grazing_map(frames, CALIBRATION, left_out)
    np.testing.assert_array_equal(again["counts"].values[0], direct(CALIBRATION, IMAGE, left_out))


def test_errors_have_the_width_of_the_scatter():
    rng = np.random.default_rng(5)
    expected = 2.0 + np.cos(np.arange(SHAPE[1]) / 30.0)[None, :] * np.ones(SHAPE)
    background = rng.poisson(np.ones((4, *SHAPE)))
    wanted = spec(
        bins=(20, 20),
        corrections=xk.IntegrationSpec(
            background=background,
            normalization=xk.Normalization(monitor=2.0, monitor_sigma=0.1),
            background_normalization=xk.Normalization(monitor=1.0),
        ),
    )
    frames = make_frames(rng.poisson(expected, (30, *SHAPE)))
    result = xk.grazing_map(frames, CALIBRATION, wanted)
    assert list(result["source"].values) == ["counting", "background", "monitor"]
    total = np.sqrt((result["errors"] ** 2).sum("source"))
    there = result["n_pixels"].values > 10
    np.testing.assert_allclose(result["sigma"].values[there], total.values[there], rtol=1e-12)
    counting = result["errors"].sel(source="counting")
    pulls = ((result["intensity"] - result["intensity"].mean("frame")) / counting).values[there]
    assert np.sqrt(np.mean(pulls**2) * 30 / 29) == pytest.approx(1.0, abs=0.02)
    product = result["ledger"].prod("correction", skipna=False).values
    raw = (result["counts"] / result["n_pixels"]).values
    np.testing.assert_allclose((product * raw)[there], result["intensity"].values[there], rtol=1e-9)


def with_errors(sizes):
    """Return the calibration with independent errors (distance, poni1, poni2, ..., wavelength)."""
    matrix = np.diag(np.array(sizes) ** 2)
    return dataclasses.replace(CALIBRATION, covariance=tuple(map(tuple, matrix.tolist())))


def smooth_map(truth, wanted):
    """Return frames of exp(-q_ip/3 - q_oop/4), their map, and its cells that are well inside."""
    in_plane, out_of_plane = wanted.frame.axes(truth, SHAPE)
    frames = make_frames(1e6 * np.exp(-in_plane / 3 - out_of_plane / 4))
    result = xk.grazing_map(frames, truth, wanted)
    pixels = result["n_pixels"].values[0]
    middle = pixels > 0.7 * np.median(pixels[pixels > 0])
    middle[[0, -1]] = middle[:, [0, -1]] = False
    return frames, result, middle


def test_errors_of_the_calibration_move_both_components():
    sizes = [1e-4, 5e-5, 5e-5, 0.0, 0.0, 5e-5]
    truth = with_errors(sizes)
    wanted = spec(bins=(18, 16), corrections=xk.IntegrationSpec(solid_angle=False))
    _, result, middle = smooth_map(truth, wanted)
    pixels = np.maximum(result["n_pixels"].values[0], 1)
    expected, moves = np.zeros(middle.shape), np.zeros((2, *middle.shape))
    for name, size in zip(PARAMETERS, sizes, strict=True):
        up, down = (
            wanted.frame.axes(
                dataclasses.replace(truth, **{name: getattr(truth, name) + sign * size}), SHAPE
            )
            for sign in (1, -1)
        )
        shifts = [
            direct(truth, 0.5 * (u - d), wanted) / pixels for u, d in zip(up, down, strict=True)
        ]
        expected += (shifts[0] / 3 + shifts[1] / 4) ** 2
        moves += np.square(shifts)
    names = [n for n in result["source"].values if str(n).startswith("geometry")]
    assert len(names) == 4
    assert set(result["source_bins"].sel(source=names).values) == {"common"}
    total = np.sqrt((result["errors"].sel(source=names) ** 2).sum("source"))
    relative = (total / result["intensity"]).values[0]
    ratio = relative[middle] / np.sqrt(expected)[middle]
    # Slopes are taken between cells whose pixels do not lie quite in one row, least so at a rim.
    assert np.all(np.abs(np.percentile(ratio, [5, 50, 95]) - 1) < 0.02)
    np.testing.assert_allclose(ratio, 1.0, rtol=0.1)
    for name, move in zip(("q_in_plane_sigma", "q_out_of_plane_sigma"), moves, strict=True):
        assert result[name].dims == result["intensity"].dims
        np.testing.assert_allclose(result[name].values[0][middle], np.sqrt(move)[middle], rtol=1e-9)


@pytest.mark.parametrize("name", ["poni1", "poni2"])
def test_a_wrong_calibration_is_off_by_its_error(name):
    sizes = [1e-4 if n == name else 0.0 for n in PARAMETERS]
    truth = with_errors(sizes)
    wanted = spec(bins=(18, 16), corrections=xk.IntegrationSpec(solid_angle=False))
    frames, result, middle = smooth_map(truth, wanted)
    moved = dataclasses.replace(truth, covariance=None, **{name: getattr(truth, name) + 1e-4})
    change = xk.grazing_map(frames, moved, wanted)["intensity"] / result["intensity"] - 1
    stated = result["errors"].sel(source="geometry_1") / result["intensity"]
    # Over many cells: of each, pixels of its rim hop to the next.
    found, told = (float(np.mean(v.values[0][middle])) for v in (change, stated))
    assert abs(found) == pytest.approx(abs(told), rel=0.05)


@pytest.mark.parametrize("along", ["q_in_plane", "q_out_of_plane"])
def test_a_cut_knows_how_the_intensity_changes_across_it(along):
    # The error of poni1 moves pixels out of the plane, that of poni2 in it.
    for name in ("poni1", "poni2"):
        sizes = [1e-4 if n == name else 0.0 for n in PARAMETERS]
        truth = with_errors(sizes)
        wanted = spec(
            bins=(9, 8),
            in_plane_range=(1.0, 4.0),
            out_of_plane_range=(1.0, 5.0),
            corrections=xk.IntegrationSpec(solid_angle=False),
        )
        frames, _, _ = smooth_map(truth, wanted)
        cut = xk.grazing_cut(frames, truth, wanted, along=along)
        up, down = (
            xk.grazing_cut(
                frames,
                dataclasses.replace(truth, **{name: getattr(truth, name) + step}),
                wanted,
                along=along,
            )["intensity"]
            for step in (2e-4, -2e-4)
        )
        found = float(((up - down) / cut["intensity"]).mean()) / 4
        told = float((cut["errors"].sel(source="geometry_1") / cut["intensity"]).mean())
        assert abs(told) == pytest.approx(abs(found), rel=0.02)
        assert f"{along}_sigma" in cut


def test_a_calibration_that_is_exact_adds_no_error():
    truth = with_errors([0.0] * 6)
    for made in (
        xk.grazing_map(make_frames(IMAGE), truth, spec()),
        xk.grazing_cut(make_frames(IMAGE), truth, spec(), along="q_in_plane"),
    ):
        assert list(made["source"].values) == ["counting"]


def test_a_zinger_is_left_out_where_outliers_are_looked_for():
    image = IMAGE.copy()
    image[100, 200] = 100_000
    wanted = spec(corrections=xk.IntegrationSpec(outliers=xk.OutlierSpec()))
    result = xk.grazing_map(make_frames(image), CALIBRATION, wanted)
    assert result["n_outliers"].sum() == 1
    assert result["counts"].max() < 100_000


def test_maps_and_cuts_are_stored(tmp_path):
    for number, made in enumerate(
        (
            xk.grazing_map(make_frames(IMAGE), CALIBRATION, spec()),
            xk.grazing_cut(make_frames(IMAGE), CALIBRATION, spec(), along="q_out_of_plane"),
        )
    ):
        path = tmp_path / f"{number}.nc"
        xk.save(made, path)
        assert xk.load(path).identical(made)


def test_the_argument_is_unchanged_and_the_step_is_recorded():
    frames = make_frames(IMAGE, monitor=[3.0])
    before = frames.copy(deep=True)
    result = xk.grazing_map(frames, CALIBRATION, spec())
    assert before.identical(frames)
    assert '"step":"grazing_map"' in result.attrs["provenance"]
    assert '"step":"cake"' not in result.attrs["provenance"]
    assert result.attrs["schema"] == "xrdkit/grazing/1"
    np.testing.assert_array_equal(result["monitor"], [3.0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"incident_angle": 91.0}, "incident_angle"),
        ({"incident_angle": math.nan}, "incident_angle"),
        ({"tilt_angle": 181.0}, "tilt_angle"),
        ({"sample_orientation": 0}, "sample_orientation"),
        ({"sample_orientation": True}, "sample_orientation"),
        ({"bins": (10, 0)}, "bins"),
        ({"bins": 10}, "bins"),
        ({"bins": (2000, 2000)}, "4000000 cells"),
        ({"in_plane_range": (1.0, 1.0)}, "in_plane_range"),
        ({"out_of_plane_range": (0.0, math.inf)}, "out_of_plane_range"),
        ({"corrections": None}, "corrections"),
        ({"corrections": xk.IntegrationSpec(bins=20)}, "states bins"),
        ({"corrections": xk.IntegrationSpec(edges=[0.0, 1.0])}, "states edges"),
        ({"corrections": xk.IntegrationSpec(splitting="full")}, "states splitting"),
        ({"corrections": xk.IntegrationSpec(azimuth_range=(0, 90))}, "states azimuth_range"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(SpecError, match=message):
        spec(**changes)


def test_wrong_arguments_are_refused():
    frames = make_frames(IMAGE)
    with pytest.raises(SpecError, match="not a Calibration"):
        xk.grazing_map(frames, None, spec())
    with pytest.raises(SpecError, match="not a GrazingSpec"):
        xk.grazing_map(frames, CALIBRATION, xk.IntegrationSpec())
    with pytest.raises(SpecError, match="along 'q'"):
        xk.grazing_cut(frames, CALIBRATION, spec(), along="q")
    with pytest.raises(EmptyResult, match="no usable pixel"):
        xk.grazing_map(frames, CALIBRATION, spec(out_of_plane_range=(80.0, 90.0)))


def test_cuts_are_averaged_like_profiles():
    rng = np.random.default_rng(2)
    frames = make_frames(rng.poisson(4.0, (3, *SHAPE)))
    cut = xk.grazing_cut(frames, CALIBRATION, spec(), along="q_in_plane")
    mean = xk.average(cut)
    np.testing.assert_allclose(
        mean["intensity"].values.ravel(), cut["intensity"].mean("frame"), rtol=0.05
    )
    expected = cut["sigma"].values[0] / math.sqrt(3)
    np.testing.assert_allclose(mean["sigma"].values.ravel(), expected, rtol=0.1)
