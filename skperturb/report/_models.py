"""The section of an SBML model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from skperturb.report._drawing import network_figure
from skperturb.report._page import Section, facts, note, table
from skperturb.report._parts import Parts
from skperturb.report._rest import network_at_rest

if TYPE_CHECKING:
    from skperturb.networks import InfluenceNetwork, RankedResponses
    from skperturb.sbml import KineticModel, SteadyState

__all__ = ["model_section"]

# Draws of the ensemble cost the cube of the number of variables: 200 of them take a minute here.
_MOST_SIMULATED = 150
_MOST_ROWS = 200
_MOST_COEFFICIENTS = 60
# Rates below this part of the largest one are the rounding of none.
_NO_FLUX = 1e-9


def model_section(path: str, parts: Parts, *, top: int) -> Section:
    """Return what the page says of a model.

    Parameters
    ----------
    path : str
        What `KineticModel.from_sbml` reads.
    parts : Parts
        Where the section grows.
    top : int
        Responses to each source.

    Returns
    -------
    Section

    Raises
    ------
    SBMLError, OSError
        If the file can't be read.
    """
    from skperturb.sbml import KineticModel

    with parts.doubting():
        model = KineticModel.from_sbml(path)
        parts.doubts += model.warnings
    parts.begin(path, "SBML model", "read", _read(model))
    with parts.doubting():
        network, status, refusal = network_at_rest(model)
        steady = network.steady_state
        parts.outcome = f"no steady state ({status})" if steady is None else _outcome(steady)
    parts.add("Steady state", partial(_steady, model, steady, refusal))
    parts.add("Network", partial(_drawn, network, steady is not None))
    parts.add("Strongest responses", partial(_responses, network, top))
    if steady is not None:
        parts.add("Control of the fluxes", partial(_control, model, network, "flux"))
        parts.add("Control of the variables", partial(_control, model, network, "concentration"))
    return parts.section()


def _outcome(steady: SteadyState) -> str:
    if not steady.is_reached:
        return "steady state found, which the trajectory does not come to"
    return f"steady state, {'stable' if steady.stable else 'unstable'}"


def _read(model: KineticModel) -> str:
    structure = model.structure
    forms = structure.rate_form.value_counts()
    return facts(
        [
            ("model", model.model_id),
            ("variables", len(model.variables)),
            ("species", f"{len(structure.species)}, {int(structure.boundary.sum())} of them at the boundary"),
            ("compartments", _named(structure.compartment.unique())),
            ("reactions", f"{len(model.reaction_ids)}, {int(structure.reversible.sum())} of them reversible"),
            ("rate laws", ", ".join(f"{count} {form.replace('_', ' ')}" for form, count in forms.items()) or "none"),
            ("rate rules", int(np.sum(model.is_rate_rule)) or None),
            ("parameters", len(model.parameters)),
            ("events", _named(model.event_ids) if model.event_ids else None),
            ("depends on time through", _named(model.time_dependence) if model.time_dependence else None),
        ]
    )


def _named(names: Any) -> str:
    listed = [str(name) for name in names]
    more = f" and {len(listed) - 8} more" if len(listed) > 8 else ""
    return f"{len(listed)}: {', '.join(listed[:8])}{more}"


def _steady(model: KineticModel, steady: SteadyState | None, refusal: str) -> str:
    values: dict[str, Any] = {"variable": list(model.variables), "at the start": np.asarray(model.x0, dtype=float)}
    if steady is None:
        return note(f"None: {refusal}") + table(pd.DataFrame(values), "State", most=_MOST_ROWS)
    at_rest = steady.state.to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        values |= {"at rest": at_rest, "at rest / at the start": at_rest / values["at the start"]}
    changed = steady.changed_parameters
    said = facts(
        [
            ("stable", f"{'yes' if steady.stable else 'no'}, largest real part {steady.max_real_part:.3g} per time"),
            ("reached by the trajectory", "yes" if steady.is_reached else "no"),
            ("largest relative rate left", f"{steady.residual:.1e}"),
            ("conservation laws", steady.n_conservation_laws),
            ("found by", f"{steady.method.replace('_', ' ')}, at t = {steady.time:.4g}"),
            ("changed by events", _named(f"{k} = {v:.4g}" for k, v in changed.items()) if changed.size else None),
            ("at zero", _named(steady.state.index[at_rest == 0]) if (at_rest == 0).any() else None),
        ]
    )
    return said + table(pd.DataFrame(values), "State, in the units of the model", most=_MOST_ROWS)


def _drawn(network: InfluenceNetwork, is_steady: bool) -> str:
    where = "at rest" if is_steady else "at the start"
    assert network.state is not None, "JacobianExtractor notes the state"
    values = {name: f"{value:.4g} {where}" for name, value in network.state.items()}
    signs = network.signs().to_numpy()
    counts = f"{int((signs > 0).sum())} positive and {int((signs < 0).sum())} negative ones, loops included"
    return network_figure(
        network.to_networkx(),
        values,
        f"Influences {where}: blue arrows raise the rate of change, red bars lower it; {counts}.",
    )


# -- responses ----------------------------------------------------------------------------------------
def _responses(network: InfluenceNetwork, top: int) -> str:
    from skperturb.networks import DynamoDistance, top_responses
    from skperturb.sbml import sensitivity_matrix

    steps = 1.0 / DynamoDistance().predict([network])[0].replace(0.0, np.nan) - 1.0
    structural = _structural(network)
    exact = None
    if network.steady_state is not None:
        exact = sensitivity_matrix(network, "relative", undefined="nan")
    matrix = exact
    if exact is None and structural is not None:
        matrix = structural.signed
    if matrix is None:
        return note(f"None: no steady state, and more than {_MOST_SIMULATED} variables to draw kinetics for.")
    strongest = top_responses(matrix, top)
    order = strongest["response"].abs().sort_values(ascending=False, kind="stable").index
    shown = strongest.loc[order, ["source", "target", "response"]].reset_index(drop=True)
    places = (
        network.jacobian.index.get_indexer(shown["target"]),
        network.jacobian.columns.get_indexer(shown["source"]),
    )
    shown = shown.rename(columns={"source": "1 % more of", "target": "changes", "response": "by %"})
    if exact is None:
        shown = shown.drop(columns="by %")
    if structural is not None:
        shown = shown.assign(**{label: frame.to_numpy()[places] for label, frame in _columns(structural).items()})
    shown["steps on the shortest path"] = steps.to_numpy()[places]
    basis = "exact, from the constants of the model" if exact is not None else "predicted from the structure alone"
    counts = ", ".join(f"{count} {kind}" for kind, count in strongest.attrs.items() if count and kind != "none")
    rests = network.steady_state is None or network.steady_state.is_reached
    said = note(
        f"What 1 % more of one variable, held, does to the others: {basis}; the {top} strongest of each variable"
        + (f" ({counts} left out)." if counts else ".")
        + ("" if rests else " The model does not come to this steady state by itself, so these are its formal slopes.")
    )
    return said + _agreement(exact, structural, steps) + table(shown, "Responses, strongest first", most=_MOST_ROWS)


def _structural(network: InfluenceNetwork) -> RankedResponses | None:
    """Return what the structure says, without any constant."""
    from skperturb.networks import StructuralSensitivity

    if network.n_nodes > _MOST_SIMULATED:
        return None
    return StructuralSensitivity().predict_responses([network])[0]


def _columns(structural: RankedResponses) -> dict[str, pd.DataFrame]:
    return {
        "sign from structure": structural.sign.astype(int),
        "certainty of sign": structural.certainty,
        "rank from structure": structural.rank,
        "lowest rank": structural.lower,
        "highest rank": structural.upper,
    }


def _agreement(exact: pd.DataFrame | None, structural: RankedResponses | None, steps: pd.DataFrame) -> str:
    """Say how near the predictions come that know no constant."""
    legend = (
        "Ranks from structure go from 0 to 1, the strongest, with the interval that holds nine of ten; they rest on an "
        "ensemble of all kinetics that the reactions allow."
    )
    if structural is None:
        return note(f"No prediction from structure: more than {_MOST_SIMULATED} variables.")
    if exact is None:
        return note(legend)
    other = ~np.eye(len(exact), dtype=bool) & np.isfinite(exact.to_numpy())
    sizes = exact.abs().to_numpy()[other]
    if len(sizes) < 3 or np.ptp(sizes) == 0:
        return note(legend)
    ranked = structural.rank.to_numpy()[other]
    near = -steps.to_numpy()[other]
    real = sizes > 0
    right = np.sign(exact.to_numpy()[other]) == structural.sign.to_numpy()[other]
    return note(legend) + facts(
        [
            ("order of all sizes from structure", f"rank correlation {_rank_correlation(sizes, ranked)}"),
            ("baseline: the nearer the stronger", f"rank correlation {_rank_correlation(sizes, near)}"),
            ("signs from structure", f"{right[real].mean():.0%} of {int(real.sum())} right" if real.any() else None),
        ]
    )


def _rank_correlation(truth: np.ndarray, predicted: np.ndarray) -> str:
    from skperturb.metrics import rank_data

    # No path is farther than any.
    known = np.where(np.isnan(predicted), -np.inf, predicted)
    if np.all(known == known[0]):
        return "undefined, all predictions are equal"
    return f"{np.corrcoef(rank_data(truth), rank_data(known))[0, 1]:.2f}"


# -- control ------------------------------------------------------------------------------------------
def _control(model: KineticModel, network: InfluenceNetwork, kind: str) -> str:
    from skperturb.networks import response_matrix
    from skperturb.sbml import control_coefficients

    steady = network.steady_state
    if not _flows(model, steady):
        return note("None: no reaction has a net rate at the steady state.")
    exact = control_coefficients(model, steady, kind=kind, undefined="nan")
    columns = {"control": exact}
    if network.n_nodes <= _MOST_SIMULATED:
        ensemble = response_matrix(network, kind=kind)
        columns |= {"sign from structure": ensemble.sign, "certainty of sign": ensemble.certainty}
    values = exact.to_numpy()
    rows, reactions = np.nonzero(np.isfinite(values) & (np.abs(values) > _NO_FLUX))
    order = np.argsort(-np.abs(values[rows, reactions]), kind="stable")
    rows, reactions = rows[order], reactions[order]
    shown = pd.DataFrame(
        {"1 % more of reaction": exact.columns[reactions], "changes": exact.index[rows]}
        | {name: frame.to_numpy()[rows, reactions] for name, frame in columns.items()}
    )
    n_undefined = int((~np.isfinite(values)).sum())
    said = note(
        f"Control coefficients, exact: what 1 % more of the activity of a reaction does, in per cent; {n_undefined} of "
        f"{values.size} undefined."
    )
    return said + table(shown, "Control, strongest first", most=_MOST_COEFFICIENTS)


def _flows(model: KineticModel, steady: SteadyState) -> bool:
    if not model.reaction_ids:
        return False
    settled = model.after_events(steady)
    rates = settled.evaluate([steady.time], steady.state.to_numpy()[None])[list(model.reaction_ids)].to_numpy()
    start = settled.evaluate([steady.time], np.asarray(model.x0)[None])[list(model.reaction_ids)].to_numpy()
    # A closed system at equilibrium: what is left of its rates is small beside those on the way there.
    scale = np.nanmax(np.abs(np.concatenate([rates, start])), initial=0.0)
    return bool(np.nanmax(np.abs(rates), initial=0.0) > _NO_FLUX * scale)
