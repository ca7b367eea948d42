"""Prediction from what the structure of a network allows, without any kinetic constant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import scipy.linalg as sla
from sklearn.utils import check_random_state

from skperturb._sklearn import Interval, StrOptions
from skperturb._validation import NetworkRecord, as_sequence, ensure_networks, is_network
from skperturb.base import BaseEstimator
from skperturb.metrics import rank_data
from skperturb.networks._known import known_of, known_values
from skperturb.networks._predictor import NetworkPredictorMixin, as_object_array
from skperturb.networks._propagation import propagation
from skperturb.networks._sources import resolve_sources
from skperturb.networks._structural.ensemble import StructuralEnsemble
from skperturb.networks._structural.one_way import OneWayReactions, one_way_reactions
from skperturb.networks._structural.zeros import structural_zeros

__all__ = ["StructuralSensitivity"]

# Decades beyond which a response counts as none or as infinite when sizes are compared.
_MOST_DECADES = 30.0
# Singular values of the stoichiometry, relative to the largest, that count as 0 (see `_enhancer.reactions`).
_ZERO_SINGULAR_VALUE = 1e-9
# Share of the draws below which a sign is taken from signed propagation: below it the draws are right in four of five
# cases, above in nine of ten. Signs of 106 BioModels networks: .79 by the draws, .79 by propagation, .81 by both.
_SURE = 0.8
# The propagation's share that is passed on, the default of `DynamoPropagation`.
_ALPHA = 0.9
# Widening of an interval by its nominal coverage, in ranks from 0 to 1. Measured on one half of the publications of 111
# BioModels networks; on the other half, nominal .5, .8 and .9 cover .48, .77 and .89. Without, .38, .62 and .71.
_MARGINS = ((0.0, 0.0), (0.5, 0.035), (0.8, 0.085), (0.9, 0.15), (0.95, 0.2))


class StructuralSensitivity(NetworkPredictorMixin, BaseEstimator):
    r"""Predict sensitivities from the structure of a reaction network, by an ensemble of all kinetics that it allows.

    Structural kinetic modeling [1]_ [2]_: at rest, gross fluxes :math:`v > 0` satisfy :math:`N v = 0`, and each rate
    has elasticities :math:`\theta_{kj} = \partial \ln v_k / \partial \ln x_j` whose ranges follow from the roles of
    the variables and the form of the rate law. With these drawn at random,

    .. math:: A_{ij} = \sum_k N_{ik} v_k \theta_{kj}, \qquad R_{ij} = X_{ij} / X_{jj}, \quad X = A^{-1},

    is the change of i in per cent per per cent by which j is held shifted, conserved totals kept except those that
    contain j. No kinetic constant enters, and nothing is learned.

    Parameters
    ----------
    n_draws : int, default=200
        Number of draws. The ranks are nearly settled after 60.
    kind : {"relative", "steady_state"}, default="relative"
        What is predicted: :math:`R_{ij}`, or :math:`S_{ij} = R_{ij} x_i / x_j` in the units of the variables.
    state : {"network"}, Series or mapping, default=None
        Known concentrations, which weigh the members of conserved totals, and turn relative responses into those of
        kind "steady_state": "network" takes the `state` of each network; a Series or a mapping from names to numbers
        holds for every network; a mapping of those holds one for each ``model_id``. None draws them.
    fluxes : Series or mapping, default=None
        Known net fluxes at rest of the reactions, in the same forms as `state`. None draws them.
    only_stable : bool, default=False
        Leave out draws in which the network would not return to its steady state. If none is left, all count.
    sources : sequence of names or positions, or sequence of such sequences, default=None
        The sources to predict, one column each; None means every node. See `DynamoDistance`.
    random_state : int, RandomState instance or None, default=0
        Decides the draws.

    See Also
    --------
    DynamoDistance, DynamoPropagation : Topology alone.
    skperturb.sbml.sensitivity_matrix : The exact sensitivities, where all constants are known.

    Notes
    -----
    The elasticity of a variable is the order itself where the rate law gives a literal one; else it lies between 0
    and 1 for substrates and activators and between −1 and 0 for products and inhibitors (a modifier takes the sign of
    its entry in the sign pattern of the network). A reversible reaction is two one-way steps. Fluxes are log-normal,
    brought to balance by the least change in the sense of relative entropy; a network in which all reactions are
    reversible and no matter enters or leaves is drawn in detailed balance. Variables that no reaction changes (rate
    rules) have influences of random size with the signs of the pattern.

    A network without `structure` (a matrix, a graph, an edge list) has nothing but its signs: all influences are drawn,
    each variable decays where the pattern has no entry on the diagonal, and there are no conserved totals. The answer
    is then little more than a signed propagation with a probability.

    The order of the nodes has no influence on the draws. Where a network has a structure, they follow its names;
    where it has none, they follow the pattern around each node, and nodes in symmetric places share their draws.

    References
    ----------
    .. [1] R. Steuer, T. Gross, J. Selbig and B. Blasius, "Structural kinetic modeling of metabolic networks",
       PNAS 103:11868-11873, 2006.
    .. [2] L. M. Tran, M. L. Rizk and J. C. Liao, "Ensemble modeling of metabolic networks", Biophys. J. 95:5606-5617,
       2008.
    .. [3] A. Mochizuki and B. Fiedler, "Sensitivity of chemical reaction networks: a structural approach", J. Theor.
       Biol. 367:189-202, 2015: responses that vanish for all kinetics.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.networks import StructuralSensitivity
    >>> names = ["mRNA", "protein", "product"]
    >>> cascade = pd.DataFrame([[-1, 0, 0], [2, -1, 0], [0, -3, -1]], index=names, columns=names)
    >>> signs, probability = StructuralSensitivity().predict_sign([cascade])
    >>> signs[0]
             mRNA  protein  product
    mRNA        1        0        0
    protein     1        1        0
    product    -1       -1        1
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_draws": [Interval(Integral, 1, None, closed="left")],
        "kind": [StrOptions({"relative", "steady_state"})],
        "state": [StrOptions({"network"}), Mapping, pd.Series, None],
        "fluxes": [Mapping, pd.Series, None],
        "only_stable": ["boolean"],
        "sources": ["array-like", None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_draws: int = 200,
        *,
        kind: str = "relative",
        state: Any = None,
        fluxes: Any = None,
        only_stable: bool = False,
        sources: Sequence[Any] | None = None,
        random_state: Any = 0,
    ) -> None:
        self.n_draws = n_draws
        self.kind = kind
        self.state = state
        self.fluxes = fluxes
        self.only_stable = only_stable
        self.sources = sources
        self.random_state = random_state

    def predict(self, X):
        """Predict the order of the responses, with their signs.

        Parameters
        ----------
        X : sequence of n_networks networks
            `InfluenceNetwork` objects, with their `structure` where there is one, or whatever other network
            estimators take.

        Returns
        -------
        ndarray of shape (n_networks,), dtype object
            One matrix per network, row i responding to source column j: the mean over the draws of the rank of the
            size of the response among all pairs, in (0, 1], with the sign of most draws. 0 where no draw shows a
            response, or where the structure forbids one.
        """
        return as_object_array([self._label(found, found.expected()) for found in self._found(X)])

    def predict_sign(self, X):
        """Predict the sign of each response and how certain it is.

        Parameters
        ----------
        X : sequence of n_networks networks
            As for `predict`.

        Returns
        -------
        signs, probabilities : ndarray of shape (n_networks,), dtype object
            One matrix each per network: −1, 0 or 1, and the share of the draws that have this sign. Where less than
            80 % of the draws agree, the sign is that of signed propagation, which is right more often there.
        """
        found = self._found(X)
        pairs = [item.signs() for item in found]
        return tuple(
            as_object_array([self._label(item, pair[k]) for item, pair in zip(found, pairs, strict=True)])
            for k in range(2)
        )

    def predict_interval(self, X, coverage: float = 0.9):
        """Predict an interval of the rank of each response.

        Parameters
        ----------
        X : sequence of n_networks networks
            As for `predict`.
        coverage : float, default=0.9
            Share of the true ranks that lie inside, between 0 and 0.95.

        Returns
        -------
        lower, upper : ndarray of shape (n_networks,), dtype object
            One matrix each per network, in the unit of `predict`: ranks among all pairs, from 0 to 1.

        Raises
        ------
        ValueError
            If `coverage` is not between 0 and 0.95.

        Notes
        -----
        The draws alone are too sure of themselves: 90 % of them hold 72 % of the true ranks, since real rate laws
        differ from all that is drawn. The quantiles are therefore moved apart by a margin that was measured on
        networks with structure, kind "relative" and nothing else known.
        """
        if not isinstance(coverage, Real) or not 0.0 < coverage <= _MARGINS[-1][0]:
            raise ValueError(f"coverage={coverage!r} is not a number above 0 and up to {_MARGINS[-1][0]}.")
        found = self._found(X)
        pairs = [item.interval(float(coverage)) for item in found]
        return tuple(
            as_object_array([self._label(item, pair[k]) for item, pair in zip(found, pairs, strict=True)])
            for k in range(2)
        )

    def predict_draws(self, X):
        """Return the responses of every draw.

        Parameters
        ----------
        X : sequence of n_networks networks
            As for `predict`.

        Returns
        -------
        ndarray of shape (n_networks,), dtype object
            One array of shape (n_draws, n_nodes, n_sources) per network, in the order of its nodes; fewer draws with
            `only_stable`. ±inf where a product accumulates for ever.
        """
        return as_object_array([found.draws[:, :, found.sources] for found in self._found(X)])

    # -- inner workings -------------------------------------------------------------------------------
    def _label(self, found: _Found, values: np.ndarray) -> Any:
        columns = None if self.sources is None else found.sources
        return found.record.label(values[:, found.sources], columns)

    def _found(self, X: Any) -> list[_Found]:
        self._validate_params()
        items = as_sequence(X)
        records = ensure_networks(X)
        sources = [np.arange(record.n_nodes) for record in records]
        if self.sources is not None:
            sources = resolve_sources(self.sources, records)
        return [
            self._draw(record, item if is_network(item) else None, chosen, i)
            for i, (record, item, chosen) in enumerate(zip(records, items, sources, strict=True))
        ]

    def _draw(self, record: NetworkRecord, network: Any, sources: np.ndarray, position: int) -> _Found:
        n_nodes = record.n_nodes
        if not n_nodes:
            return _Found(record, np.zeros((1, 0, 0)), np.zeros((0, 0), dtype=bool), sources)
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        rng = np.random.default_rng(seed)
        order = _order_of(record)
        ensemble, zeros = self._ensemble(record, network, order, position, rng)
        blocks = list(ensemble.draw(self.n_draws, rng, only_stable=self.only_stable))
        if not blocks:
            blocks = list(ensemble.draw(self.n_draws, rng))
        back = np.argsort(order)
        draws = np.concatenate([self._in_units(responses, amounts) for responses, amounts in blocks])
        draws[:, zeros] = 0.0
        return _Found(record, draws[:, back[:, None], back], zeros[np.ix_(back, back)], sources)

    def _in_units(self, responses: np.ndarray, amounts: np.ndarray) -> np.ndarray:
        if self.kind == "relative":
            return responses
        return responses * (amounts[:, :, None] / amounts[:, None, :])

    def _ensemble(
        self, record: NetworkRecord, network: Any, order: np.ndarray, position: int, rng: np.random.Generator
    ) -> tuple[StructuralEnsemble, np.ndarray]:
        matrix = record.matrix if isinstance(record.matrix, np.ndarray) else record.matrix.toarray()
        signs = np.sign(matrix)[np.ix_(order, order)]
        structure = getattr(network, "structure", None)
        state = self._concentrations(record, network, order, position)
        if structure is None:
            ensemble = StructuralEnsemble(signs, None, np.zeros((0, len(order))), state)
            return ensemble, _unreached(signs)
        assert record.names is not None, "a network with a structure has names"
        names = [record.names[k] for k in order]
        structure = _sorted_reactions(structure)
        reactions = one_way_reactions(structure, names, signs)
        laws = _laws(network, names, reactions)
        fluxes = known_of("fluxes", self.fluxes, network, network.model_id, position)
        ensemble = StructuralEnsemble(
            signs,
            reactions,
            laws,
            state,
            None if fluxes is None else known_values(fluxes, structure.reactions, f"the fluxes of X[{position}]"),
        )
        stoichiometry = structure.stoichiometry.reindex(names).fillna(0.0).to_numpy(dtype=float)
        dependence = structure.rate_dependence.reindex(columns=names).eq(True).to_numpy(dtype=bool)
        other = (signs != 0.0) & ensemble.by_signs_only[:, None]
        # What the pattern does not connect does not respond, whatever the structure would allow at other states.
        return ensemble, structural_zeros(stoichiometry, dependence, other, rng) | _unreached(signs)

    def _ensemble_of(
        self, record: NetworkRecord, network: Any, rng: np.random.Generator
    ) -> tuple[StructuralEnsemble, np.ndarray, list[str]]:
        """Return the ensemble of one network, the positions of its nodes and the names of its reactions in its order.

        Parameters
        ----------
        record : NetworkRecord
        network : InfluenceNetwork
        rng : Generator

        Returns
        -------
        ensemble : StructuralEnsemble
        order : ndarray of int
        reactions : list of str
        """
        order = _order_of(record)
        ensemble, _ = self._ensemble(record, network, order, 0, rng)
        structure = getattr(network, "structure", None)
        return ensemble, order, [] if structure is None else list(_sorted_reactions(structure).reactions)

    def _concentrations(
        self, record: NetworkRecord, network: Any, order: np.ndarray, position: int
    ) -> np.ndarray | None:
        if self.state is None:
            return None
        known = known_of("state", self.state, network, getattr(network, "model_id", None), position)
        if record.names is None:
            raise ValueError(
                f"state holds values by name, but X[{position}] has no names; pass a DataFrame or a network."
            )
        return known_values(known, [record.names[k] for k in order], f"the state of X[{position}]")


class _Found:
    """The draws of one network and what they say."""

    def __init__(self, record: NetworkRecord, draws: np.ndarray, zeros: np.ndarray, sources: np.ndarray) -> None:
        self.record, self.draws, self.zeros, self.sources = record, draws, zeros, sources

    def ranks(self) -> np.ndarray:
        """Return the rank of the size of each response among all pairs of its draw, in (0, 1]."""
        if not self.draws.size:
            return np.zeros(self.draws.shape)
        with np.errstate(divide="ignore"):
            decades = np.clip(np.log10(np.abs(self.draws)), -_MOST_DECADES, _MOST_DECADES)
        return np.stack([rank_data(draw, axis=None) for draw in decades]) / decades[0].size

    def expected(self) -> np.ndarray:
        """Return the mean rank, with the sign of most draws."""
        signs = np.sign(np.sign(self.draws).sum(axis=0))
        none = self.zeros | ~(self.draws != 0.0).any(axis=0)
        return np.where(none, 0.0, np.where(signs == 0.0, 1.0, signs) * self.ranks().mean(axis=0))

    def interval(self, coverage: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the widened quantiles of the ranks."""
        if not self.draws.size:
            return np.zeros(self.zeros.shape), np.zeros(self.zeros.shape)
        levels, widths = np.array(_MARGINS).T
        margin = float(np.interp(coverage, levels, widths))
        low, high = np.quantile(self.ranks(), [0.5 - 0.5 * coverage, 0.5 + 0.5 * coverage], axis=0)
        return np.clip(low - margin, 0.0, 1.0), np.clip(high + margin, 0.0, 1.0)

    def signs(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the sign of most draws, or of propagation where they disagree, and the share of draws that have it."""
        shares = np.stack([(np.sign(self.draws) == sign).mean(axis=0) for sign in (-1, 0, 1)])
        # Of equal shares the positive one: most responses of real networks are positive.
        most = 2 - np.argmax(shares[::-1], axis=0)
        doubtful = (shares.max(axis=0) < _SURE) & (self.propagated != 0.0)
        most = np.where(doubtful, self.propagated.astype(int) + 1, most)
        return (most - 1).astype(np.int8), np.take_along_axis(shares, most[None], axis=0)[0]

    @cached_property
    def propagated(self) -> np.ndarray:
        """Return the sign that signed propagation gives each response."""
        matrix = self.record.matrix if isinstance(self.record.matrix, np.ndarray) else self.record.matrix.toarray()
        return np.sign(propagation(np.sign(matrix), _ALPHA))


def _order_of(record: NetworkRecord) -> np.ndarray:
    """Return the positions of the nodes in the order of their names, so that shuffled nodes get the same draws."""
    if record.names is None:
        return np.arange(record.n_nodes)
    return np.argsort(record.names.astype(str), kind="stable")


def _sorted_reactions(structure: Any) -> Any:
    """Return the structure with its reactions in the order of their ids, which no reordered file changes."""
    order = np.argsort(np.array(structure.reactions, dtype=str), kind="stable")
    names = [structure.reactions[k] for k in order]
    values = {
        "reactions": tuple(names),
        "stoichiometry": structure.stoichiometry.iloc[:, order],
        "modifiers": structure.modifiers.iloc[:, order],
        "reversible": structure.reversible.iloc[order],
        "rate_dependence": structure.rate_dependence.iloc[order],
        "orders": structure.orders.iloc[order],
        "rate_form": structure.rate_form.iloc[order],
    }
    return type(structure)(
        species=structure.species, boundary=structure.boundary, compartment=structure.compartment, **values
    )


def _unreached(signs: np.ndarray) -> np.ndarray:
    """Tell which nodes no path leads to (rows) from which source (columns)."""
    reach = np.eye(len(signs), dtype=bool) | (signs != 0.0)
    for _ in range(len(signs).bit_length()):
        reach = (reach.astype(np.float32) @ reach.astype(np.float32)) > 0.0
    return ~reach


def _laws(network: Any, names: list[Any], reactions: OneWayReactions) -> np.ndarray:
    """Return the conserved totals, in the units of the variables where the network knows them."""
    if network.conservation_laws is not None:
        return network.conservation_laws[names].to_numpy(dtype=float)
    rows = np.flatnonzero((reactions.stoichiometry != 0.0).any(axis=1))
    laws = sla.null_space(reactions.stoichiometry[rows].T, rcond=_ZERO_SINGULAR_VALUE).T
    result = np.zeros((len(laws), len(names)))
    result[:, rows] = laws
    return result
