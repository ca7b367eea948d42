"""Control by enzymes and by held variables: theorems in every draw, and the exact tables with the true elasticities."""

import numpy as np
import pandas as pd
import pytest

from skperturb._validation import ensure_networks
from skperturb.datasets import load_textbook_models
from skperturb.exceptions import UnsupportedModelError
from skperturb.networks import InfluenceNetwork, ResponseMatrix, response_matrix
from skperturb.networks._structural.clamp import driven_responses
from skperturb.networks._structural.ensemble import flux_responses
from skperturb.networks._structural.estimator import StructuralSensitivity
from skperturb.networks._structural.one_way import OneWayReactions
from skperturb.sbml import JacobianExtractor, KineticModel, control_coefficients, elasticities

pytestmark = pytest.mark.filterwarnings("ignore::skperturb.exceptions.ModelWarning")


@pytest.fixture(scope="module")
def models():
    return [KineticModel.from_sbml(source) for source in load_textbook_models().data]


@pytest.fixture(scope="module")
def networks(models):
    found = JacobianExtractor(on_error="skip").fit_transform(models)
    return [network for network in found if network.n_nodes > 2 and len(network.structure.reactions)]


def draws_of(network, n_draws=12):
    model = StructuralSensitivity(n_draws)
    rng = np.random.default_rng(0)
    ensemble, names, reactions = model._ensemble_of(ensure_networks([network])[0], network, rng)
    return ensemble, names, reactions, list(ensemble.draw_control(n_draws, rng))


def test_blocks_hold_as_many_draws_as_were_asked_for(networks, monkeypatch):
    drawn, *_ = draws_of(networks[0], n_draws=1)
    held = 20 * max(drawn.reactions.stoichiometry.shape) ** 2  # numbers of twenty draws
    monkeypatch.setattr("skperturb.networks._structural.ensemble._BLOCK", held)
    assert [len(moved) for moved, _ in draws_of(networks[0], n_draws=47)[-1]] == [20, 20, 7]


def test_summation_theorems_hold_in_every_draw(networks):
    n_rows = n_fluxes = 0
    for network in networks:
        _, _, _, blocks = draws_of(network)
        for moved, fluxes in blocks:
            rows = np.isfinite(moved).all(axis=2)
            size = 1.0 + np.abs(np.where(np.isfinite(moved), moved, 0.0)).sum(axis=2)
            total = np.where(np.isfinite(moved), moved, 0.0).sum(axis=2)
            # Draws that are nearly singular lose what their condition takes; the sum is compared with its terms.
            assert (np.abs(total)[rows] <= 1e-5 * size[rows]).all()
            n_rows += int(rows.sum())
            known = np.isfinite(fluxes).all(axis=2)
            size = 1.0 + np.abs(np.where(np.isfinite(fluxes), fluxes, 0.0)).sum(axis=2)
            total = np.where(np.isfinite(fluxes), fluxes, 0.0).sum(axis=2)
            assert (np.abs(total - 1.0)[known] <= 1e-5 * size[known]).all()
            n_fluxes += int(known.sum())
    assert n_rows > 500
    assert n_fluxes > 500


def true_step_reactions(model, steady):
    """The reactions as they are, each one step with its net rate, and the exact changes of their rates."""
    stoichiometry = model.structure.stoichiometry.loc[list(model.variables)].to_numpy(dtype=float)
    n_nodes, n_reactions = stoichiometry.shape
    each = np.arange(n_reactions)
    none = np.zeros((n_reactions, n_nodes))
    reactions = OneWayReactions(stoichiometry, none, none, each, np.ones(n_reactions, dtype=int), -np.ones(n_reactions))
    slopes = elasticities(model, steady, scaled=False).to_numpy() * steady.state.to_numpy()
    return reactions, slopes


def test_true_elasticities_give_the_control_coefficients(models, networks):
    compared = 0
    by_id = {network.model_id: network for network in networks}
    for model in models:
        network = by_id.get(model.model_id)
        if network is None or np.any(model.is_rate_rule):
            continue
        try:
            exact = [control_coefficients(model, network.steady_state, kind=kind) for kind in ("concentration", "flux")]
        except (ValueError, UnsupportedModelError):
            continue
        x = network.steady_state.state.to_numpy()
        if not (x > 1e-6 * x.max()).all():
            continue
        reactions, slopes = true_step_reactions(model, network.steady_state)
        symbols = model.evaluate([network.steady_state.time], [x]).iloc[0]
        fluxes = symbols[list(model.reaction_ids)].to_numpy(dtype=float)
        rates = (reactions.stoichiometry @ slopes)[None]
        drive = (reactions.stoichiometry * fluxes)[None]
        laws = network.conservation_laws.to_numpy()
        found = driven_responses(rates, drive, laws, x[None], np.random.default_rng(0))
        expected = exact[0].to_numpy()
        np.testing.assert_allclose(found[0], expected, rtol=1e-6, atol=1e-7 * max(1.0, np.abs(expected).max()))
        steps, nodes = np.nonzero(slopes)
        entries = (steps, nodes, slopes[steps, nodes][None])
        flux = flux_responses(reactions, fluxes[None], entries, found, np.eye(len(fluxes)))[0]
        expected = exact[1].to_numpy()
        # Where forward and backward rate nearly cancel, what one per cent of the net flux is depends on last digits.
        flows = np.abs(fluxes) > 1e-3 * np.abs(slopes).max(axis=1)
        known = np.isfinite(expected) & np.isfinite(flux) & flows & flows[:, None]
        largest = max(1.0, np.abs(expected[known]).max(initial=0.0))
        np.testing.assert_allclose(flux[known], expected[known], rtol=1e-5, atol=1e-6 * largest)
        compared += known.any()
    assert compared >= 8


def test_a_chain_with_known_orders_has_one_answer():
    # in -> A -> B -> out, first order: each enzyme lowers its own substrate by one per cent, the inflow raises both.
    names, reactions = ["A", "B"], ["inflow", "step", "out"]
    from skperturb.sbml import antimony_to_sbml

    pytest.importorskip("antimony")
    text = "A=1; B=1; inflow: -> A; k0; step: A -> B; k1*A; out: B -> ; k2*B; k0=1; k1=2; k2=3"
    model = KineticModel.from_sbml(antimony_to_sbml(text))
    expected = pd.DataFrame([[1.0, -1.0, 0.0], [1.0, 0.0, -1.0]], names, reactions)
    network = JacobianExtractor().fit_transform([model])[0]
    for found in (response_matrix(model), response_matrix(network, n_draws=10)):
        assert isinstance(found, ResponseMatrix)
        np.testing.assert_allclose(found.values.loc[names, reactions], expected, atol=1e-6)
        np.testing.assert_array_equal(found.sign.loc[names, reactions], np.sign(expected))
        assert (found.certainty == 1.0).all(axis=None)
        np.testing.assert_allclose(found.lower, found.upper, atol=1e-6)
    for found in (response_matrix(model, kind="flux"), response_matrix(network, kind="flux", n_draws=10)):
        np.testing.assert_allclose(found.values[reactions], [[1.0, 0, 0]] * 3, atol=1e-6)
    held = response_matrix(network, "variables", kind="flux", n_draws=10).values
    np.testing.assert_allclose(held.loc[reactions, names], [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]], atol=1e-6)
    exact = response_matrix(model, "variables", kind="flux").values
    np.testing.assert_allclose(exact.loc[reactions, names], held.loc[reactions, names], atol=1e-6)
    assert list(response_matrix(model, "parameters").values.columns)[-3:] == ["k0", "k1", "k2"]
    table = response_matrix(model).to_frame()
    assert list(table.columns[:3]) == ["variable", "reaction changed", "values"]
    assert table["rank"].is_monotonic_decreasing


def test_ensemble_tells_signs_of_exact_control(models, networks):
    """Where the draws agree, the exact control coefficients have that sign."""
    by_id = {model.model_id: model for model in models}
    right = total = 0
    for network in networks:
        try:
            exact = by_id[network.model_id].response_matrix()
        except ValueError:
            continue
        found = response_matrix(network, n_draws=60)
        sure = (found.certainty >= 0.95) & (found.sign != 0) & (exact.abs() > 1e-9)
        right += int((sure & (np.sign(exact) == found.sign)).to_numpy().sum())
        total += int(sure.to_numpy().sum())
    assert total > 100
    assert right > 0.9 * total


def test_order_of_nodes_and_reactions_does_not_matter(networks):
    network = networks[0]
    names = list(network.names)[::-1]
    other = InfluenceNetwork(
        network.jacobian.loc[names, names],
        structure=network.structure,
        conservation_laws=network.conservation_laws,
        model_id=network.model_id,
    )
    first, second = response_matrix(network, n_draws=10), response_matrix(other, n_draws=10)
    pd.testing.assert_frame_equal(first.values, second.values.loc[list(network.names)], rtol=1e-6)


@pytest.mark.parametrize(
    ("value", "options", "error", "message"),
    [
        (np.eye(3), {}, TypeError, r"ndarray of shape \(3, 3\); expected a KineticModel, or an InfluenceNetwork"),
        (InfluenceNetwork(np.eye(2)), {}, ValueError, "has no structure"),
        (InfluenceNetwork(np.eye(2)), {"to": "parameters"}, ValueError, "needs a KineticModel"),
        (InfluenceNetwork(np.eye(2)), {"to": "all"}, ValueError, "'to' parameter"),
    ],
)
def test_bad_input_is_refused(value, options, error, message):
    with pytest.raises(error, match=message):
        response_matrix(value, **options)
