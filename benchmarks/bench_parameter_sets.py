"""Steady states and time courses of many parameter sets, beside a loop over libRoadRunner, in one run and one thread.

SKPERTURB_DATA=DATA OMP_NUM_THREADS=1 python benchmarks/bench_parameter_sets.py --sets 1000

The models: at most three textbook models, and of the curated BioModels up to number 57 at most three, in each class of
size (5-9, 10-19, 20-49 and 50-100 variables), in their order, that have no events, delays, jumps or explicit time, at
least three positive global or local parameters, and a stable steady state that their trajectory comes to, as do those
of ten trial sets; and simulated networks of 10 to 100 species. All their parameters vary log-normally. Courses go
to five times the slowest relaxation time of that state.

All times are seconds of processor time, and include reading off the results; those of this package include the
generation and compilation of its code, those of libRoadRunner do not. Its conserved moiety analysis is switched on
once; as it is by default, each call of steadyState builds the model anew.
"""

import argparse
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
import roadrunner

from skperturb.datasets import load_textbook_models, make_biochemical_models
from skperturb.sbml import KineticModel, conservation_laws, simulate_many, steady_states

LAST_NUMBER = 57
SIMULATED = (10, 20, 35, 50, 75, 100)
CLASSES = ((5, 9), (10, 19), (20, 49), (50, 100))
# Relative and absolute tolerances: the defaults of libRoadRunner's CVODE, and those with which this package is about as
# accurate. Both accuracies are measured against tolerances of 1e-10 and printed.
PEER_TOLERANCES = (1e-6, 1e-12)
TOLERANCES = (5e-6, 1e-12)
N_TIMES = 51
N_TRIALS = 10
N_BY_DEFAULT = 3  # calls of the other engine as it comes, each of which takes up to seconds


@dataclass
class Case:
    """A model, and the names of what varies here and in the other engine."""

    name: str
    text: str
    model: KineticModel
    names: dict[str, str]
    end: float


def candidates(home: Path | None) -> Iterator[tuple[str, str, str]]:
    """Yield origins, names and SBML texts."""
    textbook = load_textbook_models()
    yield from (("textbook", name, text) for name, text in zip(textbook.names, textbook.data, strict=True))
    for size in SIMULATED:
        yield "simulated", f"simulated_{size}", make_biochemical_models(1, n_species=size, random_state=0)[0]
    for path in sorted((home / "biomodels").glob("BIOMD*.xml")) if home is not None else []:
        if int(path.stem.removeprefix("BIOMD")) <= LAST_NUMBER:
            yield "BioModels", path.stem, path.read_text(encoding="utf-8", errors="replace")


def case_of(name: str, text: str, room: Callable[[int], bool]) -> Case | None:
    """Return a model that obeys the rule, None if it does not."""
    try:
        model = KineticModel.from_sbml(text)
    except ValueError:
        return None
    system = model._system
    if model.event_ids or model.time_dependence or system.switches or system.delays or system.graph.blocks:
        return None
    if not room(len(model.variables)) or system.start is None or system.start.problem or system.has_fast_reactions:
        return None
    try:
        steady = model.steady_state()
        peer = roadrunner.RoadRunner(text)
    except (ValueError, RuntimeError):
        return None
    if not steady.stable or not np.isfinite(steady.max_real_part) or steady.max_real_part >= 0.0:
        return None
    known = {*peer.model.getGlobalParameterIds()}
    taken = system.species | system.start.compartments
    names = {
        parameter: parameter.replace(".", "_")
        for parameter, value in model.parameters.items()
        if value > 0.0 and parameter not in taken and parameter.replace(".", "_") in known
    }
    end = 5.0 / -steady.max_real_part
    case = Case(name, text, model, names, end)
    return case if len(names) >= 3 and all_steady(case) else None


def all_steady(case: Case) -> bool:
    """Say whether the trajectories of a few sets all come to rest: else the search for a reason is what is timed."""
    rng = np.random.default_rng(1)
    sets = pd.DataFrame({n: case.model.parameters[n] * np.exp(0.3 * rng.standard_normal(N_TRIALS)) for n in case.names})
    return bool((steady_states(case.model, sets)["outcome", "status"] == "steady").all())


def cases(home: Path | None, n_each: int, names: list[str] | None = None) -> Iterator[Case]:
    """Yield the models of the benchmark."""
    counts: Counter[tuple[str, tuple[int, int]]] = Counter()
    for origin, name, text in candidates(home):
        if names is not None and name not in names:
            continue

        def room(size: int, origin: str = origin) -> bool:
            return any(a <= size <= b and counts[origin, (a, b)] < n_each for a, b in CLASSES)

        case = case_of(name, text, room)
        if case is not None:
            size = len(case.model.variables)
            counts[origin, next(c for c in CLASSES if c[0] <= size <= c[1])] += 1
            yield case


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a function returns, and the seconds of processor time that it took."""
    start = process_time()
    return function(), process_time() - start


def peer_of(case: Case) -> Any:
    """Return the other engine with the model, set up once."""
    peer = roadrunner.RoadRunner(case.text)
    peer.getIntegrator().setValue("relative_tolerance", PEER_TOLERANCES[0])
    peer.getIntegrator().setValue("absolute_tolerance", PEER_TOLERANCES[1])
    peer.timeCourseSelections = ["time", *selections(case.model)]
    return peer


def selections(model: KineticModel) -> list[str]:
    """Return the variables as the other engine names their SBML symbols."""
    is_amount = dict(zip(model._declared["species"], model._declared["is_amount"], strict=True))
    return [name if is_amount.get(name, True) else f"[{name}]" for name in model.variables]


def peer_courses(case: Case, sets: pd.DataFrame) -> list[np.ndarray | None]:
    """Return the courses of all sets, None where the other engine fails."""
    peer, results = peer_of(case), []
    columns = list(case.names.values())
    for row in sets.to_numpy():
        for name, value in zip(columns, row, strict=True):
            peer[name] = value
        peer.reset()
        try:
            results.append(np.array(peer.simulate(0.0, case.end, N_TIMES))[:, 1:])
        except RuntimeError:
            results.append(None)
    return results


def peer_steady_states(case: Case, sets: pd.DataFrame, *, by_default: bool = False) -> list[np.ndarray | None]:
    """Return the steady states of all sets, None where the other engine fails."""
    peer = peer_of(case)
    # Set once, also where nothing is conserved: else each call rebuilds the model, and takes a thousand times as long.
    peer.conservedMoietyAnalysis = not by_default
    results: list[np.ndarray | None] = []
    columns, wanted = list(case.names.values()), selections(case.model)
    for row in sets.to_numpy():
        try:
            for name, value in zip(columns, row, strict=True):
                peer[name] = value
            peer.reset()
            peer.steadyState()
            results.append(np.array([peer[name] for name in wanted]))
        except RuntimeError:
            results.append(None)
    return results


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest difference of two courses, in parts of each variable's largest value."""
    size = np.abs(theirs).max(axis=0)
    return float(np.max(np.abs(ours - theirs) / np.maximum(size, 1e-9 * size.max(initial=0.0) + 1e-300)))


def errors(case: Case, sets: pd.DataFrame, ours: np.ndarray, theirs: list[np.ndarray | None], sample: int) -> str:
    """Return the largest errors of both engines on some sets, against a tight tolerance."""
    grid, worst = np.linspace(0.0, case.end, N_TIMES), [0.0, 0.0]
    for k in range(0, len(sets), max(1, len(sets) // sample)):
        exact = case.model.with_parameters(sets.iloc[k].to_dict()).simulate(grid, rtol=1e-10)
        exact = exact[list(case.model.variables)].to_numpy()
        worst[0] = max(worst[0], difference(ours[k], exact))
        other = theirs[k]
        worst[1] = max(worst[1], np.nan if other is None else difference(other, exact))
    return f"{worst[0]:.0e} | {worst[1]:.0e}"


def course_row(case: Case, sets: pd.DataFrame, sample: int) -> tuple[str, float]:
    """Return one row of the table of time courses, and the ratio of throughputs."""
    grid, variables = np.linspace(0.0, case.end, N_TIMES), list(case.model.variables)
    table, ours = timed(lambda: simulate_many(case.model, sets, grid, rtol=TOLERANCES[0], atol=TOLERANCES[1]))
    courses, theirs = timed(lambda: peer_courses(case, sets))
    values = table["value"][variables].to_numpy().reshape(len(sets), N_TIMES, -1)
    failed = int((table["outcome", "status"].to_numpy().reshape(len(sets), -1)[:, 0] != "simulated").sum())
    missed = sum(course is None for course in courses)
    apart = max((difference(a, b) for a, b in zip(values, courses, strict=True) if b is not None), default=np.nan)
    text = (
        f"| {case.name} | {len(variables)} | {case.end:.3g} | {len(sets) / ours:,.0f} | {len(sets) / theirs:,.0f} | "
        f"{theirs / ours:.2f} | {failed} | {missed} | {apart:.0e} | {errors(case, sets, values, courses, sample)} |"
    )
    return text, theirs / ours


def steady_row(case: Case, sets: pd.DataFrame) -> tuple[str, float, float]:
    """Return one row of the table of steady states, and the ratios of throughputs."""
    variables = list(case.model.variables)
    branch, ours = timed(lambda: steady_states(case.model, sets, follow="branch"))
    followed, longer = timed(lambda: steady_states(case.model, sets))
    states, theirs = timed(lambda: peer_steady_states(case, sets))
    few = sets.iloc[:N_BY_DEFAULT]
    by_default = timed(lambda: peer_steady_states(case, few, by_default=True))[1]
    missed = sum(state is None for state in states)
    values = {"branch": branch["value"][variables].to_numpy(), "trajectory": followed["value"][variables].to_numpy()}
    failed = [int((table["outcome", "status"] != "steady").sum()) for table in (branch, followed)]
    apart = other = 0
    for k, state in enumerate(states):
        size = np.abs(values["trajectory"][k]).max(initial=0.0)
        apart += bool(np.abs(values["branch"][k] - values["trajectory"][k]).max(initial=0.0) > 1e-5 * size)
        other += state is not None and bool(np.abs(state - values["trajectory"][k]).max(initial=0.0) > 1e-4 * size)
    text = (
        f"| {case.name} | {len(variables)} | {len(conservation_laws(case.model))} | {len(sets) / ours:,.0f} | "
        f"{len(sets) / longer:,.0f} | {len(sets) / theirs:,.0f} | {len(few) / by_default:,.0f} | "
        f"{theirs / ours:.1f} | {theirs / longer:.1f} | {failed[0]} | {failed[1]} | {missed} | {apart} | {other} |"
    )
    return text, theirs / ours, theirs / longer


def main() -> None:
    """Print two tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=1000, metavar="N", help="number of parameter sets")
    parser.add_argument("--each", type=int, default=3, metavar="N", help="number of models in each class of size")
    parser.add_argument("--sigma", type=float, default=0.2, help="standard deviation of the logarithms")
    parser.add_argument("--sample", type=int, default=3, metavar="N", help="sets whose accuracy is measured")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--models", nargs="+", metavar="NAME", help="these models alone")
    parser.add_argument("--only", choices=["courses", "steady"])
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
    home = os.environ.get("SKPERTURB_DATA")
    rng = np.random.default_rng(arguments.seed)
    chosen = list(cases(Path(home) if home else None, arguments.each, arguments.models))
    tables = {
        case.name: pd.DataFrame(
            {
                n: case.model.parameters[n] * np.exp(arguments.sigma * rng.standard_normal(arguments.sets))
                for n in case.names
            }
        )
        for case in chosen
    }
    if arguments.only != "steady":
        print(
            "| model | variables | end | sets/s | libRoadRunner, sets/s | ratio | failed | failed, libRoadRunner |",
            end=" ",
        )
        print("largest difference | error | error, libRoadRunner |\n|" + " --- |" * 11)
        courses = []
        for case in chosen:
            text, ratio = course_row(case, tables[case.name], arguments.sample)
            courses.append(ratio)
            print(text, flush=True)
        print(summary("time courses", courses))
    if arguments.only != "courses":
        print(
            "| model | variables | laws | branch, sets/s | trajectory, sets/s | libRoadRunner, sets/s | by default |",
            end=" ",
        )
        print("ratio, branch | ratio, trajectory | not steady, branch | not steady, trajectory |", end=" ")
        print("failed, libRoadRunner | branch differs from trajectory | libRoadRunner differs from trajectory |")
        print("|" + " --- |" * 14)
        ratios = []
        for case in chosen:
            text, *pair = steady_row(case, tables[case.name])
            ratios.append(pair)
            print(text, flush=True)
        print(summary("steady states, branch", [a for a, _ in ratios]))
        print(summary("steady states, trajectory", [b for _, b in ratios]))


def summary(what: str, ratios: list[float]) -> str:
    """Return the median ratio, its range, and how many models are above one."""
    above = sum(ratio > 1.0 for ratio in ratios)
    return (
        f"\n{what}: ratio of throughputs {np.median(ratios):.1f} in the median of {len(ratios)} models, "
        f"{min(ratios):.2f} to {max(ratios):.1f}; above 1 in {above}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
