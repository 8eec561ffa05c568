"""Curves over a series fitted to all of its patterns at once: parametric Rietveld refinement.

A parameter p that follows a curve p_k = f(t_k; c) over the frames k couples these through the
coefficients c alone (Stinson & Evans, J. Appl. Cryst. 40 (2007) 87). What else is free in a frame,
l_k, is eliminated exactly: at the minimum over l_k the normal matrix of p_k is the Schur complement

    S_k = A_pp - A_pl A_ll⁻¹ A_lp,    A = J_kᵀ J_k,

and Gauss-Newton steps of Σ_k min_l χ²_k solve (Σ Φᵀ S Φ) δ = -Σ Φᵀ (g_p - A_pl A_ll⁻¹ g_l) with
Φ = ∂p/∂c, g = Jᵀ r. The covariance of c is (Σ Φᵀ S Φ)⁻¹, that of l_k is A_ll⁻¹ + M cov(c) Mᵀ with
M = A_ll⁻¹ A_lp Φ. So no matrix is larger than that of one frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import SpecError
from xrdkit.fitting import LEAST_GOF, FitOutcome
from xrdkit.phase.frame_fit import Chord, Frame, FrameFit
from xrdkit.phase.free_intensities import measuring
from xrdkit.phase.joint_steps import bent, solved
from xrdkit.phase.minimise import EXACTLY, expanded, minimise, slopes_of, tied_of
from xrdkit.phase.named_parameters import key_of, parameter_names
from xrdkit.phase.parametric_spec import Curve, ParametricTie
from xrdkit.phase.serial_correlation import serial_factor, with_esd_correction

Array = NDArray[np.float64]

_ROUNDS, _HALVINGS = 30, 4
#: Steps shorter than this many standard errors are the end, and steps that lower χ² by less than
#: this many times χ² per degree of freedom: a tenth of a standard error.
_EXACTLY, _NEARLY = 1e-3, 0.01
#: On the way frames are brought this near to their minima, standard errors.
_WITHIN = 0.01
#: Steps from which the curvature of χ² beyond that of the normal matrix is learned.
_PAIRS = 8


@dataclass(frozen=True, kw_only=True)
class Joint:
    """What a fit of curves to a series found."""

    curves: tuple[Curve, ...]
    """The curves."""
    keys: tuple[str, ...]
    """Parameter of each curve."""
    units: tuple[str, ...]
    """Unit of each parameter."""
    coefficients: Array
    """All coefficients, curve after curve (c,), in physical units."""
    covariance: Array
    """Their covariance (c, c), scaled as standard errors are."""
    fits: dict[int, FrameFit]
    """The fits of the frames that took part, by number."""
    increase: float
    """What χ² rises by on the curves, over χ² per degree of freedom."""
    constraints: int
    """Parameters that the curves take from the frames, less their coefficients."""
    converged: bool
    """Whether a minimum was reached."""


@dataclass(kw_only=True)
class _Member:
    """A frame in the joint fit."""

    frame: Frame
    fit: FrameFit
    place: int
    outcome: FitOutcome
    params: list[int]
    """Numbers of the curves that it follows."""
    response: Array
    """A_ll⁻¹ A_lp in natural units (l, p)."""
    schur: Array
    """S (p, p), natural units."""
    gradient: Array
    """g_p - A_pl A_ll⁻¹ g_l (p,)."""
    locals: tuple[str, ...]
    """Names of l."""


def curves_of(
    ties: Sequence[ParametricTie], coordinates: Sequence[Array], fits: dict[int, FrameFit]
) -> tuple[tuple[Curve, ...], tuple[str, ...]]:
    """Return the curves of `ties` and the keys of their parameters.

    `coordinates` are those of each tie (frames,). Raises SpecError for unknown names and for
    parameters that no frame refines.
    """
    first = next(iter(fits.values()))
    known = parameter_names(list(first.origin.values), [s.name for s in first.model.structures])
    curves, keys = [], []
    for tie, coordinate in zip(ties, coordinates, strict=True):
        key = key_of(tie.parameter, known)
        if not any(key in f.outcome.names for f in fits.values()):
            raise SpecError(
                f"{tie.parameter} is refined in no frame", hint="free it, or leave out its curve"
            )
        if key in keys:
            raise SpecError(f"two curves are given for {tie.parameter}")
        curves.append(Curve.of(tie, coordinate))
        keys.append(key)
    return tuple(curves), tuple(keys)


class JointFit:
    """The frames of a series and the coefficients of the curves that some parameters follow."""

    def __init__(
        self,
        frames: dict[int, Frame],
        fits: dict[int, FrameFit],
        curves: Sequence[Curve],
        keys: Sequence[str],
    ) -> None:
        """Start the curves at what the frames say by themselves."""
        self._curves, self._keys = tuple(curves), tuple(keys)
        self._frames, self._fits = frames, fits
        self._free_chi2 = sum(f.outcome.chi2 for f in fits.values())
        ends = np.cumsum([0, *(c.count for c in curves)])
        self._parts = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        count = max(fits) + 1
        starts = []
        for curve, key in zip(curves, keys, strict=True):
            values, errors = np.full((2, max(count, curve.coordinate.size)), np.nan)
            for k, fit in fits.items():
                if key in fit.outcome.names:
                    values[k], errors[k] = fit.values[key], fit.sigma(key)
            size = curve.coordinate.size
            starts.append(curve.start(values[:size], errors[:size]))
        self._now = np.concatenate(starts)
        # Free lines follow from the data again.
        self._models = {
            k: measuring(f.model, frames[k].intensity, frames[k].sigma) for k, f in fits.items()
        }

    def run(self) -> Joint:
        """Minimise; raises FitFailed where the frames do not determine the coefficients."""
        members, chi2 = self._all(self._now, None)
        converged = False
        before: tuple[Array, Array] | None = None
        pairs: list[tuple[Array, Array]] = []
        for _ in range(_ROUNDS):
            normal, right = self._normal(members, self._now)
            if before is not None:
                pairs = [*pairs[1 - _PAIRS :], (before[0], right - before[1])]
            step = -solved(bent(normal, pairs), right)
            unit = chi2 / sum(m.outcome.dof for m in members)
            left = -float(right @ step) / unit
            if left < _EXACTLY**2:
                converged = True
                break
            slope = 2.0 * float(right @ step)
            share = 1.0
            for _shorter in range(_HALVINGS):
                trial, after = self._all(self._now + share * step, members)
                if after <= chi2:
                    break
                # Along the step χ² is a parabola.
                curvature = (after - chi2 - share * slope) / share**2
                share *= float(np.clip(-0.5 * slope / (curvature * share), 0.1, 0.5))
            else:
                converged = left < _NEARLY
                break
            fall, chi2 = chi2 - after, after
            before = (share * step, right)
            self._now, members = self._now + share * step, trial
            # Where the model misses something, the last steps gain next to nothing.
            if fall < _NEARLY * unit:
                converged = True
                break
        members, chi2 = self._all(self._now, members, EXACTLY)
        return self._result(members, chi2, converged)

    def _all(
        self, coefficients: Array, known: list[_Member] | None, precision: float = _WITHIN
    ) -> tuple[list[_Member], float]:
        curves = [
            c.at(coefficients[part])[0] for c, part in zip(self._curves, self._parts, strict=True)
        ]
        starts: Sequence[_Member | None] = known or [None] * len(self._fits)
        members = [
            self._member(
                k,
                {key: float(c[k]) for key, c in zip(self._keys, curves, strict=True)},
                m,
                precision,
            )
            for k, m in zip(self._fits, starts, strict=True)
        ]
        return members, sum(m.outcome.chi2 for m in members)

    def _member(
        self, place: int, values: dict[str, float], before: _Member | None, precision: float
    ) -> _Member:
        """Return a frame at the minimum of all but the parameters on the curves."""
        fit, frame = self._fits[place], self._frames[place]
        plan = fit.plan
        whole = tied_of(plan, last=self._keys)
        params = [p for p, key in enumerate(self._keys) if key in whole.free]
        keys = [self._keys[p] for p in params]
        for p, key in enumerate(self._keys):
            if key in whole.tied or key in whole.constant:
                raise SpecError(
                    f"{self._curves[p].tie.parameter} has a curve and follows from ties"
                )
        inner = tuple(name for name in whole.free if name not in keys)
        start, chord = dict(fit.values), None
        if before is not None:
            moved = np.array([values[k] - before.fit.values[k] for k in keys])
            moved /= np.array([plan.units[k] for k in keys])
            start = before.fit.values | {
                n: before.fit.values[n] - shift * plan.units[n]
                for n, shift in zip(before.locals, before.response @ moved, strict=True)
            }
            slopes = before.outcome.slopes
            if slopes is not None:
                chord = Chord(names=before.outcome.seen, slopes=slopes, sigma=frame.sigma)
        start |= {k: values[k] for k in keys}
        held = plan.changed(values=whole.complete(start), fixed=keys)
        model = self._models[place]
        outcome = minimise(model, frame, held, model.spec.max_evaluations, precision, chord)
        now = held.physical(outcome.values)
        slopes = slopes_of(model, frame, plan, whole, now)
        columns = {name: slopes[:, k] for k, name in enumerate(whole.free)}
        # What has stopped at a bound does not give way.
        loose = tuple(n for n in inner if n not in outcome.at_bound)
        j_l = np.stack([columns[n] for n in loose], axis=1)
        j_p = np.stack([columns[k] for k in keys], axis=1) if keys else np.zeros((len(slopes), 0))
        response = solved(j_l.T @ j_l, j_l.T @ j_p)
        residual = outcome.residual
        return _Member(
            frame=frame,
            fit=replace(fit, values=now, chord=None),
            place=place,
            outcome=outcome,
            params=params,
            response=response,
            schur=j_p.T @ j_p - (j_p.T @ j_l) @ response,
            gradient=j_p.T @ residual - response.T @ (j_l.T @ residual),
            locals=loose,
        )

    def _by_coefficients(self, member: _Member, coefficients: Array) -> Array:
        """Return ∂p/∂c (p, c) of the parameters of a frame, in natural units."""
        rows = np.zeros((len(member.params), coefficients.size))
        for row, p in enumerate(member.params):
            part = self._parts[p]
            slopes = self._curves[p].at(coefficients[part])[1][member.place]
            rows[row, part] = slopes / member.fit.plan.units[self._keys[p]]
        return rows

    def _normal(self, members: Sequence[_Member], now: Array) -> tuple[Array, Array]:
        normal, right = np.zeros((now.size, now.size)), np.zeros(now.size)
        for member in members:
            phi = self._by_coefficients(member, now)
            normal += phi.T @ member.schur @ phi
            right += phi.T @ member.gradient
        return normal, right

    def _result(self, members: Sequence[_Member], chi2: float, converged: bool) -> Joint:
        normal, _ = self._normal(members, self._now)
        plain = solved(normal, np.eye(self._now.size))
        dof = sum(m.outcome.dof for m in members)
        gof2 = chi2 / max(dof, 1.0)
        scale2, correction = gof2, members[0].fit.model.spec.esd_correction
        if correction == "none":
            scale2 = 1.0
        elif correction == "berar_lelann":
            serial = [serial_factor(m.outcome, m.frame.errors) for m in members]
            scale2 *= float(np.mean(np.square(serial)))
        covariance, common = self._errors(members, plain)
        factors = np.concatenate([c.factors() for c in self._curves])
        whole = scale2 * covariance + common.T @ common
        fits = {m.place: self._fit(m, covariance, common, scale2) for m in members}
        count = sum(len(m.params) for m in members)
        units = members[0].fit.plan.unit_names
        return Joint(
            curves=self._curves,
            keys=self._keys,
            units=tuple(units[k] for k in self._keys),
            coefficients=factors * self._now,
            covariance=whole * np.outer(factors, factors),
            fits=fits,
            increase=(chi2 - self._free_chi2) / max(gof2, LEAST_GOF**2),
            constraints=count - self._now.size,
            converged=converged,
        )

    def _errors(self, members: Sequence[_Member], plain: Array) -> tuple[Array, Array]:
        """Return the covariance of the coefficients (c, c) and their common errors (m, c).

        An error common to all points of a frame is taken as common to all frames.
        """
        told = [m for m in members if m.frame.errors is not None]
        if not told:
            return plain, np.zeros((0, self._now.size))
        covariance = np.zeros_like(plain)
        common: Array | None = None
        correlated = False
        for member in members:
            phi = self._by_coefficients(member, self._now)
            errors = member.frame.errors
            if errors is None or not errors.correlated:
                covariance += plain @ (phi.T @ member.schur @ phi) @ plain
            if errors is None:
                continue
            estimator = self._estimator(member, phi, plain)
            if errors.correlated:
                correlated = True
                covariance += errors.parts(estimator).sum(axis=0)
            shifts = errors.shifts(estimator)
            common = shifts if common is None else common + shifts
        return (
            covariance if correlated else plain,
            np.zeros((0, self._now.size)) if common is None else common,
        )

    def _estimator(self, member: _Member, phi: Array, plain: Array) -> Array:
        """Return what the coefficients are of the weighted residual of a frame (c, n)."""
        fit, keys = member.fit, [self._keys[p] for p in member.params]
        whole = tied_of(fit.plan, last=self._keys)
        model = self._models[member.place]
        slopes = slopes_of(model, member.frame, fit.plan, whole, fit.values)
        at = {name: k for k, name in enumerate(whole.free)}
        j_l = slopes[:, [at[n] for n in member.locals]]
        j_p = slopes[:, [at[k] for k in keys]]
        return np.asarray(plain @ phi.T @ (j_p - j_l @ member.response).T)

    def _fit(self, member: _Member, covariance: Array, common: Array, scale2: float) -> FrameFit:
        """Return the fit of a frame with the errors that it has beside all others."""
        outcome, fit = member.outcome, member.fit
        whole = tied_of(fit.plan, last=self._keys)
        at = {name: k for k, name in enumerate(whole.free)}
        phi = self._by_coefficients(member, self._now)
        by_c = np.zeros((len(whole.free), self._now.size))
        by_c[[at[self._keys[p]] for p in member.params]] = phi
        by_c[[at[n] for n in member.locals]] = -member.response @ phi
        own = [at[n] for n in outcome.seen]
        inside = range(len(own))
        factor = with_esd_correction(outcome, member.frame.errors, fit.model.spec.esd_correction)
        ratio = scale2 / factor.scale**2 if factor.scale > 0 else 1.0
        table = np.zeros((len(whole.free), len(whole.free)))
        table[np.ix_(own, own)] = outcome.covariance[np.ix_(inside, inside)]
        shifts = np.zeros((len(outcome.common), len(whole.free)))
        shifts[:, own] = outcome.common[:, : len(own)]
        parts = np.zeros((len(outcome.parts), len(whole.free), len(whole.free)))
        if outcome.parts.size:
            parts[:, np.array(own)[:, np.newaxis], own] = outcome.parts[:, : len(own), : len(own)]
            # The curve's own errors are shared out as those of the frame are.
            parts[0] += ratio * by_c @ covariance @ by_c.T
        if shifts.size and common.size:
            shifts = shifts + common @ by_c.T
        joint = replace(
            outcome,
            table=replace(outcome.table, free=whole.free),
            tied=(),
            covariance=table + ratio * by_c @ covariance @ by_c.T,
            common=shifts,
            parts=parts,
            slopes=None,
        )
        joint = expanded(joint, fit.plan, whole)
        return replace(
            fit,
            model=self._models[member.place].frozen(fit.values),
            outcome=with_esd_correction(joint, member.frame.errors, fit.model.spec.esd_correction),
            serial_factor=serial_factor(joint, member.frame.errors),
        )
