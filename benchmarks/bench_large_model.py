"""Time from SBML text to the sensitivity matrix of large simulated models.

python benchmarks/bench_large_model.py --sizes 100 300 1000
"""

import argparse
import warnings
from collections.abc import Callable
from time import perf_counter
from typing import Any

from skperturb._network import InfluenceNetwork
from skperturb.datasets import make_biochemical_models
from skperturb.sbml import KineticModel, conservation_laws, sensitivity_matrix


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a function returns, and the seconds that it took."""
    start = perf_counter()
    return function(), perf_counter() - start


def main() -> None:
    """Print one line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[100, 300, 1000], metavar="N", help="numbers of species"
    )
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print("species  MB     load  Jacobian  steady state  sensitivities  seconds")
    for size in arguments.sizes:
        text = make_biochemical_models(1, n_species=size, random_state=arguments.seed)[0]
        model, load = timed(lambda text=text: KineticModel.from_sbml(text))
        _, first = timed(lambda model=model: model.jacobian(0.0, model.x0))
        rest, steady = timed(lambda model=model: model.steady_state())
        network = InfluenceNetwork(
            model.jacobian(rest.time, rest.state),
            names=list(model.variables),
            state=rest.state,
            conservation_laws=conservation_laws(model),
        )
        _, matrix = timed(lambda network=network: sensitivity_matrix(network, undefined="nan"))
        print(
            f"{size:7d}  {len(text) / 1e6:.2f}  {load:5.2f}  {first:8.2f}  {steady:12.2f}  {matrix:13.2f}  "
            f"{load + first + steady + matrix:7.2f}"
        )


if __name__ == "__main__":
    main()
