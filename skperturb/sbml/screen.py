"""A table of what each of many SBML models yields."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, overload

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skperturb._network import InfluenceNetwork
from skperturb._processes import Outcome, map_isolated
from skperturb.exceptions import ModelWarning, NoSteadyStateError, UnsupportedModelError
from skperturb.sbml.extractor import ENGINE_MODULES, network_at

__all__ = ["screen_models"]

# Of the largest value, as `skperturb.networks.top_responses` has it: what decays for ever falls below any bound; units
# alone, such as a few molecules in mole beside a concentration in molar, make no more than some 1e-16.
_DIED_OUT = 1e-20
_COLUMNS: dict[str, Any] = {
    "path": str,
    "model_id": object,
    "status": str,
    "reason": object,
    "jacobian": str,
    "n_variables": "Int64",
    "n_reactions": "Int64",
    "n_nonzeros": "Int64",
    "residual": float,
    "max_real_part": float,
    "stable": "boolean",
    "n_conservation_laws": "Int64",
    "n_died_out": "Int64",
    "method": object,
    "seconds": float,
}


@overload
def screen_models(
    paths: Sequence[str | Path],
    *,
    n_jobs: int | None = None,
    verbose: int = 0,
    timeout: float | None = 60.0,
    return_networks: Literal[False] = False,
) -> pd.DataFrame: ...
@overload
def screen_models(
    paths: Sequence[str | Path],
    *,
    n_jobs: int | None = None,
    verbose: int = 0,
    timeout: float | None = 60.0,
    return_networks: Literal[True],
) -> Bunch: ...
def screen_models(
    paths: Sequence[str | Path],
    *,
    n_jobs: int | None = None,
    verbose: int = 0,
    timeout: float | None = 60.0,
    return_networks: bool = False,
) -> pd.DataFrame | Bunch:
    """Compile SBML models, look for their steady states and tabulate the outcome.

    Every model is worked on in a worker process, so that one that hangs or brings its process down costs
    its own row only.

    Parameters
    ----------
    paths : sequence of str or pathlib.Path
        SBML files.
    n_jobs : int, default=None
        Number of worker processes, as in joblib; those of a cluster inside
        ``joblib.parallel_config(backend="dask")``. It changes no result.
    verbose : int, default=0
        Show a progress bar when positive, on a terminal.
    timeout : float or None, default=60.0
        Seconds for one model; None for no limit.
    return_networks : bool, default=False
        Return steady states and networks too, which the table was made from.

    Returns
    -------
    table : DataFrame of shape (n_models, 15)
        One row for each path, in order:

        - path, model_id
        - status: "steady", "oscillating" (bounded, but the trajectory comes to no steady state),
          "diverged", "sliding" (it rests on a jump of the right-hand side), "integration_failed" (no integrator
          comes beyond some time), "unsupported", "invalid" or "timeout"; reason: why it is not "steady"
        - jacobian: where a finite Jacobian was obtained, "steady_state" (also at an unstable one that an
          oscillator circles), "initial" (where no steady state was found) or "none"
        - n_variables, n_reactions, n_nonzeros (of that Jacobian)
        - residual, max_real_part, stable, n_conservation_laws, method: see `SteadyState`
        - n_died_out: variables of the steady state that are 0 or below 1e-20 of the largest, on the way there for ever;
          their responses in per cent say nothing
        - seconds: time for this model without the start of its process

        With ``return_networks=True`` a `sklearn.utils.Bunch` of this ``table``; ``states``, a DataFrame with a row for
        each variable of each steady state (path, model_id, variable, value, and is_reached, whether the trajectory
        comes there); and ``networks``, an object array with an `InfluenceNetwork` for each path, taken where
        "jacobian" says, and an empty one with its reason where there is none.

    Raises
    ------
    TypeError, ValueError
        If `paths` is not a sequence of paths or `timeout` not a positive number.

    See Also
    --------
    skperturb.sbml.JacobianExtractor : The networks themselves.

    Examples
    --------
    >>> from skperturb.sbml import screen_models
    >>> table = screen_models(["no_such_file.xml"])
    >>> table[["path", "status", "jacobian"]]
                   path   status jacobian
    0  no_such_file.xml  invalid     none
    """
    listed = _check_paths(paths)
    if timeout is not None and not (isinstance(timeout, Real) and np.isfinite(timeout) and timeout > 0):
        raise ValueError(f"timeout={timeout!r} must be a positive number of seconds or None.")
    if not isinstance(return_networks, (bool, np.bool_)):
        raise TypeError(f"return_networks={return_networks!r}; expected True or False.")
    outcomes = map_isolated(
        _screen_and_keep if return_networks else _screen_model,
        listed,
        n_jobs=n_jobs,
        timeout=timeout,
        verbose=verbose,
        modules=(*ENGINE_MODULES, "skperturb.sbml.screen"),
    )
    rows = [_row(path, outcome, timeout) for path, outcome in zip(listed, outcomes, strict=True)]
    # Through objects, because pandas 3 makes NaN of a None among texts.
    table = pd.DataFrame(rows, columns=list(_COLUMNS), dtype=object).astype(_COLUMNS)
    if not return_networks:
        return table
    networks = np.empty(len(rows), dtype=object)
    networks[:] = [_network_of(row) for row in rows]
    return Bunch(table=table, states=_states(listed, networks), networks=networks)


def _network_of(row: dict[str, Any]) -> InfluenceNetwork:
    network = row.get("network")
    if network is not None:
        return network
    name = row.get("model_id") or Path(row["path"]).stem
    return InfluenceNetwork.empty(name, str(row["reason"] or "the Jacobian is not finite"))


def _states(paths: list[str], networks: np.ndarray) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "path": path,
                "model_id": network.model_id,
                "variable": network.steady_state.state.index,
                "value": network.steady_state.state.to_numpy(),
                "is_reached": network.steady_state.is_reached,
            }
        )
        for path, network in zip(paths, networks, strict=True)
        if network.steady_state is not None
    ]
    columns = ["path", "model_id", "variable", "value", "is_reached"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _check_paths(paths: Any) -> list[str]:
    if isinstance(paths, (str, Path)):
        raise TypeError(f"paths is one path ({str(paths)!r}); expected a sequence of paths. Wrap it in a list.")
    if not isinstance(paths, (Sequence, np.ndarray, pd.Series)):
        raise TypeError(f"paths is a {type(paths).__name__}; expected a list of str or pathlib.Path.")
    listed = list(paths)
    for i, path in enumerate(listed):
        if not isinstance(path, (str, Path)):
            raise TypeError(f"paths[{i}] is a {type(path).__name__}; expected str or pathlib.Path.")
    return [str(path) for path in listed]


def _row(path: str, outcome: Outcome, timeout: float | None) -> dict[str, Any]:
    row: dict[str, Any] = {"path": path, "jacobian": "none"}
    if outcome.kind == "value":
        return row | outcome.value
    if outcome.kind == "timeout":
        return row | {"status": "timeout", "reason": outcome.error, "seconds": timeout}
    return row | {"status": "invalid", "reason": outcome.error}


def _screen_model(path: str) -> dict[str, Any]:
    """Return the row of one model; runs in a worker process."""
    row = _screen_and_keep(path)
    # Networks of large models take longer to travel between processes than to be made.
    row.pop("network", None)
    return row


def _screen_and_keep(path: str) -> dict[str, Any]:
    """Return the row of one model, and its network under "network" where there is one."""
    from skperturb.sbml.model import KineticModel

    start = perf_counter()
    row: dict[str, Any] = {"model_id": None, "jacobian": "none"}
    try:
        model = KineticModel.from_sbml(path)
        row |= {
            "model_id": model.model_id,
            "n_variables": len(model.variables),
            "n_reactions": len(model.reaction_ids),
        }
        row |= _steady_state_row(model)
    except UnsupportedModelError as error:
        row |= {"status": "unsupported", "reason": str(error)}
    except (ValueError, OSError) as error:
        row |= {"status": "invalid", "reason": str(error)}
    row["seconds"] = perf_counter() - start
    return row


def _steady_state_row(model: Any) -> dict[str, Any]:
    from skperturb.sbml._solving.steady_state import find_steady_state

    try:
        steady = find_steady_state(model)
    except NoSteadyStateError as error:
        return {"status": error.status, "reason": str(error)} | _jacobian_row(model, 0.0, model.x0, "initial")
    fields = ("residual", "max_real_part", "stable", "n_conservation_laws", "method")
    row: dict[str, Any] = {name: getattr(steady, name) for name in fields}
    row |= {"status": "steady", "reason": None, "n_died_out": len(died_out(steady.state))}
    if not steady.is_reached:
        # The trajectory circles this state or leaves it aside: the network there is one, but no rest.
        reason = f"the trajectory does not come to the steady state that was found ({steady.method})"
        row |= {"status": "oscillating", "reason": reason}
    settled = model.after_events(steady)
    return row | _jacobian_row(settled, steady.time, steady.state.to_numpy(), "steady_state", steady)


def died_out(state: pd.Series) -> list[str]:
    """Return the variables that are 0, or so small beside the largest that they only decay.

    Parameters
    ----------
    state : Series

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.sbml.screen import died_out
    >>> died_out(pd.Series({"A": 1.0, "B": 1e-38, "C": 1e-15}))
    ['B']
    """
    sizes = state.abs()
    return [str(name) for name in state.index[sizes <= _DIED_OUT * sizes.max()]]


def _jacobian_row(model: Any, time: float, x: np.ndarray, where: str, steady: Any = None) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            # The network is at the state that the table names; the extractor says where it has kinks.
            warnings.simplefilter("ignore", ModelWarning)
            network = network_at(model, time, np.asarray(x, dtype=float), steady, model.model_id)
    except UnsupportedModelError:
        return {"jacobian": "none"}
    return {"jacobian": where, "n_nonzeros": int(np.count_nonzero(network.jacobian)), "network": network}
