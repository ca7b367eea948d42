"""What a model does after something in it is changed: enzymes halved, species removed, inflows doubled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skperturb._near_names import nearest
from skperturb._validation import check_n_jobs
from skperturb.exceptions import NoSteadyStateError, UnsupportedModelError
from skperturb.sbml._compiling.changes import check_changes
from skperturb.sbml._responding.outcomes import (
    Outcome,
    course,
    log2_fold_change,
    map_shares,
    observed,
    outcome_table,
    steady_outcome,
)
from skperturb.sbml._solving.simulate import check_times, state_at
from skperturb.sbml.many_models import as_model, is_several, map_each, model_labels, with_place
from skperturb.sbml.model import KineticModel

__all__ = ["Intervention", "perturb"]

_UNPERTURBED = "unperturbed"


@dataclass(frozen=True, kw_only=True)
class Intervention:
    """A change that an experimenter makes in a system.

    Parameters
    ----------
    knock_out : str or sequence of str, default=()
        What is removed: a variable is held at zero, a reaction has no rate, a parameter is zero.
    scale : mapping of str to float, default=None
        Factors of parameters, of the rates of reactions (an enzyme halved: 0.5), and of the values of variables when
        the intervention begins (which changes conserved totals).
    set : mapping of str to float, default=None
        New values of parameters, and of variables when the intervention begins.
    hold : mapping of str to float, default=None
        Variables and the values at which they are held from then on.
    at : "steady_state", float or None, default=None
        When it begins: with the model, at the steady state that the model comes to, or at a time.
    name : str, default=None
        What a table calls it; by default what is done.

    Raises
    ------
    TypeError, ValueError
        If nothing is changed, an id is empty, a factor or value is not a finite number, or something is changed in two
        ways.

    Examples
    --------
    >>> from skperturb.sbml import Intervention
    >>> Intervention(knock_out="Raf", scale={"k1": 0.5}).label
    'knock_out Raf, k1 * 0.5'
    """

    knock_out: str | Sequence[str] = ()
    scale: Mapping[str, float] | None = None
    set: Mapping[str, float] | None = None
    hold: Mapping[str, float] | None = None
    at: str | float | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        removed = _removed(self.knock_out)
        if not isinstance(self.name, str | None):
            raise TypeError(
                f"Intervention(name={self.name!r}) is a {type(self.name).__name__}; expected a text or None."
            )
        object.__setattr__(self, "knock_out", removed)
        for name in ("scale", "set", "hold"):
            object.__setattr__(self, name, _numbers(getattr(self, name), name))
        self._check_at()
        touched = [*removed, *self.changes("scale"), *self.changes("set"), *self.changes("hold")]
        if not touched:
            raise ValueError("Intervention() changes nothing; give at least one of knock_out, scale, set and hold.")
        twice = sorted({name for name in touched if touched.count(name) > 1})
        if twice:
            raise ValueError(f"Intervention changes {twice[0]!r} in two ways; expected each id once.")

    def _check_at(self) -> None:
        at = self.at
        if at is None or at == "steady_state":
            return
        if not isinstance(at, Real) or isinstance(at, bool) or not 0.0 <= float(at) < np.inf:
            raise ValueError(f"Intervention(at={at!r}): expected None, 'steady_state' or a finite time >= 0.")

    def changes(self, kind: str) -> dict[str, float]:
        """Return what "scale", "set" or "hold" says.

        Parameters
        ----------
        kind : {"scale", "set", "hold"}
            The kind of change.

        Returns
        -------
        changes : dict of str to float
            Numbers by id.
        """
        return dict(getattr(self, kind))

    @property
    def label(self) -> str:
        """What a table calls the intervention."""
        if self.name is not None:
            return self.name
        parts = [f"knock_out {name}" for name in self.knock_out]
        parts += [f"{name} * {factor:g}" for name, factor in self.changes("scale").items()]
        parts += [f"{name} = {value:g}" for name, value in self.changes("set").items()]
        parts += [f"hold {name} = {value:g}" for name, value in self.changes("hold").items()]
        begin = "" if self.at is None else f" at {self.at if isinstance(self.at, str) else format(self.at, 'g')}"
        return ", ".join(parts) + begin


def _removed(knock_out: Any) -> tuple[str, ...]:
    if isinstance(knock_out, str):
        if not knock_out.strip():
            raise ValueError(f"Intervention(knock_out={knock_out!r}) names nothing; expected an id, or () for none.")
        return (knock_out,)
    if isinstance(knock_out, Mapping) or not isinstance(knock_out, Iterable):
        raise TypeError(
            f"Intervention(knock_out=...) is a {type(knock_out).__name__}; expected an id or a sequence of ids."
        )
    removed = tuple(knock_out)
    for index, name in enumerate(removed):
        if not isinstance(name, str):
            raise TypeError(f"Intervention(knock_out=...)[{index}] is {name!r}; expected an id (a string).")
        if not name.strip():
            raise ValueError(f"Intervention(knock_out=...)[{index}] is {name!r}, which names nothing; expected an id.")
    return removed


def _numbers(changes: Any, name: str) -> dict[str, float]:
    if changes is None:
        return {}
    if isinstance(changes, pd.Series):
        changes = changes.to_dict()
    if not isinstance(changes, Mapping):
        raise TypeError(
            f"Intervention({name}=...) is a {type(changes).__name__}; expected a mapping of ids to numbers."
        )
    for key, value in changes.items():
        if not isinstance(value, Real) or isinstance(value, bool) or not np.isfinite(float(value)):
            raise ValueError(f"Intervention({name}=...)[{key!r}] is {value!r}; expected a finite number.")
    return {key: float(value) for key, value in changes.items()}


def perturb(
    model: Any,
    interventions: Intervention | Sequence[Intervention],
    *,
    response: str | ArrayLike = "steady_state",
    on_error: str = "raise",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> pd.DataFrame:
    r"""Compute what becomes of a model after each of several interventions.

    Parameters
    ----------
    model : KineticModel, str, path-like or a sequence of these
        The model, what `KineticModel.from_sbml` reads, or several of either.
    interventions : Intervention or sequence of Intervention
        Each gives rows of its own.
    response : "steady_state" or array-like of shape (n_times,), default="steady_state"
        Whether the steady states are wanted that the model then comes to, or its course at some times. Times count
        from the start of the model, or from the intervention if that begins at the steady state.
    on_error : {"raise", "nan"}, default="raise"
        For several models, what to do with one that cannot be read or changed as asked: raise its error with its
        index, or give it one row of NaN with the status "refused" and the reason.
    n_jobs : int, default=None
        Number of parallel jobs, as in joblib; several models are dealt out as a whole. It changes no result.
    verbose : int, default=0
        Show a progress bar over several models when positive.

    Returns
    -------
    table : DataFrame
        The first row is "unperturbed", the others are named by `Intervention.label`; for a course the index has a
        second level "time", for several models a first level "model" (their ids, or the names of their files). Columns:

        - ("outcome", "status"): "steady" or "simulated"; "oscillating" (the trajectory comes to no steady state),
          "diverged", "sliding", "integration_failed" or "unsupported"; ("outcome", "reason") says why
        - ("value", name): variables and species under assignment rules, as their SBML symbols; NaN where there is none
        - ("log2_fold_change", name): log2 of the value over the one in the first row; 0 where both are zero

    Raises
    ------
    TypeError
        If an intervention is none.
    ValueError
        If an id is unknown (the nearest ones are named), a constant is determined by a rule, an amount is negative.
    SBMLError
        If the model cannot be read, or an equation cannot be changed as asked; see Notes.

    See Also
    --------
    skperturb.sbml.parameter_sensitivity : The limit of small changes.
    skperturb.sbml.sensitivity_matrix : The limit of small shifts of held variables.

    Notes
    -----
    Every steady state is verified, and is the one that the *trajectory* comes to from where the intervention begins,
    which matters where there are several. An intervention that begins with the model has its initial assignments
    evaluated anew.

    A reaction that is knocked out leaves no trace in the equations; one that is scaled keeps its formula. Where a
    rule, an event or another rate law reads the rate of the reaction, or ``rateOf`` is used, the change is refused.
    Models with events take interventions that begin with the model only.

    Examples
    --------
    >>> from skperturb.sbml import Intervention, perturb
    >>> text = '''<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="m">
    ... <listOfCompartments><compartment id="c" size="1"/></listOfCompartments>
    ... <listOfSpecies><species id="A" compartment="c" initialConcentration="0"/></listOfSpecies>
    ... <listOfParameters><parameter id="k" value="3"/></listOfParameters>
    ... <listOfReactions><reaction id="inflow"><listOfProducts><speciesReference species="A"/></listOfProducts>
    ... <kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><ci>k</ci></math></kineticLaw></reaction>
    ... <reaction id="decay"><listOfReactants><speciesReference species="A"/></listOfReactants>
    ... <kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><ci>A</ci></math></kineticLaw></reaction>
    ... </listOfReactions></model></sbml>'''
    >>> table = perturb(text, [Intervention(scale={"k": 2}), Intervention(knock_out="decay")])
    >>> table["outcome"]["status"].tolist()
    ['steady', 'steady', 'diverged']
    >>> table["log2_fold_change"]["A"].round(6).tolist()
    [0.0, 1.0, nan]
    """
    check_n_jobs(n_jobs)
    listed, times = _listed(interventions), _times(response)
    if on_error not in ("raise", "nan"):
        raise ValueError(f"on_error={on_error!r} is unknown; expected 'raise' or 'nan'.")
    if not is_several(model):
        return _perturbed(as_model(model), listed, times, n_jobs)
    compute = partial(_perturbed, listed=listed, times=times, n_jobs=None)
    items, found = map_each(compute, model, n_jobs=n_jobs, verbose=verbose)
    labels = model_labels(items)
    for position, (label, result) in enumerate(zip(labels, found, strict=True)):
        if isinstance(result, Exception):
            if on_error == "raise":
                raise with_place(result, f"model[{position}] ({label})") from result
            found[position] = _refused_row(result, times)
    # Models of different species: what a model does not have is NaN there, as is what has no value.
    return pd.concat(found, keys=labels, names=["model"]) if found else pd.DataFrame()


def _refused_row(error: Exception, times: np.ndarray | None) -> pd.DataFrame:
    outcome = {("outcome", "status"): ["refused"], ("outcome", "reason"): [f"{type(error).__name__}: {error}"]}
    index = pd.Index([_UNPERTURBED], name="intervention")
    if times is not None:
        index = pd.MultiIndex.from_tuples([(_UNPERTURBED, times[0])], names=["intervention", "time"])
    return pd.DataFrame(outcome, index=index, dtype=object)


def _perturbed(
    model: KineticModel, listed: list[Intervention], times: np.ndarray | None, n_jobs: int | None
) -> pd.DataFrame:
    base = _Base(model, times)
    for index, intervention in enumerate(listed):
        _check_names(model, intervention, f"interventions[{index}]")
        base.prepare(intervention)
        if base.problem(intervention) is None:
            base.apply(intervention)  # what cannot be changed is refused before anything is computed
    reference = base.unperturbed()
    outcomes = map_shares(base.outcome, listed, n_jobs)
    return _table(base, reference, listed, outcomes)


class _Base:
    """The model in its states before the interventions, each computed once."""

    def __init__(self, model: KineticModel, times: np.ndarray | None) -> None:
        self.model, self.times, self.names = model, times, observed(model)
        self._before: dict[str | float | None, KineticModel | Outcome] = {None: model}

    def prepare(self, intervention: Intervention) -> None:
        """Find the state at which an intervention begins."""
        at = intervention.at
        if at in self._before:
            return
        if self.model.event_ids:
            raise UnsupportedModelError(
                f"{self.model.model_id}: {intervention.label!r} begins at {at!r}, but the model has events, which "
                "cannot be taken along; expected at=None."
            )
        nothing = np.full((1, len(self.names)), np.nan)
        values = self.model._system.parameter_values
        try:
            if at == "steady_state":
                steady = self.model.steady_state()
                if not steady.is_reached:
                    raise NoSteadyStateError(f"the trajectory does not come to the steady state ({steady.method})")
                self._before[at] = self.model.continued(steady.time, steady.state.to_numpy(), values)
            else:
                time = float(at)  # type: ignore[arg-type]
                _, x = state_at(self.model, time, ignore_events=False)
                self._before[at] = self.model.continued(time, x, values)
        except NoSteadyStateError as error:
            self._before[at] = Outcome(error.status, f"before the intervention: {error}", nothing)
        except ValueError as error:
            self._before[at] = Outcome("integration_failed", f"before the intervention: {error}", nothing)

    def problem(self, intervention: Intervention) -> Outcome | None:
        """Return why there is no state at which an intervention could begin."""
        found = self._before[intervention.at]
        if not isinstance(found, Outcome):
            return None
        rows = 1 if self.times is None else self.times.size
        return Outcome(found.status, found.reason, np.repeat(found.values, rows, axis=0))

    def apply(self, intervention: Intervention) -> KineticModel:
        """Return the model after an intervention."""
        before = self._before[intervention.at]
        assert isinstance(before, KineticModel)
        return _applied(before.compiled(), intervention)

    def unperturbed(self) -> Outcome:
        return self._run(self.model, None)

    def outcome(self, intervention: Intervention) -> Outcome:
        """Return what becomes of the model after an intervention."""
        return self.problem(intervention) or self._run(self.apply(intervention), intervention.at)

    def _run(self, model: KineticModel, at: str | float | None) -> Outcome:
        if self.times is None:
            return steady_outcome(model, self.names)
        if at is None:
            return course(model, self.times, self.names)
        if at == "steady_state":
            return course(model, self.times + model.start_time, self.names)
        return self._joined(model, float(at))

    def _joined(self, model: KineticModel, at: float) -> Outcome:
        """Return the course of the model itself up to a time and of the changed one from there."""
        assert self.times is not None
        early, late = self.times[self.times < at], self.times[self.times >= at]
        parts = [course(self.model, early, self.names)] if early.size else []
        parts += [course(model, late, self.names)] if late.size else []
        failed = next((part for part in parts if part.status != "simulated"), parts[0])
        return Outcome(failed.status, failed.reason, np.vstack([part.values for part in parts]))


def _applied(model: KineticModel, intervention: Intervention) -> KineticModel:
    system = model._system
    known = model.parameters
    parameters, initial, factors, held = {}, {}, {}, dict(intervention.hold or {})
    for name in intervention.knock_out:
        if name in model.variables:
            held[name] = 0.0
        elif name in model.reaction_ids:
            factors[name] = 0.0
        else:
            parameters[name] = 0.0
    for name, factor in intervention.changes("scale").items():
        if name in model.reaction_ids:
            factors[name] = factor
        elif name in model.variables:
            initial[name] = factor
        else:
            parameters[name] = factor * known[name]
    model = model._with_values(parameters, initial=False, where="intervention")
    initial = {name: factor * model.x0[model.variables.index(name)] for name, factor in initial.items()}
    given = intervention.changes("set")
    model = model._with_values(
        {name: value for name, value in given.items() if name not in system.variables}, initial=False, where="set"
    )
    initial |= {name: value for name, value in given.items() if name in system.variables}
    model = model._with_values(initial, initial=True, where="intervention")
    return model._intervened(factors, held) if factors or held else model


def _check_names(model: KineticModel, intervention: Intervention, where: str) -> None:
    for kind in ("knock_out", "scale", "set", "hold"):
        changes = dict.fromkeys(intervention.knock_out, 1.0) if kind == "knock_out" else intervention.changes(kind)
        for name, value in changes.items():
            _check_name(model, kind, name, value, f"{where}.{kind}")


def _check_name(model: KineticModel, kind: str, name: str, value: float, where: str) -> None:
    system = model._system
    everything = [*model.variables, *system.parameter_names, *model.reaction_ids]
    if name in model.reaction_ids and kind in ("knock_out", "scale"):
        if value < 0.0:
            raise ValueError(f"{where}[{name!r}] is {value:g}; expected a factor >= 0 of a reaction rate.")
    elif name not in system.symbols and name not in everything:
        raise ValueError(
            f"{where}: {name!r} is no variable, parameter or reaction of the model{nearest(name, everything)}."
        )
    elif kind == "hold" and name not in model.variables:
        raise ValueError(f"{where}: {name!r} is no variable, so it cannot be held; expected one of model.variables.")
    else:
        check_changes(system, {name: value}, initial=name in model.variables, where=where)


def _listed(interventions: Any) -> list[Intervention]:
    listed = [interventions] if isinstance(interventions, Intervention) else interventions
    if isinstance(listed, (str, Mapping)) or not isinstance(listed, Sequence):
        raise TypeError(f"interventions is a {type(listed).__name__}; expected a sequence of Intervention.")
    for index, intervention in enumerate(listed):
        if not isinstance(intervention, Intervention):
            raise TypeError(f"interventions[{index}] is a {type(intervention).__name__}; expected an Intervention.")
    labels = [intervention.label for intervention in listed]
    twice = next((label for label in labels if labels.count(label) > 1 or label == _UNPERTURBED), None)
    if twice is not None:
        raise ValueError(f"interventions: the name {twice!r} is taken; give each intervention a name of its own.")
    return list(listed)


def _times(response: Any) -> np.ndarray | None:
    if isinstance(response, str):
        if response != "steady_state":
            raise ValueError(f"response={response!r} is unknown; expected 'steady_state' or a sequence of times.")
        return None
    return check_times(response)


def _table(base: _Base, reference: Outcome, interventions: list[Intervention], outcomes: list[Outcome]) -> pd.DataFrame:
    labels = [_UNPERTURBED, *(intervention.label for intervention in interventions)]
    everything = [reference, *outcomes]
    table = outcome_table(pd.Index(labels, name="intervention"), base.times, base.names, everything)
    values = np.vstack([outcome.values for outcome in everything])
    changes = log2_fold_change(values, np.tile(reference.values, (len(everything), 1)))
    frame = pd.DataFrame(changes, index=table.index, columns=base.names, dtype=float)
    return pd.concat([table, pd.concat({"log2_fold_change": frame}, axis=1)], axis=1)
