"""From a measured standard to the error of a volume fraction, source by source."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.corrections import AbsoluteIntensity, absolute_scale, srm3600
from xrdkit.saxs import Material, xray_contrast

K = 0.0137
CU = 8.0478
#: Gold in water by volume, and its exact contrast in these units.
FRACTION = 2e-5


@pytest.fixture(scope="module")
def contrast():
    return xray_contrast(Material.named("Au"), Material.named("water"), energy=CU)


def scale_of_standard(rng):
    q = np.linspace(0.1, 2.4, 231)
    level = srm3600().at(q) / K
    noise = 0.01 * level * rng.standard_normal(q.size)
    return absolute_scale(
        xk.profile(q, level + noise, 0.01 * level, unit="1/nm", intensity_unit="count")
    )


def sample(sets, rng, contrast):
    """Spheres on the scale of the detector, with counting and thickness as named sources."""
    clean = sets.spheres(5.0, 0.2, FRACTION) * (contrast.value / sets.CONTRAST) ** 2 / K
    sigma = 0.01 * clean + 1e-3 * clean[0] / 88.6
    intensity = clean + sigma * rng.standard_normal(clean.size)
    thickness = 0.02 * intensity
    data = xk.profile(
        sets.Q, intensity, np.hypot(sigma, thickness), unit="1/nm", intensity_unit="count"
    )
    errors = np.stack([sigma, thickness])
    attrs = {"units": "count", "long_name": "error of intensity from each source"}
    return data.assign(errors=(("source", "q"), errors, attrs)).assign_coords(
        source=["counting", "thickness"],
        source_bins=("source", ["independent", "common"]),
        source_frames=("source", ["independent", "common"]),
    )


def test_the_budget_of_a_volume_fraction(sets, contrast):
    rng = np.random.default_rng(5)
    scale = scale_of_standard(rng)
    profile = xk.correct(sample(sets, rng, contrast), [AbsoluteIntensity(scale=scale)])
    spec = xk.SizeSpec(contrast=contrast.value, contrast_sigma=contrast.sigma)
    found = xk.fit_sizes(profile, spec)
    told = found.volume_fraction_errors
    assert set(told.source.values) >= {"counting", "thickness", "absolute_scale", "contrast"}
    share = {
        str(n): abs(float(told.sel(source=n) / found.volume_fraction)) for n in told.source.values
    }
    # The thickness and K move the whole curve, the contrast its square.
    assert share["thickness"] == pytest.approx(0.02, rel=0.01)
    assert share["absolute_scale"] == pytest.approx(scale.sigma / scale.value, rel=0.01)
    assert share["contrast"] == pytest.approx(2 * contrast.sigma / contrast.value, rel=0.01)
    assert 0 < share["counting"] < 0.01
    total = float(found.volume_fraction_sigma / found.volume_fraction)
    assert total == pytest.approx(np.linalg.norm(list(share.values())), rel=1e-6)
    assert abs(float(found.volume_fraction) / FRACTION - 1) < 2 * total
    # The certificate is the largest part: 2.6 %.
    assert max(share, key=share.get) == "absolute_scale"
    radius = found.mean_radius_volume_errors
    assert float(radius.sel(source="contrast")) == 0
    assert abs(float(radius.sel(source="absolute_scale"))) < 1e-6


def test_two_tables_of_scattering_factors_agree_within_the_error(contrast):
    """CXRO's table gives gold 0.83 %, water 0.09 % more: 1.8 % of the volume fraction."""
    gold, water = Material.named("Au"), Material.named("water")
    ours = xray_contrast(gold, water, energy=CU).value
    inside, outside = (xray_contrast(m, None, energy=CU).value for m in (gold, water))
    theirs = inside * 74.986 / 74.370 - outside * (8.052 + 2.0) / (8.045 + 1.998)
    fraction = (theirs / ours) ** 2 - 1
    assert fraction == pytest.approx(0.018, abs=0.001)
    assert fraction < 2 * contrast.sigma / contrast.value < 2 * fraction
