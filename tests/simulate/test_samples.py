"""Sample curves: parts add, truth is consistent, one distribution behind both ends."""

import math

import numpy as np
import pytest

from xrdkit.errors import SpecError
from xrdkit.phase import embedded_structure, powder_intensity
from xrdkit.saxs import sphere_intensity
from xrdkit.simulate import CrystalPhase, Hump, Sample, pt_on_carbon
from xrdkit.simulate.samples import contracted

Q = np.concatenate([np.geomspace(0.1, 5.0, 300), np.linspace(5.001, 75.0, 3000)])
PT = embedded_structure("Pt")


def test_parts_add_up() -> None:
    parts = [
        Sample(flat=0.3),
        Sample(porod=2.0, porod_length=1e3),
        Sample(humps=(Hump(height=0.2, center=20.0, width=3.0),)),
        Sample(crystals=(CrystalPhase(structure=PT, volume_fraction=0.1, size=4.0),)),
    ]
    whole = Sample(
        flat=0.3,
        porod=2.0,
        porod_length=1e3,
        humps=parts[2].humps,
        crystals=parts[3].crystals,
    )
    total = sum(part.intensity(Q, wavelength=0.7) for part in parts)
    np.testing.assert_allclose(whole.intensity(Q, wavelength=0.7), total, rtol=1e-12)
    np.testing.assert_allclose(parts[1].intensity(Q, wavelength=0.7), 2.0 / Q**4, rtol=3e-4)


def test_lines_are_on_the_absolute_scale_of_the_powder() -> None:
    sample = Sample(crystals=(CrystalPhase(structure=PT, volume_fraction=0.02, size=4.0),))
    q = np.linspace(20.0, 70.0, 500)
    angle = 2 * np.degrees(np.arcsin(q * 0.7 / (40 * math.pi)))
    wanted = 0.02 * powder_intensity(PT, angle, wavelength=0.7, size=4.0, fwhm=0.1)
    strong = wanted > 0.2 * wanted.max()
    np.testing.assert_allclose(
        sample.intensity(q, wavelength=0.7)[strong], wanted[strong], rtol=5e-3
    )


def test_curve_does_not_depend_on_the_part_asked_for() -> None:
    sample = pt_on_carbon()
    part = (Q > 12.0) & (Q < 40.0)
    whole = sample.intensity(Q, wavelength=0.7)
    np.testing.assert_allclose(sample.intensity(Q[part], wavelength=0.7), whole[part], rtol=2e-5)


def test_spheres_follow_the_exact_curve() -> None:
    sample = pt_on_carbon(median_diameter=4.0, width=0.2)
    only = Sample(spheres=sample.spheres)
    wanted = sphere_intensity(
        Q,
        median_number=2.0,
        width=0.2,
        volume_fraction=sample.spheres[0].volume_fraction,
        contrast=sample.spheres[0].contrast,
    )
    np.testing.assert_allclose(only.intensity(Q, wavelength=0.7), wanted, rtol=2e-5)


def test_one_distribution_drives_both_ends() -> None:
    sample = pt_on_carbon(median_diameter=3.0, width=0.25, loading=0.3)
    spheres = sample.spheres[0].spheres
    assert spheres.median_radius == 1.5
    diameter = 3.0 * np.exp(0.25 * np.random.default_rng(1).standard_normal(2_000_000))
    length = 0.75 * (diameter**4).mean() / (diameter**3).mean()
    assert sample.crystals[0].size == pytest.approx(length, rel=5e-3)
    assert sample.crystals[0].size == pytest.approx(1.5 * spheres.mean_radius_volume)
    assert sample.spheres[0].volume_fraction == sample.crystals[0].volume_fraction
    assert sample.weight_fractions() == pytest.approx({"Pt": 0.3, "C": 0.7})
    assert sum(c.volume_fraction for c in sample.crystals) == pytest.approx(0.3)


def test_small_particles_are_contracted() -> None:
    assert contracted(0.39237, 4.0) == pytest.approx(0.39237 * (1 - 10 / (12 * 230)), rel=1e-12)
    small, large = (pt_on_carbon(median_diameter=d).crystals[0].structure for d in (2.0, 6.0))
    assert small.cell[0] < large.cell[0] < PT.cell[0]


def test_impossible_samples_are_refused() -> None:
    with pytest.raises(SpecError, match="flat"):
        Sample(flat=-1.0)
    with pytest.raises(SpecError, match="porod_length"):
        Sample(porod_length=0.0)
    full = CrystalPhase(structure=PT, volume_fraction=0.6)
    with pytest.raises(SpecError, match="do not fit"):
        Sample(crystals=(full, full))
    with pytest.raises(SpecError, match="loading"):
        pt_on_carbon(loading=1.0)
    with pytest.raises(SpecError, match="width"):
        pt_on_carbon(width=0.0)
