"""One model in each engine: what it costs, what comes out, and what the others say about our state.

Every function runs in a worker process and takes and returns plain dictionaries. States travel as
``{SBML id: value}`` with the value in our convention (`KineticModel.variables`), Jacobians as arrays in that order.
"""

import importlib
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

__all__ = ["copasi_rates_at", "judge", "load", "residual_of_ours", "run_copasi", "run_roadrunner", "run_skperturb"]

_LATE = 1e6  # units of time: where the peers do not say when they are at rest, every pulse and delay is over
_SIZE_FLOOR = 1e-6  # of the largest variable: what is smaller balances nothing that a double shows
_START_FLOOR = 1e-9  # of the largest initial value, for what has decayed to nothing
# Share of a variable by which COPASI moves it for its Jacobian. Its default of 1e-12 leaves 0.7 % of error in the worst
# entry of a typical model, all rounding; the error by curvature is about as large as the step, and has to stay below
# the 1e-5 that `skperturb.reproduce.engine` calls a difference.
_COPASI_STEP = 1e-6


def load(module: str) -> None:
    """Import a peer, or raise what its import raises."""
    importlib.import_module(module)


def run_skperturb(path: str) -> dict[str, Any]:
    """Time file -> Jacobian at the initial state and file -> steady state -> Jacobian with this package."""
    # All that is loaded when first needed, so that no import falls into the time that is measured.
    from scipy.integrate import ode  # noqa: F401

    from skperturb.exceptions import NoSteadyStateError
    from skperturb.sbml import KineticModel
    from skperturb.sbml._compiling import compiler  # noqa: F401
    from skperturb.sbml._graph import derivative  # noqa: F401
    from skperturb.sbml._reading import document, reader  # noqa: F401
    from skperturb.sbml._solving.steady_state import find_steady_state

    start = perf_counter()
    model = KineticModel.from_sbml(path)
    loaded = perf_counter()
    jacobian = model.jacobian(0.0, model.x0)
    done = perf_counter()
    row = _ours(model, jacobian) | {"t_load": loaded - start, "t_jacobian": done - start}
    try:
        start = perf_counter()
        # The peers ignore events in their steady states, so the comparison has to do the same.
        steady = find_steady_state(model, ignore_events=True)
        at_rest = model.jacobian(steady.time, steady.state.to_numpy())
        row["t_steady"] = row["t_load"] + perf_counter() - start
    except NoSteadyStateError as error:
        return row | {"steady": None, "why": f"{error.status}: {error}"[:200]}
    return row | {
        "steady": steady.state.to_dict(),
        "time": steady.time,
        "stable": steady.stable,
        "reached": steady.is_reached,
        "finite_at_rest": bool(np.isfinite(at_rest).all()),
        "jacobian_at_rest": at_rest,
    }


def _ours(model: Any, jacobian: np.ndarray) -> dict[str, Any]:
    symbols = model.evaluate([0.0], model.x0[None, :]).iloc[0]
    amounts = model._system.amount_states
    declared = dict(zip(model._declared["species"], model._declared["compartment"], strict=True))
    per_unit = {}
    for name, volume in zip(model.variables, model.volumes, strict=True):
        if name in declared:
            size = float(symbols[declared[name]])
            # What one unit of the state is as an amount, and what one unit of concentration is.
            per_unit[name] = (1.0 if name in amounts else float(volume), size)
    return {
        "finite": bool(np.isfinite(jacobian).all()) and len(model.variables) > 0,
        "names": list(model.variables),
        "initial": dict(zip(model.variables, model.x0.tolist(), strict=True)),
        "jacobian": jacobian,
        "per_unit": per_unit,
        "has_events": bool(model.event_ids),
        "explicit_time": bool(model.time_dependence),
    }


def judge(task: tuple[str, dict[str, dict[str, float]]]) -> dict[str, float]:
    """Return the scaled residual of other engines' steady states under our right-hand side."""
    from skperturb.sbml import KineticModel

    path, states = task
    model = KineticModel.from_sbml(path)
    return {
        tool: scaled_residual(
            model.rhs(_LATE, np.array([state[name] for name in model.variables])),
            model.jacobian(_LATE, np.array([state[name] for name in model.variables])),
            np.array([state[name] for name in model.variables]),
            model.x0,
        )
        for tool, state in states.items()
        if all(name in state for name in model.variables)
    }


def scaled_residual(f: np.ndarray, jacobian: np.ndarray, x: np.ndarray, x0: np.ndarray) -> float:
    """Return ``max_i |f_i| / sum_j |J_ij| s_j`` with ``s = max(|x|, 1e-6 max|x|, 1e-9 max|x0|)``; inf if not finite.

    What has decayed to nothing is measured against what it started from, not against itself.
    """
    floor = max(_SIZE_FLOOR * np.abs(x).max(initial=0.0), _START_FLOOR * np.abs(x0).max(initial=0.0))
    scale = np.maximum(np.abs(x), floor)
    scale[scale == 0.0] = 1.0
    balance = np.abs(jacobian) @ scale
    with np.errstate(all="ignore"):
        share = np.where(f == 0.0, 0.0, np.abs(f) / balance)
    return float(share.max(initial=0.0)) if np.isfinite(share).all() else float("inf")


def residual_of_ours(ours: dict[str, Any], rates: np.ndarray) -> float:
    """Return the scaled residual of our steady state under another engine's rates there, in our units and order."""
    x = np.array([ours["steady"][name] for name in ours["names"]])
    return scaled_residual(rates, ours["jacobian_at_rest"], x, np.array(list(ours["initial"].values())))


# -- COPASI ----------------------------------------------------------------------------------------------
def run_copasi(task: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Do the same with COPASI, then return its right-hand side and Jacobian at our states."""
    import basico
    import COPASI

    path, ours = task
    start = perf_counter()
    data = COPASI.CRootContainer.addDatamodel()
    if not data.importSBML(path):
        raise ValueError("COPASI cannot import the file")
    model = data.getModel()
    loaded = perf_counter()
    model.applyInitialValues()
    jacobian = _copasi_jacobian(COPASI, model)
    row: dict[str, Any] = {
        "t_jacobian": perf_counter() - start,
        "finite": bool(np.isfinite(jacobian).all()) and len(jacobian) > 0,
    }
    try:
        begun = perf_counter()
        found = basico.run_steadystate(model=data)
        at_rest = _copasi_jacobian(COPASI, model)
        elapsed = loaded - start + perf_counter() - begun
        if found in (1, 2) and np.isfinite(at_rest).all():
            units = _copasi_units(model, ours)
            row |= {"t_steady": elapsed, "steady": _copasi_state(model, units)}
        row["at_ours"] = _copasi_at(COPASI, data, ours)
    finally:
        COPASI.CRootContainer.removeDatamodel(data)
    return row


def _copasi_entities(model: Any) -> list[Any]:
    template = model.getStateTemplate()
    found = [template.getIndependent(i) for i in range(template.getNumIndependent())]
    dependent = [template.getDependent(i) for i in range(template.getNumDependent())]
    # A status of 2 is "by reactions", 3 "by a differential equation"; 1 is an assigned quantity.
    return found + [entity for entity in dependent if entity.getStatus() > 1]


def _copasi_units(model: Any, ours: dict[str, Any]) -> dict[str, float]:
    """Return how much of COPASI's state (particles) one unit of ours is."""
    factor = model.getQuantity2NumberFactor()
    return {name: factor * ours.get("per_unit", {}).get(name, (1.0 / factor,))[0] for name in ours.get("names", ())}


def _copasi_state(model: Any, units: dict[str, float]) -> dict[str, float]:
    values = {entity.getSBMLId(): entity.getValue() for entity in _copasi_entities(model)}
    return {name: values[name] / unit for name, unit in units.items() if name in values}


def _copasi_jacobian(copasi: Any, model: Any) -> np.ndarray:
    matrix = copasi.FloatMatrix()
    model.getMathContainer().calculateJacobian(matrix, _COPASI_STEP, False, False)
    return np.array([[matrix.get(i, j) for j in range(matrix.numCols())] for i in range(matrix.numRows())])


def _copasi_at(copasi: Any, data: Any, ours: dict[str, Any]) -> dict[str, Any]:
    """Return COPASI's right-hand side and Jacobian at our initial and our steady state, in our units."""
    model = data.getModel()
    units = _copasi_units(model, ours)
    model.applyInitialValues()
    found = _copasi_entities(model)
    entities = [entity.getSBMLId() for entity in found]
    start = _copasi_state(model, units)
    if set(entities) != set(units):
        odd = sorted(set(entities) ^ set(units))
        return {"names": f"other variables: {', '.join(odd[:3])}"}
    order = [entities.index(name) for name in ours["names"]]
    scale = np.array([units[name] for name in ours["names"]])
    result: dict[str, Any] = {"initial": start}
    for where, state, time in (
        ("jacobian", ours["initial"], 0.0),
        ("rest", ours.get("steady"), ours.get("time", 0.0)),
    ):
        if state is None:
            continue
        f = _copasi_rates(model, found, state, units, time)[order] / scale
        jacobian = _copasi_jacobian(copasi, model)[np.ix_(order, order)] * scale / scale[:, None]
        result |= {where: jacobian, f"{where}_rhs": f}
    return result


def _copasi_rates(
    model: Any, entities: list[Any], state: dict[str, float], units: dict[str, float], time: float
) -> np.ndarray:
    """Put COPASI into a state and return its rates in its own units and order."""
    container = model.getMathContainer()
    model.setValue(time)
    for entity in entities:
        entity.setValue(state[entity.getSBMLId()] * units[entity.getSBMLId()])
    container.fetchState()
    container.updateSimulatedValues(False)
    rate = container.getRate(False)
    # What events change and time come first.
    offset = rate.size() - len(entities)
    return np.array([rate.get(offset + i) for i in range(len(entities))])


def copasi_rates_at(path: str, ours: dict[str, Any], time: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return COPASI's rates as a function of the state, in our units and order."""
    import COPASI

    data = COPASI.CRootContainer.addDatamodel()
    data.importSBML(path)
    model = data.getModel()
    units = _copasi_units(model, ours)
    model.applyInitialValues()
    found = _copasi_entities(model)
    entities = [entity.getSBMLId() for entity in found]
    order = [entities.index(name) for name in ours["names"]]
    scale = np.array([units[name] for name in ours["names"]])

    def rates(x: np.ndarray) -> np.ndarray:
        state = dict(zip(ours["names"], x.tolist(), strict=True))
        return _copasi_rates(model, found, state, units, time)[order] / scale

    return rates


# -- libRoadRunner ---------------------------------------------------------------------------------------
def run_roadrunner(task: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Do the same with libRoadRunner: its default solver, then with presimulation and approximation."""
    import roadrunner

    roadrunner.Logger.disableLogging()
    path, ours = task
    start = perf_counter()
    engine = roadrunner.RoadRunner(path)
    loaded = perf_counter()
    jacobian = np.asarray(engine.getFullJacobian(), dtype=float)
    row: dict[str, Any] = {
        "t_jacobian": perf_counter() - start,
        "finite": bool(np.isfinite(jacobian).all()) and jacobian.size > 0,
    }
    at_ours = _roadrunner_at(engine, ours)
    engine.reset()
    begun = perf_counter()
    if _roadrunner_steady(engine):
        at_rest = np.asarray(engine.getFullJacobian(), dtype=float)
        if np.isfinite(at_rest).all():
            row["t_steady"] = loaded - start + perf_counter() - begun
            row["steady"] = _roadrunner_state(engine, ours)
    return row | {"at_ours": at_ours}


def _roadrunner_steady(engine: Any) -> bool:
    for approximate in (False, True):
        solver = engine.getSteadyStateSolver()
        if approximate:
            engine.reset()
            solver.setValue("allow_presimulation", True)
            solver.setValue("allow_approx", True)
        try:
            return bool(np.isfinite(engine.steadyState()))
        except RuntimeError:
            continue
    return False


def _roadrunner_state(engine: Any, ours: dict[str, Any]) -> dict[str, float]:
    per_unit = ours.get("per_unit", {})
    state = {}
    for name in ours.get("names", ()):
        # The plain id of a species is its amount.
        state[name] = float(engine[name]) / per_unit[name][0] if name in per_unit else float(engine[name])
    return state


def _roadrunner_at(engine: Any, ours: dict[str, Any]) -> dict[str, Any]:
    """Return libRoadRunner's Jacobian at our initial state, in our units."""
    result: dict[str, Any] = {"initial": _roadrunner_state(engine, ours)}
    matrix = engine.getFullJacobian()
    names = list(matrix.rownames)
    if sorted(names) != sorted(ours.get("names", ())):
        odd = sorted(set(names) ^ set(ours.get("names", ())))
        return result | {"names": f"other variables: {', '.join(odd[:3])}"}
    order = [names.index(name) for name in ours["names"]]
    per_unit = ours["per_unit"]
    # Its species are concentrations (amount over size), ours may be amounts.
    scale = np.array([per_unit[name][1] / per_unit[name][0] if name in per_unit else 1.0 for name in ours["names"]])
    jacobian = np.asarray(matrix, dtype=float)[np.ix_(order, order)]
    return result | {"jacobian": jacobian * scale[:, None] / scale}
