"""Hot and dead pixels against known truth: rings, grains, zingers, a beamstop and a gap."""

import numpy as np
import pytest
from frames_in_memory import make_frames
from scipy.ndimage import percentile_filter
from scipy.special import erf

import xrdkit as xk
from xrdkit.errors import EmptyResult, SpecError
from xrdkit.masks import MaskReason

SHAPE = (300, 320)
GAP = slice(150, 160)


def scene(level, frames=10, seed=5):
    """Return counts (frame, y, x), dead, hot, and the mean sum of all frames in each pixel."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    r = np.hypot(y - 140.3, x - 150.7)
    rate = 0.05 + 30 * np.exp(-r / 20)
    for radius, width, height in ((60, 1.0, 8), (110, 0.8, 20), (140, 1.5, 3)):
        rate += height * np.exp(-0.5 * ((r - radius) / width) ** 2)
    rate *= level / np.median(rate)
    stop = (r < 14) | ((np.abs(x - 150) < 4) & (y > 140))
    rate[stop] = 0.0
    for _ in range(40):
        top, left = rng.uniform(5, SHAPE[0] - 5), rng.uniform(5, SHAPE[1] - 5)
        width = rng.uniform(0.4, 1.5) * 2**0.5
        rows = 0.5 * np.diff(erf((np.arange(SHAPE[0] + 1) - top) / width))
        columns = 0.5 * np.diff(erf((np.arange(SHAPE[1] + 1) - left) / width))
        rate += level * 10 ** rng.uniform(1, 5) * np.outer(rows, columns) * ~stop
    chosen = rng.choice(np.flatnonzero(~stop), 120, replace=False)
    dead, hot = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    dead.ravel()[chosen[:50]] = True
    hot.ravel()[chosen[50:]] = True
    dead[200:202, 250:252] = dead[:, 33] = True
    dead[GAP] = hot[GAP] = False
    dead &= ~hot
    extra = np.where(hot, level * 10 ** rng.uniform(1, 4, SHAPE), 0.0)
    stack = []
    for _ in range(frames):
        counts = rng.poisson(rate * rng.uniform(0.5, 1.5) + extra)
        counts.ravel()[rng.choice(counts.size, 20)] += rng.integers(5, 5000, 20)
        counts[dead] = 0
        counts[GAP] = -1
        stack.append(counts.astype(np.int32))
    return np.array(stack), dead, hot, frames * rate


@pytest.mark.parametrize("level", [3.0, 30.0, 1000.0])
def test_hot_and_dead_pixels_are_found_and_nothing_else(level):
    counts, dead, hot, expected = scene(level)
    mask = xk.find_bad_pixels(make_frames(counts))
    found_dead, found_hot = (mask.values & MaskReason.DEAD) > 0, (mask.values & MaskReason.HOT) > 0
    assert not np.any(found_dead & ~dead)
    assert not np.any(found_hot & ~hot)
    # Below this sum around it a pixel without a count is nothing strange.
    around = percentile_filter(expected, 25, size=5)
    tellable = dead & (around > 2 * mask.attrs["dead_needs_counts"])
    assert tellable.sum() > 20
    assert (found_dead & tellable).sum() >= 0.9 * tellable.sum()
    assert (found_hot & hot).sum() >= 0.8 * hot.sum()
    assert not mask.values[GAP].any()


def test_at_few_counts_it_does_not_claim_to_know():
    counts, dead, hot, _ = scene(0.03)
    mask = xk.find_bad_pixels(make_frames(counts))
    assert np.count_nonzero((mask.values & MaskReason.DEAD) > 0 & ~dead) == 0
    assert not np.any(((mask.values & MaskReason.HOT) > 0) & ~hot)


@pytest.mark.parametrize("level", [0.01, 1.0, 100.0])
def test_clean_frames_have_no_bad_pixel(level):
    flat = np.random.default_rng(3).poisson(level, (8, 200, 200))
    assert not xk.find_bad_pixels(make_frames(flat)).any()


def test_a_pixel_bright_in_some_frames_only_is_not_hot():
    counts = np.random.default_rng(4).poisson(5.0, (10, 60, 60))
    counts[:, 20, 20] += 500
    counts[:5, 40, 40] += 500
    counts[3, 30, 30] += 100_000
    mask = xk.find_bad_pixels(make_frames(counts))
    assert np.argwhere(mask.values).tolist() == [[20, 20]]
    assert mask.attrs["frames"] == 10


def test_scatter_beyond_poisson_is_no_bad_pixel():
    """Gain 20, read-out noise and a flat field of 8 %."""
    rng = np.random.default_rng(6)
    flat = 1 + 0.08 * rng.standard_normal((150, 150))
    counts = 20 * rng.poisson(30 * flat, (5, 150, 150)) + rng.normal(0, 10, (5, 150, 150))
    counts = np.rint(counts).astype(np.int32)
    counts[:, 70, 70] = 60_000 + rng.poisson(100, 5)
    mask = xk.find_bad_pixels(make_frames(np.maximum(counts, 0)))
    assert np.argwhere(mask.values).tolist() == [[70, 70]]


def test_of_one_frame_it_says_so_and_the_argument_stays():
    counts, *_ = scene(30.0, frames=1)
    frames = make_frames(counts)
    before = frames.copy(deep=True)
    assert xk.find_bad_pixels(frames).attrs["frames"] == 1
    assert frames.identical(before)


def test_impossible_wishes_are_refused():
    frames = make_frames(np.full((2, 10, 10), -1, dtype=np.int32))
    with pytest.raises(EmptyResult, match="no pixel"):
        xk.find_bad_pixels(frames)
    with pytest.raises(SpecError, match="alpha"):
        xk.find_bad_pixels(frames, alpha=0.0)
