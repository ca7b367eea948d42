"""Responses to interventions: exact where the kinetics are known, from the ensemble where they are not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skperturb._sklearn import Interval, StrOptions, count, validate_params
from skperturb._validation import describe, ensure_networks, is_network
from skperturb.metrics import rank_data
from skperturb.networks._structural.estimator import StructuralSensitivity

__all__ = ["ResponseMatrix", "response_matrix"]

# Decades beyond which a response counts as none or as infinite when sizes are compared.
_MOST_DECADES = 30.0
# Size of an exact response, in per cent per per cent, below which it is what rounding leaves of none.
_NO_RESPONSE = 1e-12
_LEVELS = {"concentration": "variable", "flux": "reaction"}
_CHANGES = {"enzymes": "reaction changed", "variables": "variable held", "parameters": "parameter"}


@dataclass(frozen=True, eq=False)
class ResponseMatrix:
    """What one per cent more of something changes in a steady state, in per cent.

    Parameters
    ----------
    values : DataFrame of shape (n_rows, n_changes)
        Column = what is changed. The exact responses, or the median over the ensemble; NaN where there is none, and for
        the fluxes of reactions without a net flux.
    sign : DataFrame of shape (n_rows, n_changes)
        −1, 0 or 1; of the ensemble the sign of most draws. NaN where `values` is.
    certainty : DataFrame of shape (n_rows, n_changes)
        Share of the draws that have this sign; 1 for exact responses.
    rank : DataFrame of shape (n_rows, n_changes)
        Rank of the size of the response among all entries, in (0, 1]; of the ensemble the mean over the draws.
    lower, upper : DataFrame of shape (n_rows, n_changes)
        Quantiles of the draws that hold `coverage` of them; `values` themselves for exact responses.
    exact : bool
        Whether the kinetics are known.

    See Also
    --------
    response_matrix : Makes it.

    Examples
    --------
    >>> from skperturb.datasets import load_textbook_models
    >>> from skperturb.networks import response_matrix
    >>> from skperturb.sbml import KineticModel
    >>> model = KineticModel.from_sbml(load_textbook_models().data[0])
    >>> list(response_matrix(model).to_frame().columns[:4])
    ['variable', 'reaction changed', 'values', 'sign']
    """

    values: pd.DataFrame
    sign: pd.DataFrame
    certainty: pd.DataFrame
    rank: pd.DataFrame
    lower: pd.DataFrame
    upper: pd.DataFrame
    exact: bool

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each response, the strongest first.

        Returns
        -------
        DataFrame
            Columns: what responds, what is changed, and the tables.
        """
        tables = {name: getattr(self, name) for name in ("values", "sign", "certainty", "rank", "lower", "upper")}
        long = {name: table.stack(future_stack=True) for name, table in tables.items()}
        return pd.DataFrame(long).reset_index().sort_values("rank", ascending=False, ignore_index=True)


@validate_params(
    {
        "network_or_model": "no_validation",
        "to": [StrOptions({"parameters", "enzymes", "variables"})],
        "kind": [StrOptions({"concentration", "flux"})],
        "n_draws": [count()],
        "state": "no_validation",
        "fluxes": "no_validation",
        "coverage": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def response_matrix(
    network_or_model: Any,
    to: str = "enzymes",
    *,
    kind: str = "concentration",
    n_draws: int = 200,
    state: Any = None,
    fluxes: Any = None,
    coverage: float = 0.9,
    random_state: Any = 0,
) -> ResponseMatrix:
    r"""Compute how a steady state responds to interventions, in per cent per per cent.

    Parameters
    ----------
    network_or_model : KineticModel or InfluenceNetwork
        A model has all constants: its responses are exact, at the steady state that it reaches. Of a network only the
        `structure` is read, and the responses are those of an ensemble of all kinetics that it allows.
    to : {"enzymes", "variables", "parameters"}, default="enzymes"
        What is changed: the activity of each reaction in both directions (control coefficients), each variable, which
        is then held, or each parameter (response coefficients; these need a model).
    kind : {"concentration", "flux"}, default="concentration"
        Whether the variables or the net rates of the reactions respond.
    n_draws : int, default=200
        Size of the ensemble.
    state, fluxes
        What is known of the network, as in `StructuralSensitivity`.
    coverage : float, default=0.9
        Share of the draws between `lower` and `upper`.
    random_state : int, RandomState instance or None, default=0
        Decides the draws.

    Returns
    -------
    ResponseMatrix
        Values with sign, certainty, rank and interval, labeled.

    Raises
    ------
    TypeError
        If `network_or_model` is neither a model nor a network.
    ValueError
        If a network has no `structure`, or parameters are asked of it: a structure names none. What scales one reaction
        alone has the response of its enzyme.
    NoSteadyStateError
        If a model reaches no steady state.

    See Also
    --------
    StructuralSensitivity : Ranks with calibrated intervals of the responses to held variables.
    skperturb.sbml.control_coefficients, skperturb.sbml.parameter_sensitivity : The exact tables.

    Notes
    -----
    With gross fluxes v, elasticities :math:`\theta` and stoichiometry N of one-way steps, a draw gives the control of
    the reactions over the variables by

    .. math::
        N \operatorname{diag}(v)\, \theta\, C^x = -N \operatorname{diag}(v)\, P, \qquad
        L \operatorname{diag}(x)\, C^x = 0,

    where P says which steps belong to which reaction and L are the conserved totals, and over the net fluxes by
    :math:`C^J = J^{-1} P^T D \operatorname{diag}(v) (P + \theta\, C^x)` with the directions D [1]_. In every draw the
    rows of :math:`C^x` add up to 0 and those of :math:`C^J` to 1 (summation theorems). The interval is that of the
    ensemble, not calibrated: real rate laws differ from all that is drawn.

    References
    ----------
    .. [1] C. Reder, "Metabolic control theory: a structural approach", J. Theor. Biol. 135:175-201, 1988.
       doi:10.1016/S0022-5193(88)80073-0.

    Examples
    --------
    >>> from skperturb.datasets import load_textbook_models
    >>> from skperturb.networks import response_matrix
    >>> from skperturb.sbml import JacobianExtractor, KineticModel
    >>> model = KineticModel.from_sbml(load_textbook_models().data[0])
    >>> exact = response_matrix(model)
    >>> network = JacobianExtractor().fit_transform([model])[0]
    >>> ensemble = response_matrix(network, n_draws=20)
    >>> ensemble.values.shape == exact.values.shape
    True
    >>> exact.exact, ensemble.exact
    (True, False)
    """
    if callable(getattr(network_or_model, "response_matrix", None)):
        return _exact(network_or_model.response_matrix(to=to, kind=kind))
    if not is_network(network_or_model):
        raise TypeError(
            f"network_or_model is a {describe(network_or_model)}; expected a KineticModel, or an InfluenceNetwork with "
            "a structure, as JacobianExtractor makes them."
        )
    if to == "parameters":
        raise ValueError(
            "to='parameters' needs a KineticModel: the structure of a network names no parameters. What scales the "
            "rate of one reaction alone has the response of its enzyme: to='enzymes'."
        )
    if network_or_model.structure is None or network_or_model.is_empty:
        raise ValueError(
            "network_or_model has no structure, so that its reactions are unknown; make it with JacobianExtractor, or "
            "ask StructuralSensitivity for the responses to held variables."
        )
    model = StructuralSensitivity(n_draws, state=state, fluxes=fluxes, random_state=random_state)
    return _of_ensemble(network_or_model, model, to, kind, coverage)


def _exact(values: pd.DataFrame) -> ResponseMatrix:
    known = values.notna()
    ranks = rank_data(values.abs().to_numpy(), axis=None) / max(int(known.to_numpy().sum()), 1)
    return ResponseMatrix(
        values=values,
        sign=np.sign(values.where(values.abs() > _NO_RESPONSE, 0.0)).where(known),
        certainty=values.where(~known, 1.0),
        rank=pd.DataFrame(ranks, values.index, values.columns),
        lower=values,
        upper=values,
        exact=True,
    )


def _of_ensemble(network: Any, model: StructuralSensitivity, to: str, kind: str, coverage: float) -> ResponseMatrix:
    record = ensure_networks([network])[0]
    rng = np.random.default_rng(check_random_state(model.random_state).randint(np.iinfo(np.int32).max))
    ensemble, order, reactions = model._ensemble_of(record, network, rng)
    names = [network.names[k] for k in order]
    blocks = ensemble.draw_control(model.n_draws, rng, held=to == "variables")
    draws = np.concatenate([block[0 if kind == "concentration" else 1] for block in blocks])
    of_variables = names, list(network.names)
    of_reactions = reactions, list(network.structure.reactions)
    rows, own_rows = of_variables if kind == "concentration" else of_reactions
    columns, own_columns = of_variables if to == "variables" else of_reactions

    def label(values: np.ndarray) -> pd.DataFrame:
        frame = pd.DataFrame(values, index=rows, columns=columns).loc[own_rows, own_columns]
        return frame.rename_axis(index=_LEVELS[kind], columns=_CHANGES[to])

    return ResponseMatrix(exact=False, **{name: label(values) for name, values in _summary(draws, coverage)})


def _summary(draws: np.ndarray, coverage: float) -> Iterator[tuple[str, np.ndarray]]:
    """Yield what the draws say of each response, with its name."""
    none = np.isnan(draws).all(axis=0)
    # A draw without an answer counts as one without a response; where no draw has one, the answer is NaN.
    known = np.where(np.isnan(draws), 0.0, draws)
    shares = np.stack([(np.sign(known) == sign).mean(axis=0) for sign in (-1, 0, 1)])
    # Of equal shares the positive one, as StructuralSensitivity has it.
    most = 2 - np.argmax(shares[::-1], axis=0)
    with np.errstate(divide="ignore"):
        decades = np.clip(np.log10(np.abs(known)), -_MOST_DECADES, _MOST_DECADES)
    masked = np.where(none, np.nan, decades)
    ranks = np.mean([rank_data(draw, axis=None) for draw in masked], axis=0) / max(int((~none).sum()), 1)

    def quantile(level: float) -> np.ndarray:
        # A draw itself: between a finite and an infinite one there is no mean.
        return np.quantile(known, level, axis=0, method="nearest")

    yield "values", np.where(none, np.nan, quantile(0.5))
    yield "sign", np.where(none, np.nan, most - 1.0)
    yield "certainty", np.where(none, np.nan, np.take_along_axis(shares, most[None], axis=0)[0])
    yield "rank", ranks
    yield "lower", np.where(none, np.nan, quantile(0.5 - 0.5 * coverage))
    yield "upper", np.where(none, np.nan, quantile(0.5 + 0.5 * coverage))
