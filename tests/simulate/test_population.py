"""Moments of the lognormal against quadrature and the published truth of synthetic set A."""

import numpy as np
import pytest

from xrdkit.errors import SpecError
from xrdkit.simulate import LognormalSpheres


def test_moments_agree_with_quadrature() -> None:
    spheres = LognormalSpheres(median_radius=1.7, width=0.3)
    z = np.linspace(-12, 12, 20001)
    radius = 1.7 * np.exp(0.3 * z)
    share = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) * (z[1] - z[0])

    def mean(values: np.ndarray) -> float:
        return float((values * share).sum())

    assert spheres.mean_radius_number == pytest.approx(mean(radius))
    volume = mean(radius**4) / mean(radius**3)
    assert spheres.mean_radius_volume == pytest.approx(volume)
    assert spheres.width_number**2 == pytest.approx(mean(radius**2) - mean(radius) ** 2)
    assert spheres.width_volume**2 == pytest.approx(mean(radius**5) / mean(radius**3) - volume**2)
    diameter = 2 * radius
    assert spheres.volume_weighted_length == pytest.approx(
        0.75 * mean(diameter**4) / mean(diameter**3)
    )
    assert spheres.area_weighted_length == pytest.approx(
        2 / 3 * mean(diameter**3) / mean(diameter**2)
    )


def test_set_a_has_its_published_moments() -> None:
    spheres = LognormalSpheres(median_radius=5.0, width=0.2)
    assert spheres.mean_radius_volume == pytest.approx(5.75137, abs=5e-6)
    assert spheres.width_volume == pytest.approx(1.16187, abs=5e-6)
    assert spheres.mean_radius_number == pytest.approx(5.10101, abs=5e-6)


@pytest.mark.parametrize("fault", [{"median_radius": 0.0}, {"width": 0.0}, {"width": 1.5}])
def test_impossible_populations_are_refused(fault: dict[str, float]) -> None:
    with pytest.raises(SpecError, match=next(iter(fault))):
        LognormalSpheres(**{"median_radius": 1.0, "width": 0.2, **fault})
