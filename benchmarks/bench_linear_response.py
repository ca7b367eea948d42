"""How far the linear response holds: finite perturbations of the textbook models beside control and topology.

    python benchmarks/bench_linear_response.py [--reactions 4] [--variables 4]

For each resting textbook model and some of its reactions, at each factor of the rate: the log-fold changes of the
variables by `perturb` (verified steady states), and those that scaled control coefficients predict, C log(factor). For
some of its variables, held at a multiple of their steady value: the Spearman correlation, over the other variables, of
the size of the change with the exact linear response and with two predictors that know the topology alone.
"""

from __future__ import annotations

import argparse
import warnings
from collections import defaultdict
from typing import Any

import numpy as np

from skperturb.datasets import load_textbook_models
from skperturb.exceptions import NoSteadyStateError
from skperturb.networks import DynamoDistance, DynamoPropagation
from skperturb.sbml import (
    Intervention,
    JacobianExtractor,
    KineticModel,
    control_coefficients,
    perturb,
    sensitivity_matrix,
)

_FACTORS = (0.99, 0.9, 0.5, 2.0, 10.0, 0.1)
_NOTHING = 1e-6  # log2-fold changes below are no change that the states resolve


def reactions_of(model: KineticModel, count: int, found: dict[float, list[Any]]) -> None:
    """Collect true and predicted log2-fold changes for each factor of a reaction."""
    control = control_coefficients(model, undefined="nan")
    chosen = list(control.columns[:: max(1, len(control.columns) // count)])[:count]
    changes = [
        Intervention(scale={name: factor}, name=f"{name} {factor}", at="steady_state")
        for name in chosen
        for factor in _FACTORS
    ]
    table = perturb(model, changes)
    changes_found = table["log2_fold_change"][list(model.variables)].iloc[1:].to_numpy()
    states = table["outcome"]["status"].iloc[1:].to_numpy()
    for row, state, (name, factor) in zip(
        changes_found, states, [(name, factor) for name in chosen for factor in _FACTORS], strict=True
    ):
        predicted = control[name].to_numpy() * np.log2(factor)
        fine = np.isfinite(row) & np.isfinite(predicted) & (np.maximum(np.abs(row), np.abs(predicted)) > _NOTHING)
        found[factor].append((state, row[fine], predicted[fine]))


def variables_of(model: KineticModel, count: int, found: dict[tuple[float, str], list[float]]) -> None:
    """Collect rank correlations of finite shifts of held variables with three predictions."""
    network = JacobianExtractor().fit_transform([model])[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predictions = {
            "linear": sensitivity_matrix(network, undefined="nan").abs(),
            "propagation": DynamoPropagation().predict([network])[0],
            "distance": DynamoDistance().predict([network])[0],
        }
    state = network.steady_state.state
    names = [name for name in model.variables if state[name] > 0.0][:count]
    for factor in (1.01, 2.0, 10.0):
        changes = [Intervention(hold={name: factor * state[name]}, at="steady_state", name=name) for name in names]
        table = perturb(model, changes)["value"][list(model.variables)]
        for name in names:
            moved = (table.loc[name] - table.loc["unperturbed"]).abs().drop(name)
            for method, matrix in predictions.items():
                expected = matrix[name].drop(name).abs()
                fine = np.isfinite(moved) & np.isfinite(expected)
                if fine.sum() >= 3 and moved[fine].nunique() > 1 and expected[fine].nunique() > 1:
                    found[factor, method].append(float(moved[fine].rank().corr(expected[fine].rank())))


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reactions", type=int, default=4)
    parser.add_argument("--variables", type=int, default=4)
    arguments = parser.parse_args()
    reactions: dict[float, list[Any]] = defaultdict(list)
    variables: dict[tuple[float, str], list[float]] = defaultdict(list)
    used = 0
    for source in load_textbook_models().data:
        model = KineticModel.from_sbml(source)
        try:
            if not model.steady_state().stable:
                continue
        except NoSteadyStateError:
            continue
        used += 1
        reactions_of(model, arguments.reactions, reactions)
        variables_of(model, arguments.variables, variables)
    print(f"{used} models")
    for factor in _FACTORS:
        rows = reactions[factor]
        steady = [row for row in rows if row[0] == "steady"]
        true, predicted = (np.concatenate([row[k] for row in steady]) for k in (1, 2))
        strong = np.abs(true) > 1e-3 * abs(np.log2(factor))
        error = np.abs(predicted - true)[strong] / np.abs(true[strong])
        sign = np.mean(np.sign(predicted[strong]) == np.sign(true[strong]))
        print(f"factor {factor:5g}: {len(steady)} of {len(rows)} steady, {strong.sum()} changes, sign {sign:.3f}, "
              f"median error {np.median(error):.3f}, within 10 % {np.mean(error < 0.1):.3f}")  # fmt: skip
    for (factor, method), values in variables.items():
        print(f"held at {factor:g} times: {method:12s} mean rank correlation {np.mean(values):.3f} of {len(values)}")


if __name__ == "__main__":
    main()
