"""Prediction from what the structure of a network allows, without any kinetic constant."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import scipy.linalg as sla
from sklearn.utils import check_random_state

from skperturb._sklearn import StrOptions, count
from skperturb._validation import NetworkRecord, as_sequence, describe, ensure_networks, is_network
from skperturb.base import BaseEstimator
from skperturb.exceptions import ModelWarning
from skperturb.networks._known import known_of, known_values
from skperturb.networks._predictor import NetworkPredictorMixin, as_object_array
from skperturb.networks._sources import resolve_sources
from skperturb.networks._structural.ensemble import StructuralEnsemble
from skperturb.networks._structural.found import Found, Prior, RankedResponses
from skperturb.networks._structural.one_way import OneWayReactions, one_way_reactions
from skperturb.networks._structural.vanished import vanished_nodes
from skperturb.networks._structural.zeros import structural_zeros

__all__ = ["StructuralSensitivity"]

# Singular values of the stoichiometry, relative to the largest, that count as 0 (see `_enhancer.reactions`).
_ZERO_SINGULAR_VALUE = 1e-9
# Largest nominal coverage whose intervals were measured.
_MOST_COVERAGE = 0.95
# Concentrations, in shares of the largest, of what has vanished.
_VANISHED = 1e-9
# Share of what flows through a variable that measured fluxes may leave over, as measurements do, and flux, in shares of
# the largest, whose balance does not matter.
_IMBALANCE, _NO_FLUX = 0.1, 1e-6


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
        Known net fluxes at rest of the reactions, by number or by ``model_id`` as for `state`; they need a network with
        structure. Fluxes that leave a variable out of balance by a tenth of what flows are warned of. None draws them.
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

    Elasticities are not uniform in their ranges: rates respond to substrates with nearly the whole order, to products
    and modifiers with little of it, as in models. The expected rank is the mean over the draws, with the closeness
    1 / (1 + shortest path) beside it where neither state nor fluxes are known. A reaction that carries nothing in any
    balance lacks a factor of its rate; where the sign pattern tells which, that variable is zero at rest, and relative
    responses to it rank lower.

    A network without `structure` (a matrix, a graph, an edge list) has nothing but its signs: all influences are drawn,
    each variable decays where the pattern has no entry on the diagonal, and there are no conserved totals. The answer
    is then little more than a signed propagation with a probability.

    The order of the nodes has no influence on the draws. Where a network has a structure, they follow its names;
    where it has none, they follow the pattern around each node, and nodes in symmetric places share their draws.

    References
    ----------
    .. [1] R. Steuer, T. Gross, J. Selbig and B. Blasius, "Structural kinetic modeling of metabolic networks",
       PNAS 103:11868-11873, 2006. doi:10.1073/pnas.0600013103.
    .. [2] L. M. Tran, M. L. Rizk and J. C. Liao, "Ensemble modeling of metabolic networks", Biophys. J. 95:5606-5617,
       2008. doi:10.1529/biophysj.108.135442.
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
        "n_draws": [count()],
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
            One matrix per network, row i responding to source column j: the expected rank of the size of the response
            among all pairs, in (0, 1], 1 the strongest, with the sign of `predict_sign`. 0 where the structure forbids
            a response.
        """
        return as_object_array([self._responses(found, None).signed for found in self._found(X)])

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
            55 % of the draws agree, or reactions have to stop at rest, the sign is that of signed propagation, which is
            right more often there.
        """
        pairs = [[self._label(found, table) for table in found.signs] for found in self._found(X)]
        return tuple(as_object_array([pair[k] for pair in pairs]) for k in range(2))

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
        The draws alone are too sure of themselves: 90 % of them hold 71 % of the true ranks, since real rate laws
        differ from all that is drawn. The quantiles are therefore moved apart by a margin that was measured on
        networks with structure and nothing else known, for each `kind`, and apart for networks in which reactions have
        to stop at rest, whose intervals are wide.
        """
        _check_coverage(coverage)
        pairs = [[self._label(found, table) for table in found.interval(float(coverage))] for found in self._found(X)]
        return tuple(as_object_array([pair[k] for pair in pairs]) for k in range(2))

    def predict_responses(self, X, coverage: float = 0.9):
        """Predict ranks, signs, their certainty and intervals, from the same draws.

        Parameters
        ----------
        X : sequence of n_networks networks
            As for `predict`.
        coverage : float, default=0.9
            As for `predict_interval`.

        Returns
        -------
        ndarray of shape (n_networks,), dtype object
            One `RankedResponses` per network: what `predict`, `predict_sign` and `predict_interval` return, in a third
            of the time.

        Raises
        ------
        ValueError
            If `coverage` is not between 0 and 0.95.
        """
        _check_coverage(coverage)
        return as_object_array([self._responses(found, float(coverage)) for found in self._found(X)])

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
    def _responses(self, found: Found, coverage: float | None) -> RankedResponses:
        sign, certainty = found.signs
        lower, upper = found.interval(coverage) if coverage is not None else (found.expected, found.expected)
        names = found.record.names
        return RankedResponses(
            rank=self._label(found, found.expected),
            sign=self._label(found, sign),
            certainty=self._label(found, certainty),
            lower=self._label(found, lower),
            upper=self._label(found, upper),
            coverage=coverage or 0.0,
            sources=list(found.sources if names is None else names[found.sources]),
        )

    def _label(self, found: Found, values: np.ndarray) -> Any:
        columns = None if self.sources is None else found.sources
        return found.record.label(values[:, found.sources], columns)

    def _found(self, X: Any) -> Iterator[Found]:
        """Check the input, and draw one network after the other, so that no more than one holds its draws."""
        self._validate_params()
        items = as_sequence(X)
        records = ensure_networks(X)
        sources = [np.arange(record.n_nodes) for record in records]
        if self.sources is not None:
            sources = resolve_sources(self.sources, records)
        return (
            self._draw(record, item if is_network(item) else None, chosen, i)
            for i, (record, item, chosen) in enumerate(zip(records, items, sources, strict=True))
        )

    def _draw(self, record: NetworkRecord, network: Any, sources: np.ndarray, position: int) -> Found:
        n_nodes = record.n_nodes
        if not n_nodes:
            prior = Prior.of(self.kind, np.zeros(0, dtype=bool), False, known=False)
            return Found(record, np.zeros((1, 0, 0)), np.zeros((0, 0), dtype=bool), sources, prior)
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
        prior = self._prior(ensemble, back)
        return Found(record, draws[:, back[:, None], back], zeros[np.ix_(back, back)], sources, prior)

    def _prior(self, ensemble: StructuralEnsemble, back: np.ndarray) -> Prior:
        """Return what the structure, and the state where it is known, say of what has vanished."""
        vanished, stops = np.zeros(len(back), dtype=bool), False
        if ensemble.reactions is not None:
            vanished, stops = vanished_nodes(ensemble.reactions, ensemble.signs)
        if ensemble.concentrations is not None:
            size = np.abs(ensemble.concentrations)
            vanished = size <= _VANISHED * size.max(initial=0.0)
        known = ensemble.concentrations is not None or ensemble.fluxes is not None
        return Prior.of(self.kind, vanished[back], stops, known=known)

    def _in_units(self, responses: np.ndarray, amounts: np.ndarray) -> np.ndarray:
        if self.kind == "relative":
            return responses
        return responses * (amounts[:, :, None] / amounts[:, None, :])

    def _ensemble(
        self, record: NetworkRecord, network: Any, order: np.ndarray, position: int, rng: np.random.Generator
    ) -> tuple[StructuralEnsemble, np.ndarray]:
        matrix = record.matrix if isinstance(record.matrix, np.ndarray) else record.matrix.toarray()
        signs = np.sign(matrix)[np.ix_(order, order)]
        structure = _structure_of(network, position)
        state = self._concentrations(record, network, order, position)
        if structure is None:
            if self.fluxes is not None:
                raise ValueError(
                    f"fluxes are those of reactions, but X[{position}] has no structure; make it with "
                    "JacobianExtractor, or use fluxes=None."
                )
            ensemble = StructuralEnsemble(signs, None, np.zeros((0, len(order))), state)
            return ensemble, _unreached(signs)
        assert record.names is not None, "a network with a structure has names"
        names = [record.names[k] for k in order]
        structure = _sorted_reactions(structure)
        reactions = one_way_reactions(structure, names, signs)
        laws = _laws(network, names, reactions)
        fluxes = self._fluxes(network, structure, names, position)
        ensemble = StructuralEnsemble(
            signs,
            reactions,
            laws,
            state,
            fluxes,
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

    def _fluxes(self, network: Any, structure: Any, names: list[Any], position: int) -> np.ndarray | None:
        known = known_of("fluxes", self.fluxes, network, network.model_id, position)
        if known is None:
            return None
        fluxes = known_values(known, structure.reactions, f"the fluxes of X[{position}]")
        stoichiometry = structure.stoichiometry.reindex(names).fillna(0.0).to_numpy(dtype=float)
        left, through = stoichiometry @ fluxes, np.abs(stoichiometry) @ np.abs(fluxes)
        worst = int(np.argmax(np.abs(left) - _IMBALANCE * through)) if len(left) else 0
        if len(left) and abs(left[worst]) > max(_IMBALANCE * through[worst], _NO_FLUX * through.max()):
            warnings.warn(
                f"the fluxes of X[{position}] do not balance: {names[worst]!r} changes by {left[worst]:.3g} where "
                f"{through[worst]:.3g} flows; the responses are those at rest.",
                ModelWarning,
                stacklevel=2,
            )
        return fluxes

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


def _structure_of(network: Any, position: int) -> Any:
    structure = getattr(network, "structure", None)
    if structure is not None and not hasattr(structure, "stoichiometry"):
        raise TypeError(
            f"the structure of X[{position}] is a {describe(structure)}; expected a NetworkStructure, as "
            "KineticModel.structure is."
        )
    return structure


def _check_coverage(coverage: Any) -> None:
    if not isinstance(coverage, Real) or not 0.0 < float(coverage) <= _MOST_COVERAGE:
        raise ValueError(f"coverage={coverage!r} is not a number above 0 and up to {_MOST_COVERAGE}.")


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
