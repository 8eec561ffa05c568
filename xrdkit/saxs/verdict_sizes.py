"""Whether the largest sizes of a distribution are there, or look like something else.

At q R > 1 for all q a particle shows a slope and no knee: neither its size nor its volume is told.
A low-angle upturn of aggregates, voids or a matrix is then taken for large particles, with a volume
that is anyone's guess and that moves mean, width and volume fraction by more than their errors.
"""

import numpy as np
from numpy.typing import NDArray

from xrdkit.saxs.background import POROD, POSITIVE
from xrdkit.saxs.formfree_numbers import Estimate, numbers
from xrdkit.saxs.inversion import Inversion
from xrdkit.saxs.nonnegative import nonnegative
from xrdkit.saxs.problem import WEAKEST, Curve
from xrdkit.saxs.tikhonov import allowed_chi2

Array = NDArray[np.float64]

#: q R at the lowest q from which a size shows no knee.
_KNEE = 1.0
#: Change of the mean radius, over its scatter and over itself, from which large sizes matter.
_MATTERS, _NOTABLE = 2.0, 3e-3
#: Share of the lower half of the large sizes (in ln R) that is in the upper one, where they are no
#: tail of what is below.
_NO_TAIL = 0.1
#: Exponents that add up to any curve which is steeper the lower q is, as upturns are.
_POWERS = (1.0, 2.0, 2.5, 3.0, 3.5, 4.0)
#: ln R at the lower end, share that may be there, and scatters that make it certain.
_END, _AT_END, _CERTAIN = 0.4, 0.01, 3.0
#: Outer half of the lower end over its inner one, from which a distribution does not end there.
_FALLS = 0.25


def unresolved_sizes(found: Inversion, curve: Curve, whole: dict[str, Estimate]) -> str:
    """Return why the largest sizes of `found` may be none; empty where the curve tells them.

    `whole` are the numbers of all sizes. They are doubted where they move the mean radius by more
    than twice its scatter and 0.3 %, are no falling tail of smaller ones, and power laws in their
    place describe the curve as well as the noise allows.
    """
    radius = found.radius
    limit = _KNEE / float(curve.kernel.q[curve.valid].min())
    small = radius <= limit
    if small.all() or not small.any():
        return ""
    shape, step = curve.kernel.shape, found.problem.step
    mean = numbers(radius, found.density, step, shape)["mean_radius_volume"]
    rest = numbers(radius[small], found.density[small], step, shape)
    without = rest["mean_radius_volume"]
    least = max(_MATTERS * whole["mean_radius_volume"].scatter, _NOTABLE * mean)
    large = found.density[~small]
    upper = float(large[large.size // 2 :].sum())
    if abs(mean - without) < least or upper < _NO_TAIL * float(large.sum()):
        return ""
    if not _power_laws_do(found, curve, small):
        return ""
    share = float(large.sum() / found.density.sum())
    told = f", without which the mean radius is {without:.4g} nm" if np.isfinite(without) else ""
    return (
        f"{share:.2g} of the volume is in sizes above {limit:.3g} nm (q R > 1 at the lowest q)"
        f"{told}: power laws of larger structures (aggregates, voids, a matrix) describe the curve"
        " as well; fit them with power_law, or measure at lower q"
    )


def cut_off(found: Inversion, curve: Curve, whole: dict[str, Estimate]) -> str:
    """Return why there may be sizes beyond those of `found`; empty where it is not so.

    What hardly falls towards the smallest size goes on beyond. The largest sizes and a background
    B q⁻⁴ are alike: where leaving that out describes the curve as well and moves the mean radius,
    the wide tail of the distribution is not told.
    """
    density, copies = found.density, found.replicates[:, : found.problem.nodes]
    total = float(density.sum())

    def there(part: NDArray[np.bool_]) -> bool:
        amount, scatter = float(density[part].sum()), float(copies[:, part].sum(axis=1).std(ddof=1))
        return amount > max(_AT_END * total, _CERTAIN * scatter)

    half = max(round(0.5 * _END / found.problem.step), 1)
    at = np.arange(density.size)
    outer, inner = float(density[:half].sum()), float(density[half : 2 * half].sum())
    if there(at < 2 * half) and outer > _FALLS * inner:
        return (
            f"{(outer + inner) / total:.2g} of the volume lies next to the smallest size that these"
            f" q tell, {found.radius[0]:.3g} nm: the distribution goes on beyond"
        )
    large = found.radius > _KNEE / float(curve.kernel.q[curve.valid].min())
    if POROD not in found.problem.background or not there(large):
        return ""
    means = []
    for kept in (True, False):
        x, chi2 = _without(found, curve, kept=kept)
        if chi2 > allowed_chi2(found.noise, curve.target.size):
            return ""
        told = numbers(found.radius, x, found.problem.step, curve.kernel.shape)
        means.append(told["mean_radius_volume"])
    if abs(means[1] - means[0]) < max(
        _CERTAIN * whole["mean_radius_volume"].sigma, _AT_END * means[0]
    ):
        return ""
    return (
        f"with and without a background B q⁻⁴ the curve is described as well, with mean radii of"
        f" {means[0]:.4g} and {means[1]:.4g} nm: the distribution goes on beyond what these q tell"
    )


def _without(found: Inversion, curve: Curve, *, kept: bool) -> tuple[Array, float]:
    """Return the hardly smoothed density with or without B q⁻⁴, and the χ² that it leaves."""
    problem = found.problem
    names = [False] * problem.nodes + [name == POROD for name in problem.background]
    used = np.full(len(names), True) if kept else ~np.array(names)
    gram = problem.smoothed(WEAKEST)[np.ix_(used, used)]
    matrix = problem.matrix[:, used]
    x, _ = nonnegative(gram, matrix.T @ curve.target, free=problem.free[used])
    residual = matrix @ x - curve.target
    return x[: problem.nodes], float(residual @ residual)


def _power_laws_do(found: Inversion, curve: Curve, small: NDArray[np.bool_]) -> bool:
    """Tell whether the curve is described without large sizes, by power laws in their place."""
    problem = found.problem
    laws = curve.kernel.seen(lambda q: np.stack([q**-p for p in _POWERS], axis=1))
    columns = laws[curve.valid] / curve.sigma[:, None]
    columns /= np.linalg.norm(columns, axis=0)
    kept = np.concatenate([small, [name not in POSITIVE for name in problem.background]])
    matrix = np.concatenate([problem.matrix[:, kept], columns], axis=1)
    penalty = np.zeros((matrix.shape[1], matrix.shape[1]))
    inside = int(kept.sum())
    penalty[:inside, :inside] = problem.penalty[np.ix_(kept, kept)]
    # Power laws are nearly alike: a trace of their own amounts keeps them apart.
    at = np.arange(inside, matrix.shape[1])
    penalty[at, at] = 1.0
    gram = matrix.T @ matrix + 10.0**WEAKEST * penalty
    free = np.concatenate([problem.free[kept], np.zeros(len(_POWERS), dtype=bool)])
    x, _ = nonnegative(gram, matrix.T @ curve.target, free=free)
    residual = matrix @ x - curve.target
    return float(residual @ residual) <= allowed_chi2(found.noise, curve.target.size)
