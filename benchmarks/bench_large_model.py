"""Time from SBML text to the sensitivity matrix of large simulated models, and of rule-based ones.

python benchmarks/bench_large_model.py --sizes 100 300 1000 --chains 3,5 4,5
"""

import argparse
import warnings
from collections.abc import Callable
from time import process_time
from typing import Any

from rule_based_model import rule_based_model

from skperturb._network import InfluenceNetwork
from skperturb.datasets import make_biochemical_models
from skperturb.sbml import KineticModel, conservation_laws, sensitivity_matrix


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a function returns, and the seconds of processor time that it took."""
    start = process_time()
    return function(), process_time() - start


def main() -> None:
    """Print one line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[100, 300, 1000], metavar="N", help="numbers of species"
    )
    parser.add_argument(
        "--chains", nargs="*", default=["3,5", "4,5"], metavar="M,N", help="lengths of the receptor's two chains"
    )
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print("species  reactions  MB     load  Jacobian  steady state  sensitivities  seconds")
    for size in arguments.sizes:
        run(make_biochemical_models(1, n_species=size, random_state=arguments.seed)[0])
    for chains in arguments.chains:
        first, second = map(int, chains.split(","))
        run(rule_based_model((first, second), random_state=arguments.seed))


def run(text: str) -> None:
    """Print the line of one model."""
    model, load = timed(lambda: KineticModel.from_sbml(text))
    _, first = timed(lambda: model.jacobian(0.0, model.x0))
    rest, steady = timed(model.steady_state)
    network = InfluenceNetwork(
        model.jacobian(rest.time, rest.state),
        names=list(model.variables),
        state=rest.state,
        conservation_laws=conservation_laws(model),
    )
    _, matrix = timed(lambda: sensitivity_matrix(network, undefined="nan"))
    print(
        f"{len(model.variables):7d}  {len(model.reaction_ids):9d}  {len(text) / 1e6:.2f}  {load:5.2f}  {first:8.2f}  "
        f"{steady:12.2f}  {matrix:13.2f}  {load + first + steady + matrix:7.2f}"
    )


if __name__ == "__main__":
    main()
