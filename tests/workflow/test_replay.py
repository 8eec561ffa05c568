"""Results computed again from their provenance: the same, or refused by the name of an input."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from frames_in_memory import make_frames

import xrdkit as xk
from xrdkit.averaging import average_frames
from xrdkit.canonical import plain, sha256_array
from xrdkit.corrections import (
    CORRECTIONS,
    Background,
    Dark,
    DetectorEfficiency,
    Dose,
    Flat,
    Polarization,
    SolidAngle,
)
from xrdkit.errors import FrameFormatUnknown, InputError, RefusedError, SpecError
from xrdkit.integration.outlier_spec import OutlierSpec
from xrdkit.phase import RefinementSpec, Structure, embedded_structure
from xrdkit.profiles import average, merge
from xrdkit.provenance import ATTRIBUTE, fingerprint, input_record
from xrdkit.workflow import products, run
from xrdkit.workflow.rebuilt import rebuilt
from xrdkit.workflow.replay import TOLERANCE, replay
from xrdkit.workflow.replay_compare import differences

SHAPE = (60, 50)
CALIBRATION = xk.Calibration(
    distance=0.1,
    poni1=0.0051,
    poni2=0.0042,
    rot1=0.02,
    wavelength=1.0,
    detector=xk.Detector(pixel_size_y=172e-6, pixel_size_x=172e-6, shape=SHAPE),
)
SPEC = xk.IntegrationSpec(bins=20, range=(0.5, 3.0), polarization=0.9)


def results_of(recipe: Path, into: Path) -> Path:
    """Run a recipe without drawing its report; return the folder of the results."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "write_report", lambda _, path, **__: path.write_text("x"))
        for _ in run(recipe, into=into, engine="local"):
            pass
    return into


@pytest.fixture(scope="module")
def done(source, tmp_path_factory):
    """Folder of a run over both detectors, blocks of two frames."""
    return results_of(source / "both.toml", tmp_path_factory.mktemp("results"))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path_factory, monkeypatch):
    """The current folder holds no input."""
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture
def files(tmp_path):
    """Frames, darks, a flat and a mask in files, as (folder, names to what is in them)."""
    rng = np.random.default_rng(3)
    folder = tmp_path / "inputs" / "deep"
    folder.mkdir(parents=True)
    for k in range(3):
        np.save(folder / f"frame_{k}.npy", rng.poisson(40.0, SHAPE).astype(np.uint32))
        np.save(folder / f"dark_{k}.npy", rng.poisson(2.0, SHAPE).astype(np.uint32))
    np.save(folder / "flat.npy", rng.normal(1.0, 0.02, SHAPE))
    np.save(folder / "mask.npy", (rng.random(SHAPE) < 0.05).astype(np.uint8))
    return folder


def frames_of(folder: Path) -> xr.Dataset:
    return xk.open_frames(str(folder / "frame_*.npy"))


@pytest.mark.parametrize("name", ["saxs.profile", "saxs.sizes", "waxs.profile", "waxs.phases"])
def test_the_results_of_a_run_come_out_byte_for_byte(done, source, name):
    again = replay(done / f"{name}.nc", inputs=source)
    assert again.verdict == "same"
    assert again.identical
    assert again.max_difference == 0.0
    assert again.software == ()
    label = name.partition(".")[0]
    assert {i.path.parent for i in again.inputs} == {source / label}
    assert "mask" in {i.name for i in again.inputs}
    assert again.from_result == (("time", "cell_potential") if label == "saxs" else ())


def test_refinements_are_cut_into_the_blocks_of_the_run(done, source):
    # A frame starts from the last good fit of its block: in one piece the fits differ.
    stored = xk.load(done / "waxs.phases.nc")
    profile = xk.load(done / "waxs.profile.nc")
    whole = xk.refine_phases(profile, ["Pt"], RefinementSpec(strain=False))
    apart = max(differences(stored, whole).values())
    assert apart > TOLERANCE
    assert replay(done / "waxs.phases.nc", inputs=source).max_difference == 0.0


def test_one_changed_byte_of_a_frame_is_refused_by_name(done, source, tmp_path):
    copy = shutil.copytree(source / "saxs", tmp_path / "copy")
    frame = copy / "frame_0003.edf"
    content = bytearray(frame.read_bytes())
    content[len(content) // 2] ^= 1
    frame.write_bytes(content)
    with pytest.raises(InputError, match=r"frame_0003\.edf: has changed"):
        replay(done / "saxs.profile.nc", inputs=copy)
    # The same file elsewhere, under another name, will do.
    shutil.copy(source / "saxs" / "frame_0003.edf", copy / "kept.edf")
    assert replay(done / "saxs.profile.nc", inputs=copy).identical


def test_one_changed_byte_of_linked_data_is_refused_by_name(done, source, tmp_path):
    copy = shutil.copytree(source / "waxs", tmp_path / "copy")
    data = copy / "series_data_000001.h5"
    content = bytearray(data.read_bytes())
    content[-1000] ^= 1
    data.write_bytes(content)
    with pytest.raises(InputError, match=r"series_data_000001\.h5: has changed"):
        replay(done / "waxs.phases.nc", inputs=copy)


def test_a_changed_mask_is_refused_by_name(done, source, tmp_path):
    copy = shutil.copytree(source / "saxs", tmp_path / "copy")
    mask = copy / "mask.edf"
    content = bytearray(mask.read_bytes())
    content[-200] ^= 1
    mask.write_bytes(content)
    with pytest.raises(InputError, match=r"mask\.edf: has changed since the result was made"):
        replay(done / "saxs.sizes.nc", inputs=copy)


def test_a_missing_input_is_named(done, source, tmp_path):
    copy = shutil.copytree(source / "saxs", tmp_path / "copy")
    (copy / "frame_0002.edf").unlink()
    with pytest.raises(InputError, match=r"the input 'frame_0002\.edf' is missing"):
        replay(done / "saxs.profile.nc", inputs=copy)
    with pytest.raises(SpecError, match="not a folder"):
        replay(done / "saxs.profile.nc", inputs=tmp_path / "nowhere")


def test_verbs_called_in_python_are_replayed(files, tmp_path):
    spec = xk.IntegrationSpec(
        edges=np.linspace(0.5, 3.0, 15),
        polarization=0.9,
        azimuth_range=(-170.0, 170.0),
        mask=xk.load_mask(files / "mask.npy"),
        dark=xk.open_frames(str(files / "dark_*.npy")),
        flat=np.load(files / "flat.npy"),
        background=xk.open_frames(files / "dark_1.npy"),
        background_scale=0.7,
        normalization=xk.Normalization(monitor="frame", thickness=0.1),
        background_normalization=xk.Normalization(monitor=2.0),
    )
    frames = frames_of(files).assign_coords(monitor=("frame", [3.0, 4.0, 5.0]))
    chosen = frames.isel(frame=[2, 0])
    xk.save(xk.integrate(chosen, CALIBRATION, spec), tmp_path / "some.nc")
    again = replay(tmp_path / "some.nc", inputs=tmp_path / "inputs")
    assert again.identical
    assert again.from_result == ("monitor",)
    names = {item.name: item.path.name for item in again.inputs}
    assert names["dark"] == "dark_0.npy"
    assert names["background"] == "dark_1.npy"
    assert names["flat"] == "flat.npy"
    assert names["mask"] == "mask.npy"


def test_inputs_recorded_with_their_files_are_found_by_name(files, tmp_path):
    dark = xk.open_frames([str(files / "dark_2.npy"), str(files / "dark_0.npy")])
    mask = xk.load_mask(files / "mask.npy")
    assert mask.attrs["source_sha256"] == fingerprint(files / "mask.npy")
    spec = replace(SPEC, dark=dark, mask=mask)
    profile = xk.integrate(frames_of(files), CALIBRATION, spec)
    record = json.loads(profile.attrs[ATTRIBUTE])
    wanted = record[-1]["settings"]["spec"]
    for name, value in (("dark", dark), ("mask", mask)):
        wanted[name] = input_record(value)
        assert wanted[name]["sha256"] == sha256_array(
            value["counts"].values if name == "dark" else value.values
        )
    assert wanted["dark"]["files"] == ["dark_2.npy", "dark_0.npy"]
    stored = profile.assign_attrs({ATTRIBUTE: json.dumps(record)})
    again = replay(stored, inputs=files)
    assert again.identical
    assert {"dark_2.npy", "dark_0.npy", "mask.npy"} <= {item.name for item in again.inputs}
    for name in ("mask.npy", "dark_0.npy"):
        content = bytearray((files / name).read_bytes())
        content[-1] ^= 1
        (files / name).write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}: has changed"):
            replay(stored, inputs=files)
        content[-1] ^= 1
        (files / name).write_bytes(content)
    assert input_record(np.ones(3)) == sha256_array(np.ones(3))


def test_a_dataset_that_was_named_is_opened_again(tmp_path):
    rng = np.random.default_rng(8)
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        for name in ("one", "two"):
            file[name] = rng.poisson(30.0, (2, *SHAPE)).astype(np.uint32)
    profile = xk.integrate(xk.open_frames(f"{tmp_path}/scan.h5::/two"), CALIBRATION, SPEC)
    record = json.loads(profile.attrs[ATTRIBUTE])
    record[0]["settings"].pop("parts", None)
    without = profile.assign_attrs({ATTRIBUTE: json.dumps(record)})
    with pytest.raises(FrameFormatUnknown, match="several datasets"):
        replay(without, inputs=tmp_path)
    record[0]["settings"]["parts"] = ["scan.h5::/two"]
    named = profile.assign_attrs({ATTRIBUTE: json.dumps(record)})
    assert replay(named, inputs=tmp_path).identical


def test_cakes_and_single_frames_are_replayed(files, tmp_path):
    frames = frames_of(files)
    xk.save(xk.cake(frames, CALIBRATION, SPEC), tmp_path / "cake.nc")
    assert replay(tmp_path / "cake.nc", inputs=files).identical
    one = xk.integrate(frames, CALIBRATION, SPEC).isel(frame=1)
    xk.save(one, tmp_path / "one.nc")
    assert replay(tmp_path / "one.nc", inputs=files).identical


def test_corrections_are_replayed(files, tmp_path):
    frames = frames_of(files)
    dark = average_frames(xk.open_frames(str(files / "dark_*.npy")))
    steps = [
        Dark(dark=dark),
        Flat(response=np.load(files / "flat.npy")),
        SolidAngle(calibration=CALIBRATION),
        Polarization(calibration=CALIBRATION, factor=0.9),
        Dose(values=(2.0, 3.0, 4.0)),
    ]
    spec = xk.IntegrationSpec(bins=20, range=(0.5, 3.0), solid_angle=False)
    empty = xk.correct(xk.open_frames(files / "dark_0.npy"), steps[2:4])
    below = xk.integrate(empty, CALIBRATION, spec)
    xk.save(xk.correct(xk.open_frames(files / "dark_0.npy"), []), tmp_path / "unused.nc")
    profile = xk.integrate(xk.correct(frames, steps[:-1]), CALIBRATION, spec)
    xk.save(below, tmp_path / "below.nc")
    net = xk.correct(profile, [Background(profile=below, scale=0.5, scale_sigma=0.01)])
    xk.save(net, tmp_path / "net.nc")
    again = replay(tmp_path / "net.nc", inputs=files)
    assert again.identical
    assert {"below.nc", "dark", "response"} <= {item.name for item in again.inputs}
    dosed = xk.integrate(xk.correct(frames, steps), CALIBRATION, spec)
    xk.save(dosed, tmp_path / "dosed.nc")
    assert replay(tmp_path / "dosed.nc", inputs=files).identical


MORE = {
    "AbsoluteIntensity": {"scale": 3.0, "sigma": 0.1},
    "AirAbsorption": {"calibration": CALIBRATION, "gas": "nitrogen", "parts": (("kapton", 5e-5),)},
    "CapillaryAbsorption": {"calibration": CALIBRATION, "mu_r": 0.4},
    "DeadTime": {"dead_time": 1e-7, "model": "paralyzable"},
    "DetectorEfficiency": {"calibration": CALIBRATION, "material": "Si", "thickness": 320e-6},
    "Parallax": {"calibration": CALIBRATION, "material": "Si", "thickness": 320e-6},
    "PlateAbsorption": {"calibration": CALIBRATION, "mu_t": 0.3},
}


def test_every_correction_is_replayed_somewhere():
    here = {"Dark", "Flat", "SolidAngle", "Polarization", "Dose", "Background", *MORE}
    assert {kind.__name__ for _, kind in CORRECTIONS.items()} <= here


@pytest.mark.parametrize("name", sorted(MORE))
def test_a_correction_comes_back_from_its_record(files, name):
    kind = {each.__name__: each for _, each in CORRECTIONS.items()}[name]
    frames = frames_of(files).assign_coords(exposure_time=("frame", [1.0, 1.0, 1.0]))
    one = [kind(**MORE[name])]
    if getattr(kind, "acts_on", "frames") == "profile":
        profile = xk.correct(xk.integrate(frames, CALIBRATION, SPEC), one)
    else:
        profile = xk.integrate(xk.correct(frames, one), CALIBRATION, SPEC)
    again = replay(profile, inputs=files)
    assert again.identical, again.differences
    bare = xk.integrate(frames, CALIBRATION, SPEC)
    assert not np.array_equal(bare["intensity"].values, profile["intensity"].values)


def test_a_correction_that_comes_out_otherwise_is_refused(files):
    steps = [DetectorEfficiency(calibration=CALIBRATION, material="Si", thickness=320e-6)]
    profile = xk.integrate(xk.correct(frames_of(files), steps), CALIBRATION, SPEC)
    record = json.loads(profile.attrs[ATTRIBUTE])
    record[1]["settings"]["grade"] = 7
    changed = profile.assign_attrs({ATTRIBUTE: json.dumps(record)})
    with pytest.raises(RefusedError, match="grade of DetectorEfficiency is None here, 7 in the"):
        replay(changed, inputs=files)


def test_splitting_errors_and_outliers_are_replayed(files):
    sure = tuple(tuple(1e-12 if i == j else 0.0 for j in range(6)) for i in range(6))
    calibration = replace(CALIBRATION, covariance=sure)
    spec = xk.IntegrationSpec(
        bins=40,
        range=(0.5, 3.0),
        splitting="full",
        azimuth_slice=(180.0, 200.0),
        outliers=OutlierSpec(alpha=1e-2),
        normalization=xk.Normalization(transmission=0.5, transmission_sigma=0.01),
    )
    profile = xk.integrate(frames_of(files), calibration, spec)
    assert {"covariance", "errors", "ledger"} <= set(profile.data_vars)
    again = replay(profile, inputs=files)
    assert again.identical, again.differences


def test_stated_facts_and_added_frames_are_replayed(files):
    frames = xk.open_frames(str(files / "frame_*.npy"), stated={"monitor": [2.0, 3.0, 4.0]})
    spec = replace(SPEC, normalization=xk.Normalization(monitor="frame"))
    profile = xk.integrate(frames, CALIBRATION, spec)
    again = replay(profile, inputs=files)
    assert again.identical
    assert again.from_result == ()
    for groups, keep in ((None, None), (["b", "a", "b"], None), (None, [True, False, True])):
        added = average(profile, groups=groups, keep=keep)
        again = replay(added, inputs=files)
        assert again.identical, again.differences


def test_merged_profiles_are_replayed_from_the_stored_ones(files, tmp_path):
    far = replace(CALIBRATION, distance=0.2)
    near = xk.integrate(xk.open_frames(files / "frame_0.npy"), CALIBRATION, SPEC)
    small = xk.IntegrationSpec(bins=20, range=(0.2, 1.6), polarization=0.9)
    away = xk.integrate(xk.open_frames(files / "frame_1.npy"), far, small)
    both = merge([near, away], names=["near", "away"], rebin=np.linspace(0.2, 3.0, 30))
    xk.save(near, tmp_path / "near.nc")
    with pytest.raises(RefusedError, match="the merged profile 'away' is in no result file"):
        replay(both, inputs=tmp_path)
    xk.save(away, tmp_path / "away.nc")
    again = replay(both, inputs=tmp_path)
    assert again.identical, again.differences
    names = {item.name for item in again.inputs}
    assert names == {"near.nc", "away.nc", "frame_0.npy", "frame_1.npy"}


def test_a_recipe_with_corrections_a_dark_and_a_flat_is_replayed(files, tmp_path):
    xk.save_calibration(CALIBRATION, files / "geometry.poni")
    (files / "conditions.csv").write_text("monitor (count)\n100\n110\n120\n")
    (files / "full.toml").write_text(RECIPE)
    into = results_of(files / "full.toml", tmp_path / "into")
    again = replay(into / "waxs.profile.nc", inputs=files)
    assert again.identical, again.differences
    assert again.from_result == ("monitor",)
    assert [i.name for i in again.inputs if i.name in ("dark", "flat", "mask")]
    bare = replay(into / "waxs.profile.nc", inputs=files, without=["efficiency", "flat"])
    assert bare.verdict == "same"
    assert bare.effect["intensity"].high > 1.0 > bare.effect["intensity"].low


RECIPE = """
schema = "xrdkit/recipe/1"
name = "full"
title = "With everything"

[detectors.waxs]
frames = "frame_*.npy"
calibration = "geometry.poni"
mask = "mask.npy"
dark = "dark_0.npy"
flat = "flat.npy"
coordinates = "conditions.csv"

[detectors.waxs.corrections.efficiency]
material = "Si"
thickness = 320e-6

[detectors.waxs.integrate]
range = [0.5, 3.0]
bins = 20
polarization = 0.9

[detectors.waxs.integrate.normalization]
monitor = "frame"

[run]
block_frames = 2
"""


def test_curves_of_files_are_replayed_and_arrays_refused(tmp_path):
    q = np.linspace(0.1, 2.0, 60)
    intensity = 100.0 * np.exp(-((q * 3.0) ** 2) / 5.0) + 1.0
    table = np.stack([q, intensity, 0.02 * intensity], axis=1)
    np.savetxt(tmp_path / "curve.dat", table)
    spec = xk.SizeSpec(method="lognormal", porod=False)
    curve = xk.read_profile(tmp_path / "curve.dat", unit="1/nm", range=(0.2, 1.9))
    xk.save(curve, tmp_path / "curve.nc")
    xk.save(xk.fit_sizes(curve, spec), tmp_path / "sizes.nc")
    assert replay(tmp_path / "curve.nc").identical
    assert replay(tmp_path / "sizes.nc").identical
    given = xk.profile(q, intensity, 0.02 * intensity, unit="1/nm")
    fitted = xk.fit_sizes(given, spec)
    with pytest.raises(RefusedError, match=r"given to xrdkit\.profile as arrays"):
        replay(fitted)
    xk.save(given, tmp_path / "given.nc")
    assert replay(fitted, inputs=tmp_path).identical
    with pytest.raises(RefusedError, match=r"given to xrdkit\.profile as arrays"):
        replay(tmp_path / "given.nc")


def test_an_array_that_is_in_no_file_is_refused_by_name(files, tmp_path):
    flat = np.load(files / "flat.npy") * 1.1
    spec = xk.IntegrationSpec(bins=20, range=(0.5, 3.0), flat=flat)
    xk.save(xk.integrate(frames_of(files), CALIBRATION, spec), tmp_path / "flat.nc")
    with pytest.raises(InputError, match=r"the flat of the result is in no file"):
        replay(tmp_path / "flat.nc", inputs=files)


def test_frames_in_memory_and_unknown_steps_are_refused(files):
    frames = make_frames(np.ones(SHAPE))
    profile = xk.integrate(frames, CALIBRATION, SPEC)
    with pytest.raises(RefusedError, match="given to 'integrate' were made in memory"):
        replay(profile)
    with pytest.raises(RefusedError, match="no provenance"):
        replay(profile.drop_attrs())
    strange = xk.integrate(frames_of(files), CALIBRATION, SPEC)
    text = strange.attrs[ATTRIBUTE].replace('"step":"integrate"', '"step":"guess"')
    with pytest.raises(RefusedError, match="the step 'guess'"):
        replay(strange.assign_attrs({ATTRIBUTE: text}), inputs=files)


def test_a_field_of_another_version_is_refused_with_the_version(files):
    profile = xk.integrate(frames_of(files), CALIBRATION, SPEC)
    text = profile.attrs[ATTRIBUTE]
    text = text.replace('"azimuth_bins":36', '"azimuth_bins":36,"magic":1')
    text = text.replace('"version":"', '"version":"9.9+')
    with pytest.raises(RefusedError, match=r"IntegrationSpec has no magic here.*xrdkit 9\.9"):
        replay(profile.assign_attrs({ATTRIBUTE: text}), inputs=files)


def test_differences_and_other_software_are_reported(files):
    profile = xk.integrate(frames_of(files), CALIBRATION, SPEC)
    text = profile.attrs[ATTRIBUTE].replace('"numpy":"', '"numpy":"0.')
    changed = profile.assign_attrs({ATTRIBUTE: text})
    changed["intensity"] = changed["intensity"] * (1.0 + 1e-9)
    again = replay(changed, inputs=files)
    assert again.verdict == "differs"
    assert again.differences["intensity"] == pytest.approx(1e-9, rel=1e-6)
    assert again.differences["sigma"] == 0.0
    assert [line.partition(" ")[0] for line in again.software] == ["numpy"]
    assert again.to_plain()["verdict"] == "differs"


def test_differences_see_what_numbers_hide():
    a = xr.Dataset({"x": ("n", [1.0, np.nan, 0.0]), "t": ("n", ["a", "b", "c"])}, attrs={"k": 1})
    assert set(differences(a, a.copy(deep=True)).values()) == {0.0}
    assert differences(a, a.assign(x=("n", [1.0, 2.0, 0.0])))["x"] == np.inf
    assert differences(a, a.assign(x=("n", [1.0, np.nan, 1e-30])))["x"] == 1.0
    assert differences(a, a.assign(t=("n", ["a", "b", "d"])))["t"] == np.inf
    assert differences(a, a.drop_vars("t"))["t"] == np.inf
    assert differences(a, a.assign_attrs(k=2))["attribute k"] == np.inf
    b = a.copy(deep=True)
    b["x"].attrs["units"] = "nm"
    assert differences(a, b)["x"] == np.inf


def test_leaving_out_a_correction_tells_what_it_does(files):
    profile = xk.integrate(frames_of(files), CALIBRATION, SPEC)
    again = replay(profile, inputs=files, without="polarization")
    assert again.verdict == "same"
    bare = xk.integrate(
        frames_of(files), CALIBRATION, xk.IntegrationSpec(bins=20, range=(0.5, 3.0))
    )
    ratio = (bare["intensity"] / profile["intensity"]).values
    effect = again.effect["intensity"]
    assert effect.median == pytest.approx(float(np.median(ratio)), rel=1e-12)
    assert effect.low == pytest.approx(float(ratio.min()), rel=1e-12)
    assert effect.high == pytest.approx(float(ratio.max()), rel=1e-12)
    assert again.result["intensity"].values == pytest.approx(bare["intensity"].values)


def test_specs_come_back_from_their_records():
    structure = embedded_structure("LaB6")
    assert rebuilt(Structure, plain(structure), version="1") == structure
    assert rebuilt(xk.Calibration, plain(CALIBRATION), version="1") == CALIBRATION
    spec = xk.IntegrationSpec(normalization=xk.Normalization(monitor=(1.0, 2.0)))
    assert rebuilt(xk.IntegrationSpec, spec.record(), version="1") == spec


def test_a_mask_put_on_frames_is_replayed_from_its_file(files):
    masked = xk.with_mask(frames_of(files), xk.load_mask(files / "mask.npy"))
    path = files.parent.parent / "masked.nc"
    xk.save(xk.integrate(masked, CALIBRATION, SPEC), path)
    assert replay(path, inputs=files).identical
    np.save(files / "mask.npy", np.zeros(SHAPE, dtype=np.uint8))
    with pytest.raises(InputError, match=r"mask\.npy: has changed"):
        replay(path, inputs=files)
