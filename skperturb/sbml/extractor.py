"""The transformer from SBML models to influence networks."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import TransformerMixin

from skperturb._network import InfluenceNetwork
from skperturb._processes import Outcome, map_isolated
from skperturb._sklearn import N_JOBS, Interval, StrOptions, fit_context
from skperturb._validation import as_sequence, describe
from skperturb.base import BaseEstimator
from skperturb.exceptions import ModelWarning, NoSteadyStateError, UnsupportedModelError

__all__ = ["ENGINE_MODULES", "JacobianExtractor", "network_at"]

#: What the engine imports when it is first used, for `map_isolated`.
ENGINE_MODULES = (
    "libsbml",
    "scipy.integrate",
    "skperturb.sbml._reading.document",
    "skperturb.sbml._solving.steady_state",
)

_EXPECTED = (
    "a sequence (list, tuple, 1-D object array, Series) of SBML sources (paths, SBML texts) or KineticModel objects"
)
_TIME = re.compile(r"t\s*=\s*(\S+)")


class JacobianExtractor(TransformerMixin, BaseEstimator):
    """Turn SBML models into influence networks: their Jacobian at a chosen state.

    Parameters
    ----------
    at : {"steady_state", "initial"}, float or str, default="steady_state"
        Where the Jacobian is taken: at the verified steady state that the trajectory reaches, at the
        initial state, or at a time of the trajectory, given as a number or as ``"t=10"``.
    variables : {"dynamic", "dynamo"}, default="dynamic"
        - "dynamic": the states of the model.
        - "dynamo": every species and every non-constant parameter, without those on which nothing
          depends and that depend on nothing [1]_. Events are ignored then, as in the reference code.
    on_error : {"raise", "skip"}, default="raise"
        What to do with a model that yields no network: raise its error, or put an empty network
        (``is_empty`` is True, ``reason`` says why) in its place and warn once.
    n_jobs : int, default=None
        Number of parallel jobs, as in joblib. It changes no result.
    verbose : int, default=0
        Show a progress bar when positive.
    timeout : float, default=None
        Seconds for one model, which is then worked on in a worker process of its own. One that takes longer has no
        steady state in time (`NoSteadyStateError` of status "timeout"), and one that brings its process down costs
        nothing else. None sets no limit and starts no processes of this kind.

    See Also
    --------
    skperturb.sbml.screen_models : A table of what each model yields, robust to crashes and hangs.
    skperturb.sbml.sensitivity_matrix : From a network to the responses.

    Notes
    -----
    Where the equations are not smooth at the state, a `ModelWarning` names the variables; see
    `KineticModel.nonsmooth_variables`.

    The transformer is stateless: `fit` only validates. Networks at a steady state carry it
    (``network.steady_state``), and networks of the dynamic variables carry the conservation laws.

    References
    ----------
    .. [1] M. Santolini and A.-L. Barabási, "Predicting perturbation patterns from the topology of
       biological networks", PNAS 115:E6375-E6383, 2018, doi:10.1073/pnas.1720589115.

    Examples
    --------
    >>> from skperturb.datasets import load_textbook_models
    >>> from skperturb.sbml import JacobianExtractor
    >>> models = load_textbook_models().data[:2]
    >>> networks = JacobianExtractor(at="initial").fit_transform(models)
    >>> networks.shape
    (2,)
    >>> networks[0].n_nodes > 1
    True
    """

    _parameter_constraints: dict = {  # noqa: RUF012  the name and the form are scikit-learn's
        "at": [str, Real],
        "variables": [StrOptions({"dynamic", "dynamo"})],
        "on_error": [StrOptions({"raise", "skip"})],
        "n_jobs": N_JOBS,
        "verbose": ["verbose"],
        "timeout": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(
        self,
        at: str | float = "steady_state",
        variables: str = "dynamic",
        on_error: str = "raise",
        n_jobs: int | None = None,
        verbose: int = 0,
        timeout: float | None = None,
    ) -> None:
        self.at = at
        self.variables = variables
        self.on_error = on_error
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.timeout = timeout

    def set_output(self, *, transform: str | None = None) -> JacobianExtractor:
        """Do nothing: networks are no table, whatever the later steps of a pipeline return.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            Ignored.

        Returns
        -------
        self : JacobianExtractor
        """
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> JacobianExtractor:
        """Validate the parameters and `X`; nothing is learned.

        Parameters
        ----------
        X : sequence of str, pathlib.Path or KineticModel
            SBML sources or models.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : JacobianExtractor
            This transformer.
        """
        _parse_at(self.at)
        _check_sources(X)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Take the Jacobian of each model.

        Parameters
        ----------
        X : sequence of str, pathlib.Path or KineticModel
            SBML sources (a path, or the text of a file) or models.

        Returns
        -------
        networks : ndarray of shape (n_models,), dtype object
            One `InfluenceNetwork` for each model, in order.

        Raises
        ------
        SBMLError, NoSteadyStateError
            If a model yields no network and `on_error` is "raise"; the message begins with its index.
        """
        self._validate_params()
        at = _parse_at(self.at)
        sources = _check_sources(X)
        results = self._run(sources, at)
        networks = np.empty(len(sources), dtype=object)
        failures: list[tuple[int, str]] = []
        for i, result in enumerate(results):
            if isinstance(result, InfluenceNetwork):
                networks[i] = result
                continue
            if self.on_error == "raise":
                raise _with_index(result, i, sources[i])
            reason = f"{type(result).__name__}: {result}"
            networks[i] = InfluenceNetwork.empty(_short_name(sources[i]), reason)
            failures.append((i, reason))
        if failures:
            _warn_skipped(failures, len(sources))
        return networks

    def _run(self, sources: list[Any], at: str | float) -> Sequence[InfluenceNetwork | ValueError]:
        from tqdm import tqdm

        if self.timeout is not None:
            return self._run_isolated(sources, at)
        progress = tqdm(sources, disable=not self.verbose, desc="models", unit="model")
        if self.on_error == "raise" and effective_n_jobs(self.n_jobs) == 1:
            # Serial work ends at the first failure instead of computing what nobody will see.
            return list(_until_failure(progress, at, self.variables))
        return Parallel(n_jobs=self.n_jobs)(delayed(_try_network)(source, at, self.variables) for source in progress)

    def _run_isolated(self, sources: list[Any], at: str | float) -> list[InfluenceNetwork | ValueError]:
        jobs = [(source, at, self.variables) for source in sources]
        modules = (*ENGINE_MODULES, "skperturb.sbml.extractor")
        outcomes = map_isolated(
            _network_and_warnings,
            jobs,
            n_jobs=self.n_jobs,
            timeout=self.timeout,
            verbose=self.verbose,
            modules=modules,
        )
        return [_of_outcome(outcome) for outcome in outcomes]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags


def _until_failure(sources, at: str | float, variables: str):
    for source in sources:
        result = _try_network(source, at, variables)
        yield result
        if not isinstance(result, InfluenceNetwork):
            return


def _network_and_warnings(job: tuple[Any, str | float, str]) -> tuple[InfluenceNetwork | ValueError, list[str]]:
    """Return what `_try_network` does and what was warned of; runs in a worker process."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ModelWarning)
        result = _try_network(*job)
    return result, [str(one.message) for one in said if issubclass(one.category, ModelWarning)]


def _of_outcome(outcome: Outcome) -> InfluenceNetwork | ValueError:
    if outcome.kind == "value":
        result, said = outcome.value
        for text in said:
            warnings.warn(text, ModelWarning, stacklevel=5)
        return result
    if outcome.kind == "timeout":
        return NoSteadyStateError(str(outcome.error), status="timeout")
    return UnsupportedModelError(str(outcome.error))


def _parse_at(at: Any) -> str | float:
    if at in ("steady_state", "initial"):
        return at
    time: Any = at
    if isinstance(at, str):
        match = _TIME.fullmatch(at.strip())
        time = match.group(1) if match else None
    try:
        value = float(time)
    except (TypeError, ValueError):
        value = np.nan
    if isinstance(at, bool) or not (np.isfinite(value) and value >= 0.0):
        raise ValueError(
            f"at={at!r} is unknown; expected 'steady_state', 'initial', a time >= 0, or a string such as 't=10'."
        )
    return value


def _check_sources(X: Any) -> list[Any]:
    if isinstance(X, Path):
        raise TypeError(f"X is one path ({str(X)!r}); expected {_EXPECTED}. Wrap it in a list: [X].")
    sources = as_sequence(X, name="X", expected=_EXPECTED)
    for i, source in enumerate(sources):
        if not (isinstance(source, (str, Path)) or hasattr(source, "jacobian_pattern")):
            raise TypeError(f"X[{i}] is {describe(source)}; expected a path, SBML text or a KineticModel.")
    return sources


def _short_name(source: Any) -> str | None:
    if isinstance(source, Path):
        return source.stem
    if isinstance(source, str):
        return None if source.lstrip().startswith("<") else Path(source).stem
    return source.model_id


def _with_index(error: ValueError, i: int, source: Any) -> ValueError:
    name = _short_name(source)
    message = f"X[{i}]{f' ({name})' if name else ''}: {error}"
    if isinstance(error, NoSteadyStateError):
        return NoSteadyStateError(message, status=error.status)
    return type(error)(message)


def _warn_skipped(failures: list[tuple[int, str]], n_models: int) -> None:
    listed = "; ".join(f"X[{i}]: {reason}" for i, reason in failures[:3])
    more = f"; and {len(failures) - 3} more" if len(failures) > 3 else ""
    warnings.warn(
        f"{len(failures)} of {n_models} models yield no network, empty networks stand in their place: {listed}{more}",
        ModelWarning,
        stacklevel=3,
    )


def _try_network(source: Any, at: str | float, variables: str) -> InfluenceNetwork | ValueError:
    """Return the network of one model, or the error that it gives (errors travel between processes)."""
    try:
        return _network(source, at, variables)
    except ValueError as error:
        return error


def _network(source: Any, at: str | float, variables: str) -> InfluenceNetwork:
    from skperturb.sbml.model import KineticModel

    model = KineticModel.from_sbml(source) if isinstance(source, (str, Path)) else source
    model, time, x, steady = _state(model, at, ignore_events=variables == "dynamo")
    model_id = model.model_id or _short_name(source)
    if variables == "dynamo":
        names, jacobian = model.dynamo_jacobian(time, x)
        symbols = model.evaluate(np.array([time]), x[None, :]).iloc[0]
        frame = _finite_frame(model, jacobian, list(names), time)
        state = symbols[list(names)].astype(float)
        return InfluenceNetwork(frame, state=state, structure=model.structure, steady_state=steady, model_id=model_id)
    return network_at(model, time, x, steady, model_id)


def network_at(model: Any, time: float, x: np.ndarray, steady: Any, model_id: str | None) -> InfluenceNetwork:
    """Return the network of the dynamic variables at a state.

    Parameters
    ----------
    model : KineticModel
    time : float
    x : ndarray of shape (n_variables,)
    steady : SteadyState or None
        The state, if it is a verified steady one.
    model_id : str or None

    Returns
    -------
    InfluenceNetwork

    Raises
    ------
    UnsupportedModelError
        If the Jacobian is not finite.
    """
    from skperturb.sbml._solving.moieties import conservation_laws

    frame = _finite_frame(model, model.jacobian(time, x), list(model.variables), time)
    _warn_of_kinks(model, time, x)
    return InfluenceNetwork(
        frame,
        state=pd.Series(x, index=list(model.variables)),
        conservation_laws=conservation_laws(model),
        structure=model.structure,
        steady_state=steady,
        model_id=model_id,
    )


def _state(model: Any, at: str | float, *, ignore_events: bool) -> tuple[Any, float, np.ndarray, Any]:
    """Return the model with what events have changed, time, state, and the steady state if it is one."""
    from skperturb.sbml._solving.simulate import state_at
    from skperturb.sbml._solving.steady_state import find_steady_state

    if at == "steady_state":
        steady = find_steady_state(model, ignore_events=ignore_events)
        settled = model if steady.changed_parameters.empty else model.after_events(steady)
        return settled, steady.time, steady.state.to_numpy(), steady
    if at == "initial" or at == 0.0:
        return model, 0.0, np.asarray(model.x0, dtype=float), None
    time = float(at)
    reached, x = state_at(model, time, ignore_events=ignore_events)
    return reached, time, x, None


def _warn_of_kinks(model: Any, time: float, x: np.ndarray) -> None:
    kinks = model.nonsmooth_variables(time, x) if hasattr(model, "nonsmooth_variables") else ()
    if kinks:
        listed = ", ".join(repr(name) for name in kinks[:3]) + (f" and {len(kinks) - 3} more" if len(kinks) > 3 else "")
        warnings.warn(
            f"{model.model_id}: at t = {time:g} the equations of {listed} have a kink or a jump (a piecewise function "
            "at its boundary, |x| at 0, a tie of max or min): the derivatives are those of one side.",
            ModelWarning,
            stacklevel=4,
        )


def _finite_frame(model: Any, jacobian: np.ndarray, names: list[str], time: float) -> pd.DataFrame:
    if not names:
        raise UnsupportedModelError(f"{model.model_id}: no variable is left for a network.")
    bad = np.argwhere(~np.isfinite(jacobian))
    if len(bad):
        i, j = bad[0]
        raise UnsupportedModelError(
            f"{model.model_id}: the Jacobian at t = {time:g} is not finite in {len(bad)} entries, the first being "
            f"d/d[{names[j]}] of d[{names[i]}]/dt = {jacobian[i, j]}. Take it at another state (parameter `at`)."
        )
    return pd.DataFrame(jacobian, index=names, columns=names)
