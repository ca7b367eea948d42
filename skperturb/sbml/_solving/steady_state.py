"""Verified steady states of a kinetic model."""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Real
from time import process_time
from typing import Any

import numpy as np
import pandas as pd

from skperturb._html import html_card, some_of
from skperturb.exceptions import NoSteadyStateError, UnsupportedModelError
from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._solving.hidden_laws import independent_laws
from skperturb.sbml._solving.integrate import scale_of
from skperturb.sbml._solving.ladder import MOST_SECONDS, Candidate, Climb, climb
from skperturb.sbml._solving.newton import LawKeepingSystem, solve_safely
from skperturb.sbml._solving.simulate import name_some, refuse_events

__all__ = ["SteadyState", "find_steady_state"]

# What the verification allows. Parts of a scale, of a rate or of a total; no units.
#
# Eigenvalues within this part of the Jacobian's largest entry are zero: the eigenvalue of a law is, up to rounding
# times the condition of the eigenvectors (1e-13 as a rule). Ten times more calls slow unstable states stable.
_ZERO_EIGENVALUE = 1e-10
_ON_THE_TRAJECTORY = ("initial", "trajectory")
# An eigenvalue whose real part is below this part of the imaginary one circles: rounding of a centre, never a damping
# that a model means (1e-3 and more).
_CIRCLING = 1e-9
# Conserved totals may be off by this part of the sum of their members' sizes; integration at rtol 1e-7 drifts no
# more, and a state on another total is off by per cents.
_TOTALS = 1e-7
# A Newton step from a state that rests is rounding; one longer than this part of a scale shows a drift. Ten times
# less refuses ill-conditioned but right states, ten times more accepts states that creep for decades.
_LONGEST_REST_STEP = 1e-5
# What is left of the right-hand side after the step: a tenth of it, or rounding of the rates (1e-13 of their sum) and
# of the product with the step (1e-12).
_REMOVED = 0.1
_ROUNDING_OF_RATES = 1e-13
_ROUNDING_OF_PRODUCT = 1e-12
# Later times at which rates are looked at where time is explicit, spread over eight decades: 50 a decade see any
# forcing that acts for a twentieth of its time or more.
_LATER_TIMES, _LATER_DECADES = 400, 8.0
_LATER_TOLERANCE = 10.0  # times `tol`: the state was found at one time, its rounding differs at others
_GOLDEN = 0.6180339887498949
# Up to so many variables a leg of the search has its full number of steps, then fewer, but no less than a third: a
# step costs more the larger the model.
_FULL_SIZE, _LEAST_PART = 100.0, 1.0 / 3.0


@dataclass(frozen=True)
class SteadyState:
    """A state at which nothing changes, and what was verified about it.

    Parameters
    ----------
    state : Series
        Value of each variable, in the model's units.
    residual : float
        Largest rate that is left, relative to the rates it is the balance of:
        ``max_i |f_i| / sum_j |J_ij| s_j`` with the scales ``s = max(|x|, 1e-6 max|x|)``; no unit.
    stable : bool
        Whether small deviations neither grow nor circle forever.
    max_real_part : float
        Largest real part of the Jacobian's spectrum without the directions of the conservation laws, in
        1 / time; ``-inf`` when the laws leave no direction.
    n_conservation_laws : int
        Number of independent conserved totals, which are those of the initial state.
    method : {"initial", "trajectory", "newton_mean", "newton_last", "newton_initial", "pseudo_transient"}
        The step of the ladder that found the state.
    time : float
        Model time at which the state was found; the trajectory may approach it only later.
    changed_parameters : Series
        Values of the parameters that events have changed on the way; empty in all other cases. The Jacobian
        at the state is that of ``model.after_events(steady_state)``, which has these values.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.sbml import SteadyState
    >>> rest = SteadyState(pd.Series({"x": 1.0}), 0.0, True, -2.0, 0, "trajectory", 100.0)
    >>> rest.stable, float(rest.state["x"])
    (True, 1.0)
    """

    state: pd.Series
    residual: float
    stable: bool
    max_real_part: float
    n_conservation_laws: int
    method: str
    time: float
    changed_parameters: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))

    @property
    def is_reached(self) -> bool:
        """Whether the trajectory comes to this state, instead of circling it or leaving it aside."""
        return self.stable or self.method in _ON_THE_TRAJECTORY

    def _repr_html_(self) -> str:
        changed = self.changed_parameters
        rows = [
            ("stable", f"{'yes' if self.stable else 'no'} (largest real part {self.max_real_part:.3g})"),
            ("reached by the trajectory", "yes" if self.is_reached else "no"),
            ("largest relative rate left", f"{self.residual:.1e}"),
            ("conservation laws", self.n_conservation_laws),
            ("found by", f"{self.method}, at t = {self.time:.6g}"),
            ("changed by events", some_of(changed.index, values=changed) if changed.size else None),
            ("state", some_of(self.state.index, values=self.state)),
        ]
        return html_card("SteadyState", rows)


def find_steady_state(
    model: Equations,
    *,
    tol: float = 1e-9,
    t_max: float = 1e10,
    rtol: float = 1e-7,
    max_steps: int = 3_000,
    ignore_events: bool = False,
) -> SteadyState:
    r"""Find the steady state that a model reaches from its initial state, and verify it.

    Parameters
    ----------
    model : KineticModel
        The model.
    tol : float, default=1e-9
        Largest residual, see `SteadyState`.
    t_max : float, default=1e10
        Longest time to follow the trajectory for, in the model's unit of time.
    rtol : float, default=1e-7
        Relative tolerance of the trajectory.
    max_steps : int, default=3000
        Largest number of integration steps in a sixteenth of a decade of time; fewer for models of more than 100
        variables, in inverse proportion to their number, down to a third.
    ignore_events : bool, default=False
        Treat a model with events as if it had none.

    Returns
    -------
    steady_state : SteadyState
        The state.

    Raises
    ------
    NoSteadyStateError
        Its `status` is "oscillating" (no state was found though the trajectory stays bounded, or its events
        keep firing), "diverged" (a variable grows without bound), "sliding" (it rests on a jump of the right-hand
        side, between two sides that push it against each other), "integration_failed" (no integrator could follow
        the trajectory: the text says where and why) or "unsupported" (events that may fire at the state, or cannot
        be followed; explicit time; a right-hand side that is not finite at the start).

    Notes
    -----
    The ladder: (1) LSODA to t = 1e2, 1e3, … `t_max`, with a Newton polish at each that counts only if no
    variable moves by more than 10 % of its scale; (2) Newton from the mean, the end and the start of the
    trajectory; (3) pseudo-transient continuation [1]_ from the initial state. A trajectory on which a
    variable doubles in each of the last decades grows, and has no steady state. Where LSODA gives up, a short
    step, a hundredfold tighter tolerance, BDF and Radau are tried in turn. Conditions at which the right-hand side
    jumps are located, as in `simulate`. A trajectory that goes up and down
    in one range and about one mean is followed no further if Newton's method leads from that mean to an
    unstable state. Every answer is verified: the residual, a Newton step that no longer moves it, amounts
    that are not negative, and the conserved totals.

    Events are followed through the decades. Once a decade has passed without one, the search starts from
    there, with the values that the events left behind; its result counts only if no trigger turns true
    between the trajectory and the state, nor at the state at any of 200 later times.

    A state that only Newton's method finds may be unstable: an oscillator circles it. It is returned with
    ``stable=False`` and ``is_reached=False``.

    A search, all of its methods together, ends after 30 seconds of processor time.

    Where time appears explicitly, a state counts only if the right-hand side is zero there at 400 later
    times too, spread over eight decades without a common period: a switch in the past or a signal that
    has died away passes, a periodic one does not.

    References
    ----------
    .. [1] C. T. Kelley and D. E. Keyes, "Convergence analysis of pseudo-transient continuation",
       SIAM J. Numer. Anal. 35:508-523, 1998.
    """
    if not all(isinstance(value, Real) and 0.0 < float(value) < np.inf for value in (tol, t_max)):
        raise ValueError(f"tol and t_max must be positive finite numbers, got tol={tol!r}, t_max={t_max!r}.")
    _refuse(model, ignore_events)
    steps = round(max_steps * max(min(1.0, _FULL_SIZE / len(model.variables)), _LEAST_PART))
    deadline = process_time() + MOST_SECONDS
    limits: dict[str, Any] = {"t_max": float(t_max), "rtol": rtol, "max_steps": steps, "deadline": deadline}
    if model.event_ids and not ignore_events:
        from skperturb.sbml._solving.after_events import find_after_events

        best, settled = find_after_events(model, lambda after: _climb(after, tol, limits), **limits)
        changed = _changed_constants(model, settled)
    elif getattr(getattr(model, "_system", None), "delays", ()):
        from skperturb.sbml._solving.after_delays import find_after_delays

        best = find_after_delays(model, lambda settled: _climb(settled, tol, limits), **limits)
        changed = pd.Series(dtype=float)
    else:
        best, changed = _climb(model, tol, limits), pd.Series(dtype=float)
    return SteadyState(
        state=pd.Series(best.x, index=list(model.variables), name="state"),
        residual=best.residual,
        stable=best.stable,
        max_real_part=best.max_real_part,
        n_conservation_laws=best.n_laws,
        method=best.method,
        time=best.time,
        changed_parameters=changed,
    )


def _climb(model: Equations, tol: float, limits: dict[str, Any]) -> Candidate:
    # States far out overflow; every use of what comes of that is preceded by a test that it is finite.
    with np.errstate(over="ignore", invalid="ignore"):
        system = LawKeepingSystem(model, independent_laws(model))
        found = climb(system, lambda time, x, method, **known: _verify(system, time, x, method, tol, **known), **limits)
    if found.candidate is None:
        raise _nothing_found(model, found)
    return found.candidate


def _changed_constants(model: Equations, settled: Equations) -> pd.Series:
    before, after = model.parameters, settled.parameters
    return after[(before != after).to_numpy() & ~(before.isna() & after.isna()).to_numpy()]


def _refuse(model: Equations, ignore_events: bool) -> None:
    if model.event_ids and not ignore_events:
        try:
            refuse_events(model)
        except UnsupportedModelError as error:
            raise NoSteadyStateError(f"no steady state: {error}", status="unsupported") from None
    if not len(model.variables):
        raise NoSteadyStateError(
            f"{model.model_id}: the model has no variables: all symbols are constant or assigned, so there is "
            "nothing that could come to rest.",
            status="unsupported",
        )
    if model.event_ids and not ignore_events and getattr(getattr(model, "_system", None), "delays", ()):
        raise NoSteadyStateError(
            f"{model.model_id}: the search for the steady state of a model with both delays and events is not "
            "supported; pass ignore_events=True, or look at a late time of simulate.",
            status="unsupported",
        )
    start = np.asarray(model.rhs(0.0, model.x0), dtype=float)
    bad = [
        name
        for name, x, f in zip(model.variables, model.x0, start, strict=True)
        if not (np.isfinite(f) and np.isfinite(x))
    ]
    if bad:
        raise NoSteadyStateError(
            f"{model.model_id}: the initial state, or the right-hand side there, is not finite "
            f"({name_some(bad)}). Give the missing initial values in the file.",
            status="unsupported",
        )


def _nothing_found(model: Equations, found: Climb) -> NoSteadyStateError:
    if model.time_dependence and found.status == "oscillating":
        return NoSteadyStateError(
            f"{model.model_id}: no steady state, since time acts explicitly in {name_some(model.time_dependence)}.",
            status="unsupported",
        )
    return NoSteadyStateError(f"{model.model_id}: no steady state: {found.reason}.", status=found.status)


def _verify(
    system: LawKeepingSystem, time: float, x: np.ndarray, method: str, tol: float, *, at_rest: bool = False
) -> Candidate | None:
    """Return the candidate if everything that a steady state promises holds; `at_rest` if it is known not to move."""
    scale = scale_of(x, system.x0)
    f, jacobian = system.linearize(time, x, scale)
    if not (np.isfinite(x).all() and np.isfinite(f).all() and np.isfinite(jacobian).all()):
        return None
    residual = _residual(f, jacobian)
    if residual > tol or not _keeps_bounds(system, x, scale):
        return None
    if not at_rest and not _rests(system, time, x, scale, jacobian, f):
        return None
    if not _holds_later(system, time, x, scale, np.abs(jacobian).sum(axis=1), tol):
        return None
    spectrum = _spectrum(jacobian, system.basis(scale))
    rounding = _ZERO_EIGENVALUE * np.abs(jacobian).max(initial=0.0)
    # Around a centre, such as that of Lotka and Volterra, a deviation neither grows nor fades.
    circles = (np.abs(spectrum.real) <= _CIRCLING * np.abs(spectrum.imag)) & (np.abs(spectrum.imag) > rounding)
    largest = float(spectrum.real.max(initial=-np.inf))
    # Newton's method may move along a line of states that rest beside each other, to one that no trajectory comes to.
    # Then only a state that attracts from all sides is one that the model reaches.
    most = rounding if method in _ON_THE_TRAJECTORY else -rounding
    stable = largest <= most and not circles.any()
    return Candidate(time, x, residual, largest, bool(stable), method, len(system.laws))


def _residual(f: np.ndarray, jacobian: np.ndarray) -> float:
    balance = np.abs(jacobian).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.max(np.where(f == 0.0, 0.0, np.abs(f) / balance), initial=0.0))


def _keeps_bounds(system: LawKeepingSystem, x: np.ndarray, scale: np.ndarray) -> bool:
    if np.any(x[system.non_negative] < 0.0):
        return False
    if not len(system.laws):
        return True
    size = np.abs(system.laws) @ np.maximum(np.abs(system.x0), scale)
    return bool(np.all(np.abs(system.laws @ (x - system.x0)) <= _TOTALS * size))


def _rests(
    system: LawKeepingSystem, time: float, x: np.ndarray, scale: np.ndarray, jacobian: np.ndarray, f: np.ndarray
) -> bool:
    """Say whether Newton's method would leave the state where it is.

    The residual alone cannot tell a slow drift from rest where large rates nearly cancel. Where the
    Jacobian is singular, a part of the right-hand side that no step can remove is a drift too, unless it
    is of the size of rounding errors.
    """
    basis = system.basis(scale)
    sigma = np.abs(jacobian).max(initial=0.0) or 1.0
    matrix = jacobian - sigma * (basis @ basis.T)
    step = solve_safely(matrix, -f)
    if step is None or np.abs(step).max(initial=0.0) > _LONGEST_REST_STEP:
        return False
    balance = np.abs(jacobian).sum(axis=1)
    rounding = _ROUNDING_OF_RATES * balance + _ROUNDING_OF_PRODUCT * (np.abs(matrix) @ np.abs(step))
    return bool(np.all(np.abs(matrix @ step + f) <= np.maximum(_REMOVED * np.abs(f), rounding)))


def _holds_later(
    system: LawKeepingSystem, time: float, x: np.ndarray, scale: np.ndarray, balance: np.ndarray, tol: float
) -> bool:
    if not system.model.time_dependence:
        return True
    # Golden-ratio jitter: no period of a forcing term can be in step with all of the times.
    k = np.arange(1, _LATER_TIMES + 1)
    later = max(time, 1.0) * 10.0 ** (_LATER_DECADES * (k + (k * _GOLDEN) % 1.0) / (_LATER_TIMES + 1.0))
    allowed = np.maximum(_LATER_TOLERANCE * tol * balance, 0.0)
    for moment in later:
        f = np.asarray(system.model.rhs(float(moment), x), dtype=float) / scale
        if not np.isfinite(f).all() or np.any(np.abs(f) > allowed):
            return False
    return True


def _spectrum(jacobian: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Return the eigenvalues on the states that have the same totals."""
    if basis.shape[1]:
        full = np.linalg.qr(basis, mode="complete")[0]
        rest = full[:, basis.shape[1] :]
        jacobian = rest.T @ jacobian @ rest
    return np.linalg.eigvals(jacobian) if jacobian.size else np.empty(0, dtype=complex)
