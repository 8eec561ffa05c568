"""Whether a fit explains the pattern: what convergence alone does not tell."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from xrdkit.fitting import Verdict
from xrdkit.phase.absorption_check import absorption_note
from xrdkit.phase.anisotropic_numbers import impossible
from xrdkit.phase.broad_residual import broad_residual, may_be_broad
from xrdkit.phase.effects import phase_key
from xrdkit.phase.fit import Frame, FrameFit
from xrdkit.phase.fractions import fractions, untold
from xrdkit.phase.line_errors import pieces, quick_covariance
from xrdkit.phase.sampling import clipped, too_few_points
from xrdkit.uncertainty import NOTABLE_CORRELATION

Array = NDArray[np.float64]

#: Phases must lower χ² (in units of the final χ² per point) by this beyond their parameters' BIC.
_EVIDENCE = 25.0
#: Share of the signal over the background that may stay unexplained where it is not noise.
_UNEXPLAINED = 0.25
_NOISE_GOF = 2.0
#: An unexplained peak: this many standard errors, and this share of the strongest line.
_PEAK_SIGMAS = 10.0
_PEAK_SHARE = 0.10
#: Beside a known line, up to this share of it is a matter of the line's shape.
_SHAPE_SHARE = 0.30
_NARROW = 3
#: Structure broader than the lines may not make up more than this part of the misfit.
_BROAD_SHARE = 0.4
#: Goodness of fit from which an acceptable fit says how far it is from counting statistics.
_NOTABLE_GOF = 3.0
#: Errors of fractions that lines say are larger by this factor, and this share of the mass.
_TIMES, _NOTABLE_SHARE = 2.0, 1e-3
_BLANK = "the phases explain no more than a smooth background does"


def judge(frame: Frame, fit: FrameFit) -> tuple[Verdict, str]:
    """Return the verdict on a fit and a sentence that says why.

    Convergence, identifiability and bounds come first. Then MISFIT where (1) no phase is
    significant, or all of them together improve on a background alone by less than chance allows,
    or the points are too sparse for the lines, or clipped; (2) a peak above 10 % of the strongest
    line, and 10 standard errors, belongs to no phase, or a line of a phase is that much stronger
    than its structure says; (3) more than a quarter of the
    signal stays unexplained although the noise is small; (4) structure broader than the lines makes
    up more than 40 % of the misfit, as a missing phase of small crystals does. AT_BOUND where
    anisotropic strain comes out with negative variances.
    The sentence is empty where the verdict is OK, unless the goodness of fit is above 3: real
    frames of good calibrants reach 100, and the reader should know what the errors stand for. It
    also says where neighbouring points share more than a fifth of their errors, and what a refined
    absorption is mixed up with.
    """
    verdict, reason = _judge(frame, fit)
    reason = "; ".join(
        filter(None, [reason, absorption_note(fit), _untold_note(fit), _lines_note(fit)])
    )
    if not fit.neighbour_correlation > NOTABLE_CORRELATION:
        return verdict, reason
    note = (
        f"neighbouring points share errors (mean correlation {fit.neighbour_correlation:.2f}):"
        f" {frame.two_theta.size} points tell as much as {fit.points_effective:.0f} independent"
        " ones"
    )
    return verdict, f"{reason}; {note}" if reason else note


def _lines_note(fit: FrameFit) -> str:
    """Return by how much the errors of the fractions are too small, where lines say so."""
    if fit.model.spec.esd_correction == "lines" or sum(fit.found) < 2:
        return ""
    found = quick_covariance(fit.outcome, pieces(fit.phases.sum(axis=0)))
    if found is None:
        return ""
    worst, share = 1.0, 0.0
    for value, gradient in fractions(fit).crystalline:
        given = fit.sigma_of(gradient) if gradient else np.nan
        if not np.isfinite(value) or not given > 0:
            continue
        slope = [gradient.get(n, 0.0) * fit.plan.units[n] for n in fit.outcome.seen]
        wide = float(np.sqrt(max(slope @ found @ np.array(slope), 0.0)))
        if wide / given > worst:
            worst, share = wide / given, wide
    if not (worst > _TIMES and share > _NOTABLE_SHARE):
        return ""
    return (
        "lines differ from the structures by more than chance (grains, orientation, shapes):"
        f" errors of weight fractions are up to {worst:.1f} times those given,"
        f" {100 * share:.1g} wt% (esd_correction='lines')"
    )


def _untold_note(fit: FrameFit) -> str:
    names = untold(fit)
    if not names:
        return ""
    return (
        f"no line tells how much there may be of {', '.join(names)}: the weight fractions are not"
        " determined"
    )


def _judge(frame: Frame, fit: FrameFit) -> tuple[Verdict, str]:
    calculated = fit.phases.sum(axis=0)
    nothing = is_blank(frame, fit)
    if fit.outcome.verdict is not Verdict.OK:
        also = filter(None, [_BLANK if nothing else "", _impossible_strain(fit)])
        return fit.outcome.verdict, "; ".join([_trouble(fit), *also])
    if not any(fit.found):
        return Verdict.MISFIT, "no phase is significant"
    if nothing:
        return Verdict.MISFIT, _BLANK
    width = _line_width(fit)
    unfit = too_few_points(fit.model.step, width) or clipped(frame, width)
    if unfit:
        return Verdict.MISFIT, unfit
    place = unexplained_peak(frame, fit, calculated)
    if place is not None:
        return Verdict.MISFIT, _peak_reason(fit, place)
    left = fit.outcome.chi2 / fit.chi2_background
    if fit.outcome.gof > _NOISE_GOF and left > _UNEXPLAINED:
        return (
            Verdict.MISFIT,
            f"{100 * left:.0f} % of the signal over the background is unexplained",
        )
    least = _EVIDENCE / max(frame.points * fit.outcome.gof**2, 1e-300)
    broad = None
    if may_be_broad(frame, fit, _BROAD_SHARE):
        broad = broad_residual(frame, fit, width)
    # What is less than the stated errors allow is nothing, however exact the data may be.
    if broad is not None and broad.share > max(_BROAD_SHARE, least):
        return (
            Verdict.MISFIT,
            f"broad scattering near {broad.angle:.1f} degree belongs to no phase and bends the"
            " background: is a phase of small crystals missing, or are there too few background"
            " terms?",
        )
    strange = _impossible_strain(fit)
    if strange:
        return Verdict.AT_BOUND, strange
    if fit.outcome.gof > _NOTABLE_GOF:
        return (
            Verdict.OK,
            f"deviations are {fit.outcome.gof:.3g} times the counting errors (line shapes, grains,"
            " background); the errors given are larger by that factor",
        )
    return Verdict.OK, ""


def _impossible_strain(fit: FrameFit) -> str:
    for p, here in enumerate(fit.found):
        lines, count = impossible(fit, p) if here else ([], 0)
        if lines:
            return (
                f"{fit.model.structures[p].name}: the variance of 1/d² is below 0 at {len(lines)}"
                f" of {count} reflections ({', '.join(lines[:3])}): strain there is none, the"
                " S_HKL are no variances"
            )
    return ""


def is_blank(frame: Frame, fit: FrameFit) -> bool:
    """Whether all phases together improve on a background alone by less than chance allows."""
    # Smooth noise, which neighbours share, is taken for lines more often by as many times.
    gain = frame.fewer * (fit.chi2_background - fit.outcome.chi2) / fit.outcome.noise**2
    number = sum(not n.startswith("background") for n in fit.outcome.names)
    return bool(gain < number * np.log(frame.two_theta.size) + _EVIDENCE)


def _peak_reason(fit: FrameFit, place: float) -> str:
    lines = [fit.model.line_centres(fit.values, p) for p, here in enumerate(fit.found) if here]
    nearest = min(
        (float(np.nanmin(np.abs(c - place))) for c in lines if np.isfinite(c).any()), default=np.inf
    )
    if nearest > max(_line_width(fit), _NARROW * fit.model.step):
        return f"a peak near {place:.2f} degree belongs to no phase"
    return (
        f"the line near {place:.2f} degree is far stronger than the structure says: coarse grains,"
        " texture, a hot pixel or a missing phase"
    )


def unexplained_peak(frame: Frame, fit: FrameFit, calculated: Array) -> float | None:
    """Return the angle of the largest peak that no phase explains, or None.

    Residuals and `calculated` (n,), the sum of the phases, are compared in windows of a line width
    and of three points; beside a known line (within three widths) a small excess is a matter of
    that line's shape.
    """
    residual = frame.intensity - fit.background - calculated
    noise = frame.sigma * max(fit.outcome.gof, 1.0) / np.sqrt(frame.fewer)
    wide = _window(fit)
    # A sharp foreign line drowns in a window as wide as the lines of nanoparticles.
    for points in sorted({_NARROW, wide}):
        if points >= frame.two_theta.size // 2:
            continue
        excess, known = _sums(residual, points), _sums(calculated, points)
        beside = maximum_filter1d(known, 6 * wide + 1, mode="nearest")
        odd = excess > _PEAK_SIGMAS * np.sqrt(_sums(noise**2, points))
        odd &= (
            (excess > _PEAK_SHARE * known.max())
            & (excess > known)
            & (excess > _SHAPE_SHARE * beside)
        )
        if odd.any():
            first = int(np.argmax(np.where(odd, excess, -np.inf)))
            return float(frame.two_theta[first + points // 2])
    return None


def _line_width(fit: FrameFit) -> float:
    widths = []
    for p, here in enumerate(fit.found):
        if here and fit.values[phase_key(p, "scale")] > 0:
            widths.append(fit.model.typical_width(fit.values, p))
    return float(np.median(widths)) if widths else 10 * fit.model.step


def _window(fit: FrameFit) -> int:
    return max(_NARROW, round(_line_width(fit) / fit.model.step))


def _sums(values: Array, points: int) -> Array:
    total = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(total[points:] - total[:-points])


def _trouble(fit: FrameFit) -> str:
    if fit.outcome.verdict is Verdict.NOT_CONVERGED:
        return f"no minimum after {fit.outcome.evaluations} evaluations"
    if fit.outcome.verdict is Verdict.UNIDENTIFIABLE:
        return "the pattern does not determine all free parameters"
    return f"at the bound: {', '.join(fit.outcome.at_bound)}"
