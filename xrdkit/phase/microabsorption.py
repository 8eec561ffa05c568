"""Microabsorption: particles that absorb more than their surroundings diffract too little.

τ = ⟨exp(-(µ - µ̄) x)⟩ over the sphere, x the path of the beam in and out of the particle, for
2θ = 90 degree, on which τ hardly depends (Brindley, Philos. Mag. 36 (1945) 347). µ̄ is the mean over
the solid, by volume.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_NODES = 12
#: Largest (µ - µ̄) times diameter: beyond it, particles hide in each other's shadow.
_COARSEST = 3.0
#: µm in cm.
_MICROMETRE = 1e-4
_ROUNDS = 50
_SETTLED = 1e-12


def particle_absorption(absorption: Array, mean: float, diameter: Array) -> Array:
    """Return τ of each phase (p,).

    absorption: µ of each phase (p,), 1/cm. mean: µ̄, 1/cm. diameter: of the particles (p,), µm; 0
    where they do not matter.
    """
    path, share = _paths()
    radius = 0.5 * _MICROMETRE * diameter
    return np.asarray(np.exp(-np.multiply.outer((absorption - mean) * radius, path)) @ share)


def without_microabsorption(volumes: Array, absorption: Array, diameter: Array) -> Array:
    """Return volumes (p,) of the phases from those that diffraction shows, V_shown = τ V.

    Only their ratios mean something. τ depends on µ̄, which depends on V: repeated until it stays.
    """
    true = volumes.copy()
    for _ in range(_ROUNDS):
        total = true.sum()
        if not total > 0:
            return volumes
        mean = float(true @ absorption / total)
        after = volumes / particle_absorption(absorption, mean, diameter)
        moved = np.abs(after / after.sum() - true / total).max()
        true = after
        if moved < _SETTLED:
            break
    return true


def is_too_coarse(volumes: Array, absorption: Array, diameter: Array) -> bool:
    """Return whether |µ - µ̄| times diameter is above 3 in any phase: no model of particles holds.

    volumes: of the phases (p,), corrected; absorption: 1/cm; diameter: µm.
    """
    mean = float(volumes @ absorption / volumes.sum())
    contrast = np.abs(absorption - mean) * diameter * _MICROMETRE
    return bool(np.any(contrast[volumes > 0] > _COARSEST))


@lru_cache(maxsize=1)
def _paths() -> tuple[Array, Array]:
    """Return total paths in a sphere of radius 1 and the share of the volume that has them."""
    x, w = np.polynomial.legendre.leggauss(_NODES)
    radius, cosine, around = np.meshgrid(0.5 * (x + 1.0), x, np.pi * x, indexing="ij")
    weight = w[:, np.newaxis, np.newaxis] * w[:, np.newaxis] * w * radius**2
    sine = np.sqrt(1.0 - cosine**2)
    point = radius * np.array([sine * np.cos(around), sine * np.sin(around), cosine])
    # The beam comes along +x and leaves along +z.
    into = point[0] + np.sqrt(np.maximum(1.0 - point[1] ** 2 - point[2] ** 2, 0.0))
    out = -point[2] + np.sqrt(np.maximum(1.0 - point[0] ** 2 - point[1] ** 2, 0.0))
    return (into + out).ravel(), (weight / weight.sum()).ravel()
