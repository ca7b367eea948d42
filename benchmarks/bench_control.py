"""Control coefficients of published models: theorems, first order, and libRoadRunner beside.

    python benchmarks/bench_control.py --data-home DIR [--part K/N] [--peers 50] [--json OUT]

For each model with a verified stable steady state, a flux and no more than 150 variables: the largest errors of the
summation and connectivity theorems; whether finite changes of three parameters, through `perturb`, approach
`parameter_sensitivity` to first order; and for the first models without events the scaled control coefficients of
libRoadRunner, in a process of its own. Differences above 1e-4 of the largest coefficient are explained by what is
measured: another state, another step of their finite differences, a matrix that breaks the summation theorem.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections import Counter
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import scipy.linalg as sla

from skperturb._processes import map_isolated

_DIFFERENCE = 1e-4
_STEPS = (1e-3, 1e-4)  # of a parameter, for the first order
_FIRST_ORDER = 1e-3  # agreement that is asked for
_LARGEST = 150
_FACTOR = "factor_of_the_rate"
_NOTHING = 1e-9  # of the largest variable or flux: what has decayed, or is the rounding of a balance


def check_model(path: str) -> dict[str, Any]:
    """Return what holds for one model; runs in a worker process."""
    from skperturb.exceptions import NoSteadyStateError
    from skperturb.sbml import KineticModel

    warnings.simplefilter("ignore")
    start = process_time()
    row: dict[str, Any] = {"model": Path(path).stem}
    try:
        model = KineticModel.from_sbml(path)
        if not model.reaction_ids or not 0 < len(model.variables) <= _LARGEST:
            return row | {"status": "no reactions" if not model.reaction_ids else "size"}
        steady = model.steady_state()
    except NoSteadyStateError as error:
        return row | {"status": f"no steady state ({error.status})"}
    except ValueError as error:
        return row | {"status": type(error).__name__}
    if not steady.stable or not steady.is_reached:
        return row | {"status": "unstable"}
    try:
        if not _has_flux(model, steady):
            return row | {"status": "no flux"}
        row |= {"status": "checked", "events": bool(model.event_ids), "isolated": _is_isolated(model, steady)}
        row |= _theorems(model, steady) | _first_order(model, steady)
    except ValueError as error:
        return row | {"status": type(error).__name__, "reason": str(error)}
    return row | {"seconds": process_time() - start}


def _is_isolated(model: Any, steady: Any) -> bool:
    """Say whether control coefficients come without the warning that neighbors of the state rest too."""
    from skperturb.exceptions import ModelWarning
    from skperturb.sbml import control_coefficients

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        control_coefficients(model, steady, undefined="nan")
    return not any(issubclass(one.category, ModelWarning) and "not isolated" in str(one.message) for one in caught)


def _has_flux(model: Any, steady: Any) -> bool:
    """Say whether a reaction runs by more than what a state verified to 1e-9 leaves of a balance or a decay."""
    from skperturb.sbml import elasticities

    slopes = elasticities(model, steady, scaled=False).to_numpy()
    x = steady.state.to_numpy()
    rates = model.after_events(steady).evaluate([steady.time], [x])[list(model.reaction_ids)].to_numpy()[0]
    return bool(np.any((np.abs(rates) > 1e-7 * np.abs(slopes) @ _sizes(x, model.x0)) & (np.abs(rates) > 1e-30)))


def _sizes(x: np.ndarray, x0: np.ndarray) -> np.ndarray:
    floor = max(1e-6 * np.abs(x).max(initial=0.0), 1e-9 * np.abs(x0).max(initial=0.0))
    return np.maximum(np.abs(x), floor or 1.0)


def _relative(matrix: np.ndarray, factor: np.ndarray, expected: Any, size: Any) -> float:
    terms = np.abs(matrix) @ np.abs(factor)
    error = np.abs(matrix @ factor - expected) / np.maximum(np.maximum(terms, size), 1e-300)
    return float(np.max(error, initial=0.0))


def _theorems(model: Any, steady: Any) -> dict[str, Any]:
    from skperturb.sbml import conservation_laws, control_coefficients, elasticities

    control = control_coefficients(model, steady, scaled=False, undefined="nan").to_numpy()
    flux = control_coefficients(model, steady, kind="flux", scaled=False, undefined="nan").to_numpy()
    slopes = elasticities(model, steady, scaled=False).to_numpy()
    settled, x = model.after_events(steady), steady.state.to_numpy()
    rates = settled.evaluate([steady.time], [x])[list(model.reaction_ids)].to_numpy()[0]
    scale = _sizes(x, model.x0)
    laws = conservation_laws(settled).to_numpy() * scale
    keeping = (sla.null_space(laws) if len(laws) else np.eye(x.size)) * scale[:, None]
    fine, running = ~np.isnan(control).any(axis=1), ~np.isnan(flux).any(axis=1)
    gross = 1e-7 * np.abs(slopes) @ scale
    found = {
        "summation": _relative(control[fine], rates, 0.0, scale[fine]),
        "flux summation": _relative(
            flux[running], rates, rates[running], np.maximum(gross[running], np.abs(rates).max())
        ),
    }
    if not model.is_rate_rule.any():
        moved, terms = slopes @ keeping, np.abs(slopes) @ np.abs(keeping)
        found["connectivity"] = _relative(control[fine], moved, -keeping[fine], scale[fine, None])
        found["flux connectivity"] = _relative(flux[running], moved, 0.0, terms[running].max(initial=0.0))
    return {"theorems": found, "worst": max(found.values()), "all defined": bool(fine.all())}


def _first_order(model: Any, steady: Any) -> dict[str, Any]:
    """Compare differences of perturbed steady states with the sensitivities, at two sizes of the change.

    Changed from the beginning; where that does not agree, at the state: another branch may begin near the state, and
    where a state is not isolated the way to it counts.
    """
    from skperturb.sbml import parameter_sensitivity

    if model.event_ids:
        return {}
    table = parameter_sensitivity(model, steady, undefined="nan", scaled=True)
    strength = table.abs().max().where(model.parameters != 0.0).dropna().sort_values(ascending=False)
    names = [name for name in strength.index if 1e-3 < strength[name] < 1e3][:3]
    if not names:
        return {"first order": None}
    errors = _differences(model, steady, table, names, at=None)
    found = {"first order": max(errors), "first order at": names[int(np.argmax(errors))]}
    if not found["first order"] < _FIRST_ORDER:
        found["first order at the state"] = max(_differences(model, steady, table, names, at="steady_state"))
    return found


def _differences(model: Any, steady: Any, table: Any, names: list[str], at: Any) -> list[float]:
    """Return for each parameter the smaller error, at two sizes, of differences of perturbed steady states."""
    from skperturb.sbml import Intervention, perturb

    x, errors = steady.state.to_numpy(), []
    counts = np.abs(x) > 1e-6 * np.abs(x).max(initial=0.0)
    changes = [
        Intervention(set={name: model.parameters[name] * (1.0 + sign * step)}, at=at, name=f"{name} {step} {sign}")
        for name in names
        for step in _STEPS
        for sign in (1, -1)
    ]
    found = perturb(model, changes)
    values = found["value"][list(model.variables)].to_numpy()[1:].reshape(len(names), len(_STEPS), 2, x.size)
    for k, name in enumerate(names):
        expected = table[name].to_numpy()
        sizes = []
        for j, step in enumerate(_STEPS):
            with np.errstate(divide="ignore", invalid="ignore"):
                slope = (values[k, j, 0] - values[k, j, 1]) / (2.0 * step * x)
            told = counts & np.isfinite(expected)
            error = np.abs(slope - expected)[told]
            sizes.append(float(np.max(error, initial=0.0)) / max(1.0, float(np.abs(expected[told]).max(initial=0.0))))
        errors.append(float(np.fmin.reduce(sizes)))
    return errors


def _factored(path: str, reaction: str) -> str:
    """Return the text of a model with the rate of one reaction multiplied by a parameter."""
    import libsbml

    document = libsbml.readSBML(path)
    model = document.getModel()
    factor = model.createParameter()
    factor.setId(_FACTOR)
    factor.setValue(1.0)
    factor.setConstant(True)
    law = model.getReaction(reaction).getKineticLaw()
    product, name = libsbml.ASTNode(libsbml.AST_TIMES), libsbml.ASTNode(libsbml.AST_NAME)
    name.setName(_FACTOR)
    product.addChild(name)
    product.addChild(law.getMath().deepCopy())
    law.setMath(product)
    return libsbml.writeSBMLToString(document)


def _by_their_own_states(path: str, reaction: str, rows: list[str], kind: str, time: float) -> np.ndarray:
    """Return one column of coefficients: differences of libRoadRunner's steady states, a rate changed by 0.1 %."""
    import roadrunner

    peer, values = roadrunner.RoadRunner(_factored(path, reaction)), []
    for sign in (1.0, -1.0):
        peer.reset()
        peer[_FACTOR] = 1.0 + sign * _STEPS[0]
        peer.simulate(0, time, 11)
        peer.steadyState()
        peer.simulate(0, 1, 2)  # rates that read assignment rules are those from before the state until a step is taken
        values.append([peer[f"[{name}]" if kind == "concentration" else name] for name in rows])
    up, down = np.array(values)
    return (up - down) / (up + down) / _STEPS[0]


def _ask(path: str, steady: Any) -> tuple[Any, dict[tuple[str, float], Any]]:
    """Return libRoadRunner at its steady state and its matrices at two steps, with conserved moieties if it can."""
    import pandas as pd
    import roadrunner

    for moieties in (True, False):
        try:
            peer = roadrunner.RoadRunner(path)
            peer.conservedMoietyAnalysis = moieties
            peer.simulate(0, min(max(steady.time, 1e3), 1e5), 11)
            peer.steadyState()
            tables = {}
            for divisor in (1.0, 10.0):
                peer.diffstep = 0.02 / divisor
                flux, concentration = (
                    peer.getScaledFluxControlCoefficientMatrix(),
                    peer.getScaledConcentrationControlCoefficientMatrix(),
                )
                for kind, table in (("flux", flux), ("concentration", concentration)):
                    tables[kind, divisor] = pd.DataFrame(np.array(table), table.rownames, table.colnames)
            return peer, tables
        except Exception:  # their errors are of many kinds
            if not moieties:
                raise
    raise AssertionError


def check_peer(path: str) -> dict[str, Any]:
    """Compare with libRoadRunner; runs in a worker process."""
    import roadrunner

    from skperturb.sbml import KineticModel, control_coefficients

    warnings.simplefilter("ignore")
    roadrunner.Logger.disableLogging()
    model = KineticModel.from_sbml(path)
    steady = model.steady_state()
    row: dict[str, Any] = {"model": Path(path).stem}
    try:
        peer, tables = _ask(path, steady)
    except Exception as error:  # their errors are of many kinds
        return row | {"peer": "refused", "why": str(error).splitlines()[0][:120]}
    state = {name: peer[f"[{name}]"] for name in peer.model.getFloatingSpeciesIds()}
    values = model.concentrations(model.evaluate([steady.time], [steady.state.to_numpy()])).iloc[0]
    common = [name for name in state if name in values.index and np.isfinite(values[name])]
    size = max(abs(values[name]) for name in common)
    row["state"] = max(abs(state[name] - values[name]) / max(abs(values[name]), 1e-6 * size) for name in common)
    for kind in ("flux", "concentration"):
        ours = control_coefficients(model, steady, kind=kind, undefined="nan")
        both = [name for name in tables[kind, 1.0].index if name in ours.index]
        columns = [name for name in tables[kind, 1.0].columns if name in ours.columns]
        ours = ours.loc[both, columns]
        fine = ours.notna().all(axis=1).to_numpy()
        largest = float(ours[fine].abs().to_numpy().max(initial=0.0)) or 1.0
        for divisor in (1.0, 10.0):
            theirs = tables[kind, divisor].loc[both, columns]
            difference = (theirs - ours)[fine].abs().to_numpy()
            row[f"{kind} difference /{divisor:g}"] = float(np.nanmax(difference, initial=0.0)) / largest
        # A per cent of nothing: where ours is an exact zero, theirs is a quotient of two roundings.
        basis = values if kind == "concentration" else model.evaluate([steady.time], [steady.state.to_numpy()]).iloc[0]
        sizes = np.array([abs(float(basis[name])) for name in both])
        alive = fine & (sizes > _NOTHING * sizes.max(initial=0.0))
        difference = (tables[kind, 1.0].loc[both, columns] - ours)[alive].abs().to_numpy()
        row[f"{kind} difference of what is not zero"] = worst = float(np.nanmax(difference, initial=0.0)) / largest
        if worst > _DIFFERENCE:
            column = int(np.nanargmax(np.nanmax(difference, axis=0)))
            names = [name for name, here in zip(both, alive, strict=True) if here]
            column_of_ours = ours[alive].iloc[:, column].to_numpy()
            try:
                time = min(max(steady.time, 1e3), 1e5)
                slopes = _by_their_own_states(path, columns[column], names, kind, time)
            except Exception:  # their errors are of many kinds
                continue
            row[f"{kind} difference from their states"] = float(np.max(np.abs(slopes - column_of_ours))) / largest
        theirs = tables[kind, 1.0].loc[both, columns][fine]
        sums = theirs.sum(axis=1) - (1.0 if kind == "flux" else 0.0)
        row[f"{kind} summation of theirs"] = float(sums.abs().max()) / max(float(theirs.abs().to_numpy().max()), 1.0)
    return row | {"peer": "answered"}


def explain(row: dict[str, Any]) -> str:
    """Say what a difference comes from."""
    if row.get("peer") != "answered":
        return f"refuses: {row.get('why')}"
    kinds = ("flux", "concentration")
    worst = max(row[f"{kind} difference /1"] for kind in kinds)
    if worst <= _DIFFERENCE:
        return "agrees"
    if max(row[f"{kind} difference of what is not zero"] for kind in kinds) <= _DIFFERENCE:
        return "agrees but for variables or fluxes that are zero"
    if row["state"] > 1e-3:
        return "another steady state"
    worst = max(row[f"{kind} difference of what is not zero"] for kind in kinds)
    judged = [row.get(f"{kind} difference from their states") for kind in kinds]
    if any(number is not None for number in judged) and all(n is None or n < 1e-2 * worst for n in judged):
        return "their own steady states, with the rate of the worst reaction changed, give our coefficients"
    finer = max(row[f"{kind} difference /10"] for kind in kinds)
    if finer <= _DIFFERENCE or finer < 0.3 * worst:
        return "their finite differences: a smaller step brings them nearer"
    if max(row[f"{kind} summation of theirs"] for kind in kinds) > 0.1 * worst:
        return "their matrix breaks the summation theorem by as much"
    if row["state"] > _DIFFERENCE * 1e-2:
        return "their state is less converged"
    return "not explained"


def main() -> None:
    """Check the models and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-home", type=Path, required=True)
    parser.add_argument("--part", default="1/1", help="K/N: the K-th of N parts of the models")
    parser.add_argument("--peers", type=int, default=0, help="so many models beside libRoadRunner")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    part, parts = (int(number) for number in arguments.part.split("/"))
    paths = [str(path) for path in sorted((arguments.data_home / "biomodels").glob("*.xml"))][part - 1 :: parts]
    rows = [
        outcome.value if outcome.kind == "value" else {"model": Path(path).stem, "status": outcome.kind}
        for path, outcome in zip(
            paths, map_isolated(check_model, paths, n_jobs=arguments.jobs, timeout=60.0), strict=True
        )
    ]
    checked = [row for row in rows if row["status"] == "checked"]
    print(Counter(row["status"] for row in rows))
    over = [row for row in checked if row["worst"] > 1e-8]
    print(f"theorems: {len(checked) - len(over)} of {len(checked)} to 1e-8; median of the worst errors "
          f"{np.median([row['worst'] for row in checked]):.1e}")  # fmt: skip
    for row in over:
        print("  ", row["model"], f"{row['worst']:.1e}", "isolated" if row["isolated"] else "not an isolated state")
    orders = [row for row in checked if row.get("first order") is not None]
    far = [row for row in orders if not row["first order"] < _FIRST_ORDER]
    print(f"first order: {len(orders) - len(far)} of {len(orders)} within {_FIRST_ORDER:g}")
    for row in far:
        text = f"at the state {row['first order at the state']:.1e}"
        kind = "isolated" if row["isolated"] else "not an isolated state"
        print("  ", row["model"], f"{row['first order']:.1e}", row["first order at"], text, kind)
    peers = [path for path, row in zip(paths, rows, strict=True) if row["status"] == "checked" and not row["events"]]
    beside = []
    for path, outcome in zip(
        peers[: arguments.peers],
        map_isolated(check_peer, peers[: arguments.peers], n_jobs=arguments.jobs, timeout=60.0),
        strict=True,
    ):
        found = outcome.value if outcome.kind == "value" else {"peer": outcome.kind, "why": str(outcome.error)[:100]}
        row = found | {"model": Path(path).stem}
        beside.append(row | {"explanation": explain(row)})
    print(Counter(row["explanation"].split(":")[0] for row in beside))
    for row in beside:
        if row["explanation"] != "agrees":
            numbers = {key: f"{value:.1e}" for key, value in row.items() if isinstance(value, float)}
            print("  ", row["model"], row["explanation"], numbers)
    if arguments.json:
        arguments.json.write_text(json.dumps({"models": rows, "peers": beside}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
