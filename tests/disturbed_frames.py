"""Frames that no geometry of a calibrant explains: calibrant frames disturbed, and other patterns.

Disturbances take counts (y, x), the true geometry, the angles of the rings (rad) and a random
generator, and return counts. Patterns take a shape and a random generator.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xrdkit.calibration.rings import calibrant_rings
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]
Random = np.random.Generator
BLOCK = 32
#: calibrants under whose names frames of others are offered
WRONG = ("AgBh", "LaB6", "CeO2", "Si", "alpha_Al2O3", "Cr2O3", "NaCl", "Ni")


def pixels_permuted(counts: Array, truth: Calibration, rings: Array, random: Random) -> Array:
    """Every pixel anywhere."""
    return random.permutation(counts.ravel()).reshape(counts.shape)


def rows_permuted(counts: Array, truth: Calibration, rings: Array, random: Random) -> Array:
    """Every row anywhere."""
    return counts[random.permutation(len(counts))]


def blocks_permuted(counts: Array, truth: Calibration, rings: Array, random: Random) -> Array:
    """Squares of 32 x 32 pixels anywhere; what is left over at the edges stays."""
    rows, columns = (n // BLOCK for n in counts.shape)
    cut = counts[: rows * BLOCK, : columns * BLOCK]
    blocks = cut.reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2).reshape(-1, BLOCK, BLOCK)
    blocks = blocks[random.permutation(len(blocks))].reshape(rows, columns, BLOCK, BLOCK)
    changed = counts.copy()
    changed[: rows * BLOCK, : columns * BLOCK] = blocks.swapaxes(1, 2).reshape(cut.shape)
    return changed


def quadrants_exchanged(counts: Array, truth: Calibration, rings: Array, random: Random) -> Array:
    """The frame cut at a random row and column and put together the other way."""
    rows, columns = (int(random.uniform(0.35, 0.65) * n) for n in counts.shape)
    return np.roll(counts, (rows, columns), axis=(0, 1))


def half_displaced(counts: Array, truth: Calibration, rings: Array, random: Random) -> Array:
    """Half of the rings left out at random, each of the others displaced by itself."""

    def moved(one: Array) -> Array:
        reach = max(20.0, 0.15 * min(counts.shape))
        along = random.uniform(0.4, 1.0, 2) * reach * random.choice([-1, 1], 2)
        return ndimage.shift(one, along, order=1)

    return _half_moved(counts, truth, rings, random, moved)


def half_rotated(counts: Array, truth: Calibration, rings: Array, random: Random) -> Array:
    """Half of the rings left out at random, each of the others turned about an axis off the beam.

    The axis is 0.15 to 0.4 detector widths from the beam, so that a turn displaces the centre.
    """
    x, y = truth.beam_center

    def moved(one: Array) -> Array:
        side = random.uniform(0, 2 * np.pi)
        away = random.uniform(0.15, 0.4) * min(counts.shape)
        axis = np.array([y + away * np.sin(side), x + away * np.cos(side)])
        turn = np.radians(random.uniform(25, 335))
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        return ndimage.affine_transform(one, matrix, axis - matrix @ axis, order=1)

    return _half_moved(counts, truth, rings, random, moved)


def _half_moved(
    counts: Array,
    truth: Calibration,
    rings: Array,
    random: Random,
    move: Callable[[Array], Array],
) -> Array:
    angle = truth.two_theta((counts.shape[0], counts.shape[1]))
    number = np.searchsorted(0.5 * (rings[1:] + rings[:-1]), angle)
    there = np.unique(number)
    level = max(float(np.median(counts)), 0.05)
    changed = np.full(counts.shape, level)
    for ring in random.permutation(there)[::2]:
        changed += np.maximum(move(np.where(number == ring, counts - level, 0.0)), 0.0)
    return random.poisson(np.clip(changed, 0, 1e9)).astype(float)


DISTURBANCES = {
    "pixels permuted": pixels_permuted,
    "rows permuted": rows_permuted,
    "blocks permuted": blocks_permuted,
    "quadrants exchanged": quadrants_exchanged,
    "half displaced": half_displaced,
    "half rotated": half_rotated,
}


def _circles(shape: tuple[int, int], centres: Array, radii: Array, width: float) -> Array:
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    total = np.zeros(shape)
    for (y, x), radius in zip(centres, radii, strict=True):
        total += np.exp(-0.5 * ((np.hypot(rows - y, columns - x) - radius) / width) ** 2)
    return total


def _exposed(pattern: Array, random: Random) -> Array:
    level = 10 ** random.uniform(0.5, 3.5)
    return random.poisson(level * pattern + 0.1 + 0.02 * level).astype(float)


def concentric(shape: tuple[int, int], random: Random) -> Array:
    """Concentric circles of 4 to 12 random radii, at least 8 pixels apart."""
    centre = np.array(shape) * random.uniform(-0.1, 1.1, 2)
    radii: list[float] = []
    number = int(random.integers(4, 13))
    while len(radii) < number:
        radius = float(random.uniform(0.08, 0.8) * max(shape))
        if all(abs(radius - other) > 8 for other in radii):
            radii.append(radius)
    centres = np.tile(centre, (number, 1))
    return _exposed(_circles(shape, centres, np.array(radii), random.uniform(1.0, 2.5)), random)


def off_centre(shape: tuple[int, int], random: Random) -> Array:
    """5 to 10 circles, each about a centre of its own."""
    number = int(random.integers(5, 11))
    centres = np.array(shape) * random.uniform(0.1, 0.9, (number, 2))
    radii = random.uniform(0.08, 0.6, number) * max(shape)
    return _exposed(_circles(shape, centres, radii, random.uniform(1.0, 2.5)), random)


def parabolas(shape: tuple[int, int], random: Random) -> Array:
    """4 to 9 nested parabolas with one axis."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    turn, steep = random.uniform(0, 2 * np.pi), random.uniform(1, 4) / max(shape)
    y, x = rows - 0.5 * shape[0], columns - 0.5 * shape[1]
    along, across = y * np.sin(turn) + x * np.cos(turn), y * np.cos(turn) - x * np.sin(turn)
    slope = np.sqrt(1 + (2 * steep * across) ** 2)
    total = np.zeros(shape)
    for place in random.uniform(-0.5, 0.5, int(random.integers(4, 10))) * max(shape):
        total += np.exp(-0.5 * ((along - place - steep * across**2) / slope / 1.5) ** 2)
    return _exposed(total, random)


def stripes(shape: tuple[int, int], random: Random) -> Array:
    """Straight parallel lines, evenly spaced, in a random direction."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    turn, period = random.uniform(0, np.pi), random.uniform(12, 60)
    phase = 2 * np.pi * (rows * np.sin(turn) + columns * np.cos(turn)) / period
    return _exposed(
        np.exp(-0.5 * (np.arccos(np.cos(phase)) * period / 2 / np.pi / 1.5) ** 2), random
    )


def grid(shape: tuple[int, int], random: Random) -> Array:
    """Two families of straight lines at right angles."""
    period = int(random.integers(12, 60))
    lines = np.zeros(shape)
    for wide in range(2):
        lines[wide::period] = 1.0
        lines[:, wide::period] = 1.0
    return _exposed(lines, random)


def module_edges(shape: tuple[int, int], random: Random) -> Array:
    """Modules of unequal level, with bright pixels along their edges."""
    pattern = np.zeros(shape)
    step = int(random.integers(60, 160))
    for top in range(0, shape[0], step):
        for left in range(0, shape[1], step):
            box = (slice(top, top + step), slice(left, left + step))
            pattern[box] = random.uniform(0.5, 1.0)
            pattern[top, box[1]] += 0.6
            pattern[box[0], left] += 0.6
    return _exposed(pattern, random)


def single_crystal(shape: tuple[int, int], random: Random) -> Array:
    """Spots on the lattice of one oriented crystal, and some anywhere."""
    pattern = np.zeros(shape)
    first, second = random.uniform(18, 60, 2)
    turn, lean = random.uniform(0, np.pi), random.uniform(0.9, 2.2)
    a = first * np.array([np.sin(turn), np.cos(turn)])
    b = second * np.array([np.sin(turn + lean), np.cos(turn + lean)])
    centre = np.array(shape) * random.uniform(0.3, 0.7, 2)
    spots = [centre + h * a + k * b for h in range(-40, 41) for k in range(-40, 41)]
    spots += list(np.array(shape) * random.uniform(0, 1, (60, 2)))
    for y, x in spots:
        row, column = int(y), int(x)
        if 0 <= row < shape[0] and 0 <= column < shape[1]:
            pattern[row, column] += random.exponential(20.0)
    return _exposed(ndimage.gaussian_filter(pattern, random.uniform(1.0, 2.0)), random)


def noise(shape: tuple[int, int], random: Random) -> Array:
    """Counts of one rate, 0.001 to 10000 in a pixel."""
    return random.poisson(10 ** random.uniform(-3, 4), shape).astype(float)


def halo(shape: tuple[int, int], random: Random) -> Array:
    """A broad ring as of a glass or a liquid over a background that falls."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    centre = np.array(shape) * random.uniform(0, 1, 2)
    radius = np.hypot(rows - centre[0], columns - centre[1])
    place = random.uniform(0.2, 0.7) * max(shape)
    pattern = np.exp(-0.5 * ((radius - place) / (0.15 * place)) ** 2)
    return _exposed(pattern + 2 * np.exp(-radius / (0.2 * max(shape))), random)


def two_systems(shape: tuple[int, int], random: Random, other: str = "CeO2") -> Array:
    """Rings of another calibrant from two places along the beam, 7 to 25 % apart, interleaved."""
    tangents = np.tan(calibrant_rings(other, 0.6).two_theta[:9])
    scale = random.uniform(0.6, 1.2) * max(shape) / tangents[-1]
    both = np.concatenate([tangents * scale, tangents * scale * random.uniform(1.07, 1.25)])
    centre = np.array(shape) * random.uniform(0.2, 0.8, 2)
    centres = np.tile(centre, (both.size, 1))
    return _exposed(_circles(shape, centres, both, random.uniform(1.0, 2.0)), random)


PATTERNS = {
    "concentric": concentric,
    "off centre": off_centre,
    "parabolas": parabolas,
    "stripes": stripes,
    "grid": grid,
    "module edges": module_edges,
    "single crystal": single_crystal,
    "noise": noise,
    "halo": halo,
    "two systems": two_systems,
}
