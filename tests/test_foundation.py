"""Errors, units, canonical JSON, masks, radiation, limits, schemas and provenance."""

import numpy as np
import pytest
import xarray as xr
from frames_in_memory import make_frames

from xrdkit import errors, provenance, schema, units
from xrdkit.canonical import canonical_json, sha256_array, sha256_value
from xrdkit.limits import Limits
from xrdkit.masks import MaskReason, no_data_reasons
from xrdkit.radiation import radiation
from xrdkit.registry import Registry


def test_an_error_says_what_where_and_what_to_do():
    error = errors.FrameTruncated("cut short", source="a.edf", frame=3, hint="copy it again")
    assert str(error) == "a.edf, frame 3: cut short (copy it again)"
    kind, arguments = error.__reduce__()
    again = kind(*arguments)
    assert (str(again), type(again), again.code) == (str(error), errors.FrameTruncated, "XRK-F002")
    assert isinstance(error, OSError)
    assert isinstance(errors.RecipeError("x"), ValueError)


def test_units():
    assert units.factor("1/angstrom", "1/nm") == pytest.approx(10.0)
    assert units.factor("Å^-1", "1/nm") == pytest.approx(10.0)
    assert units.factor("radian", "degree") == pytest.approx(180 / np.pi)
    assert units.wavelength_from_energy(12.398419843320026) == pytest.approx(1.0)
    for wrong in (lambda: units.factor("nm", "1/nm"), lambda: units.canonical("parsec")):
        with pytest.raises(errors.SpecError):
            wrong()


def test_canonical_json_is_one_text_per_value():
    assert canonical_json({"b": (1, 2.5), "a": None}) == '{"a":null,"b":[1,2.5]}'
    assert sha256_value({"a": 1, "b": 2}) == sha256_value({"b": 2, "a": 1})
    assert sha256_array(np.arange(3)) != sha256_array(np.arange(3.0))
    assert sha256_array(np.arange(3, dtype=">i4")) == sha256_array(np.arange(3, dtype="<i4"))
    with pytest.raises(errors.SpecError):
        canonical_json(float("nan"))
    with pytest.raises(errors.SpecError):
        canonical_json(object())


@pytest.mark.parametrize("dtype", [np.uint32, np.int64, np.uint64, np.float32, np.float64])
def test_no_data_values_are_found_in_any_dtype(dtype):
    frame = np.array([[0, 5, 70000], [2**32 - 1, 300, 65535]], dtype=np.int64).astype(dtype)
    found = no_data_reasons(frame) != 0
    np.testing.assert_array_equal(found, [[False, False, False], [True, False, False]])


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.int32, np.float32, np.float64])
def test_a_16_bit_frame_stored_wider_keeps_its_marks(dtype):
    frame = np.array([0, 65300, 65534, 65535]).astype(dtype)
    np.testing.assert_array_equal(no_data_reasons(frame) != 0, [False, False, False, True])


def test_negative_values():
    signed = np.array([-5, -2, -1, 0, 7], dtype=np.int32)
    np.testing.assert_array_equal(no_data_reasons(signed) != 0, [True, True, True, False, False])
    gaps = np.array([-2.0, -1.0, 0.0, 7.5])
    np.testing.assert_array_equal(no_data_reasons(gaps) != 0, [True, True, False, False])
    subtracted = np.array([-2.0, -1.0, -0.5, 3.0])
    assert not no_data_reasons(subtracted).any()
    unknown = np.array([1.0, np.nan, np.inf])
    assert no_data_reasons(unknown).tolist() == [0, MaskReason.NOT_FINITE, MaskReason.NOT_FINITE]
    assert no_data_reasons(np.array([3, 4]), sentinels=[4]).tolist() == [0, MaskReason.SENTINEL]


def test_radiation():
    doublet = radiation("CuKa")
    assert doublet.wavelengths == (1.5405929, 1.5444274)
    assert sum(doublet.weights) == pytest.approx(1.0)
    assert radiation("MoKa1").weights == (1.0,)
    for wrong in ("Cu", "XxKa", 1e-10, float("nan"), 50.0):
        with pytest.raises(errors.SpecError):
            radiation(wrong)


def test_limits():
    with pytest.raises(errors.LimitExceeded, match=r"a.h5.*pixels"):
        Limits(pixels=10).check("pixels", 11, source="a.h5")
    Limits(pixels=10).check("pixels", 10)
    with pytest.raises(errors.SpecError):
        Limits(frames=0)


def test_registry():
    table = Registry("reader", "xrdkit.no_such_group")
    table.add("a", 1)
    assert table.get("a") == 1
    for wrong in (lambda: table.get("b"), lambda: table.add("a", 2)):
        with pytest.raises(errors.SpecError):
            wrong()


def a_profile(**changes):
    q = np.linspace(1, 2, 5)
    labels = {"units": "count", "long_name": "x"}
    return xr.Dataset(
        {"intensity": ("q", np.ones(5), labels), "sigma": ("q", np.ones(5), labels)},
        coords={"q": ("q", q, {"units": "1/nm", "long_name": "q"})},
    ).assign(changes)


def test_schema_names_the_fault():
    assert schema.validate(a_profile(), schema.PROFILE) is not None
    faults = {
        "negative": a_profile(sigma=("q", -np.ones(5), {"units": "count", "long_name": "x"})),
        "units": a_profile(intensity=("q", np.ones(5), {"units": "furlong", "long_name": "x"})),
        "long_name": a_profile(intensity=("q", np.ones(5), {"units": "count"})),
        "dimensions": a_profile(intensity=(("q", "z"), np.ones((5, 2)), {"units": "count"})),
        "missing": a_profile().drop_vars("intensity"),
        "radial": a_profile().rename(q="energy"),
        "monotonic": a_profile().isel(q=[0, 2, 1, 3, 4]),
        "stored unit": a_profile().assign_coords(q=("q", np.arange(5.0), {"units": "1/angstrom"})),
    }
    for text, data in faults.items():
        with pytest.raises(errors.SchemaError, match=text):
            schema.validate(data, schema.PROFILE)


def test_mean_positions_are_those_of_the_pixels_where_there_are_any():
    data = a_profile()
    np.testing.assert_array_equal(schema.mean_positions(data), [np.linspace(1, 2, 5)])
    mean = data.assign(q_mean=("q", [1.1, np.nan, 1.6, 1.7, 2.1]))
    np.testing.assert_array_equal(schema.mean_positions(mean), [[1.1, 1.25, 1.6, 1.7, 2.1]])


def test_provenance_grows_and_content_digest_follows_content():
    data = a_profile()
    one = provenance.append(data, "first", {"a": 1}, inputs=["ff"], software=["numpy"])
    two = provenance.append(one, "second", {})
    assert [s.step for s in provenance.steps(two)] == ["first", "second"]
    assert provenance.steps(two)[0].software["numpy"]
    assert provenance.content_sha256(one) == provenance.content_sha256(data)
    changed = data.assign(intensity=data["intensity"] * 2)
    assert provenance.content_sha256(changed) != provenance.content_sha256(data)
    with pytest.raises(errors.SchemaError):
        provenance.steps(data.assign_attrs(provenance="{"))


def test_fingerprint_of_a_large_file_sees_its_ends(tmp_path):
    path = tmp_path / "big"
    with path.open("wb") as stream:
        stream.truncate(65 * 2**20)
    before = provenance.fingerprint(path)
    assert before.startswith("sampled-")
    with path.open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"x")
    assert provenance.fingerprint(path) != before
    with pytest.raises(errors.FrameNotFound):
        provenance.fingerprint(tmp_path / "absent")


def test_frames_in_memory_pass_their_schema():
    schema.validate(make_frames(np.ones((3, 4))), schema.FRAMES)
