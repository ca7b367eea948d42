"""Objects of other libraries in and out, persistence without code, and the machinery of scikit-learn and Optuna."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from estimator_registry import public_estimators
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import StackingRegressor, VotingRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, TunedThresholdClassifierCV, cross_validate
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.utils import estimator_html_repr

import skperturb
from skperturb import interactions, networks
from skperturb._persistence import decode, encode
from skperturb.datasets import load_textbook_models, make_gene_network, make_perturbation_screen
from skperturb.exceptions import InvalidModelError
from skperturb.interactions import DegreeProduct, ExpressionCorrelation, GNEEmbedder, L3Paths
from skperturb.metrics import spearman_scorer
from skperturb.model_selection import sample_negative_pairs
from skperturb.networks import DynamoDistance, DynamoPropagation, GCNEnhancer, InfluenceNetwork
from skperturb.responses import (
    AdditiveRegressor,
    APPRegressor,
    KernelPerturbationRegressor,
    PerturbationEncoder,
    pseudobulk,
)
from skperturb.sbml import Intervention, JacobianExtractor, KineticModel, antimony_to_sbml

JACOBIAN = pd.DataFrame([[-1.0, 0, 0.5], [2, -3, 0], [0, 1, -1]], index=list("abc"), columns=list("abc"), dtype=float)


@pytest.fixture(scope="module")
def genes():
    return make_gene_network(40, n_interactions=60, random_state=0)


@pytest.fixture(scope="module")
def labelled_pairs(genes):
    negatives = sample_negative_pairs(genes.pairs, random_state=0)
    return np.concatenate([genes.pairs, negatives]), np.repeat([1, 0], [len(genes.pairs), len(negatives)])


@pytest.fixture(scope="module")
def cells():
    return make_perturbation_screen(30, n_perturbed=8, n_doubles=15, n_cells=5, random_state=0)


@pytest.fixture(scope="module")
def screen(cells):
    bulk = pseudobulk(cells, "perturbation", "control")
    return PerturbationEncoder().set_output(transform="pandas").fit_transform(bulk.data), bulk.target


# Graphs -----------------------------------------------------------------------------------------------------------


def graph_forms():
    network = InfluenceNetwork(JACOBIAN)
    return {
        "networkx": network.to_networkx(),
        "PyG": network.to_pyg(),
        "sparse": sp.csr_array(JACOBIAN.to_numpy()),
        "sparse matrix": sp.coo_matrix(JACOBIAN.to_numpy()),
        "DataFrame": JACOBIAN,
        "InfluenceNetwork": network,
    }


@pytest.mark.parametrize("form", graph_forms())
def test_every_form_of_a_network_gives_the_same_prediction(form):
    graph = graph_forms()[form]
    expected = DynamoDistance().fit([JACOBIAN]).predict([JACOBIAN])[0]
    found = DynamoDistance().fit([graph]).predict([graph])[0]
    np.testing.assert_allclose(np.asarray(found), expected.to_numpy())
    if not form.startswith("sparse"):
        assert list(found.index) == list("abc")
        assert InfluenceNetwork(graph.jacobian if form == "InfluenceNetwork" else graph).jacobian.equals(JACOBIAN)
    with pytest.raises(ValueError, match=r"single .* Wrap it in a list"):
        DynamoDistance().fit(graph)


def test_networkx_graphs_of_all_kinds():
    networkx = pytest.importorskip("networkx")
    undirected = networkx.Graph([("a", "b")])
    undirected.add_node("c")
    expected = [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    np.testing.assert_array_equal(InfluenceNetwork(undirected).jacobian, expected)
    multiple = networkx.MultiDiGraph()
    multiple.add_edge("a", "b", weight=2.0)
    multiple.add_edge("a", "b", weight=-0.5)
    multiple.add_edge("b", "b")
    np.testing.assert_array_equal(InfluenceNetwork(multiple).jacobian, [[0, 0], [1.5, 1]])
    multiple.add_edge("b", "a", weight="strong")
    with pytest.raises(TypeError, match=r"X\[0\] has the weight 'strong' at the edge 'b' → 'a'; expected a number"):
        DynamoDistance().fit([multiple])
    with pytest.raises(ValueError, match="holds nan at position"):
        DynamoDistance().fit([networkx.DiGraph([("a", "b", {"weight": np.nan})])])


def test_pyg_graphs_that_do_not_fit_are_refused():
    data = pytest.importorskip("torch_geometric.data")
    torch = pytest.importorskip("torch")
    edges = torch.tensor([[0, 1], [1, 2]])
    unnamed = DynamoDistance().fit([data.Data(edge_index=edges, num_nodes=3)])
    assert isinstance(unnamed.predict([data.Data(edge_index=edges, num_nodes=3)])[0], np.ndarray)
    with pytest.raises(ValueError, match=r"X\[0\] has 2 names for 3 nodes"):
        DynamoDistance().fit([data.Data(edge_index=edges, num_nodes=3, names=["a", "b"])])
    with pytest.raises(ValueError, match=r"edge_attr of shape \(2, 4\) for 2 edges; expected one number for each edge"):
        DynamoDistance().fit([data.Data(edge_index=edges, num_nodes=3, edge_attr=torch.ones(2, 4))])
    with pytest.raises(ValueError, match="without edge_index"):
        DynamoDistance().fit([data.Data(x=torch.ones(3, 1))])


def gene_graph_forms(edges):
    networkx = pytest.importorskip("networkx")
    torch = pytest.importorskip("torch")
    data = pytest.importorskip("torch_geometric.data")
    pairs = edges.iloc[:, :2].to_numpy()
    names = sorted(set(pairs.ravel()))
    positions = np.array([[names.index(a), names.index(b)] for a, b in pairs]).T
    forms = {
        "networkx": networkx.Graph(list(map(tuple, pairs))),
        "multigraph": networkx.MultiGraph(list(map(tuple, pairs))),
        "PyG": data.Data(edge_index=torch.from_numpy(positions), num_nodes=len(names), names=names),
        "pairs": list(map(tuple, pairs)),
    }
    return forms | ({"polars": pytest.importorskip("polars").DataFrame({"a": pairs[:, 0], "b": pairs[:, 1]})})


@pytest.mark.parametrize("form", ["networkx", "multigraph", "PyG", "pairs", "polars"])
def test_every_form_of_a_gene_graph_gives_the_same_prediction(form, cells, screen):
    X, y = screen
    edges = cells.uns["graph"]
    graph = gene_graph_forms(edges)[form]
    for model in (
        KernelPerturbationRegressor(),
        APPRegressor(max_epochs=1, n_models=1, random_state=0, device="cpu"),
    ):
        expected = clone(model).set_params(graph=edges).fit(X, y).predict(X)
        found = clone(model).set_params(graph=graph).fit(X, y).predict(X)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_a_sparse_gene_graph_speaks_of_positions(screen):
    X, y = (frame.to_numpy() for frame in screen)
    names = screen[0].columns
    pairs = [(k, (3 * k + 1) % len(names)) for k in range(1, len(names))]
    ones = np.ones(len(pairs))
    adjacency = sp.coo_array((ones, np.array(pairs).T), shape=(len(names), len(names)))
    expected = KernelPerturbationRegressor(graph=pairs).fit(X, y).predict(X)
    for form in (adjacency, adjacency.tocsr(), sp.csc_matrix(adjacency)):
        np.testing.assert_allclose(KernelPerturbationRegressor(graph=form).fit(X, y).predict(X), expected)
    with pytest.raises(ValueError, match=r"graph is a sparse matrix of shape \(8, 3\); expected a square"):
        KernelPerturbationRegressor(graph=adjacency.tocsr()[:, :3]).fit(X, y)


def test_a_graph_in_place_of_pairs_is_refused_with_the_way_out(genes):
    networkx = pytest.importorskip("networkx")
    graph = networkx.Graph(genes.pairs.tolist())
    with pytest.raises(TypeError, match=r"X is a Graph; expected .* Pass list\(X\.edges\(\)\)"):
        DegreeProduct().fit(graph)
    expected = DegreeProduct(random_state=0).fit(genes.pairs).decision_function(genes.pairs)
    found = DegreeProduct(random_state=0).fit(list(graph.edges)).decision_function(genes.pairs)
    np.testing.assert_allclose(found, expected)
    data = pytest.importorskip("torch_geometric.data")
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"X is a PyG graph; .* Pass X\.edge_index\.T\.numpy\(\)"):
        DegreeProduct().fit(data.Data(edge_index=torch.tensor([[0, 1], [1, 2]]), num_nodes=3))


# Tables -----------------------------------------------------------------------------------------------------------


def test_polars_pairs_and_expression(genes, labelled_pairs):
    polars = pytest.importorskip("polars")
    X, y = labelled_pairs
    frame, labels = polars.DataFrame({"a": X[:, 0], "b": X[:, 1]}), polars.Series(y)
    expression = polars.DataFrame(
        {"gene": genes.expression.index.to_numpy()}
        | {str(name): genes.expression[name].to_numpy() for name in genes.expression.columns}
    )
    for model, table in ((DegreeProduct(), None), (ExpressionCorrelation(genes.expression), expression)):
        expected = model.fit(X, y).predict_proba(X)
        other = clone(model) if table is None else clone(model).set_params(expression=table)
        np.testing.assert_allclose(other.fit(frame, labels).predict_proba(frame), expected)
    integers = polars.DataFrame({"a": [0, 1, 2, 0], "b": [1, 2, 3, 2]})
    assert DegreeProduct().fit(integers).genes_.tolist() == [0, 1, 2, 3]


def test_anndata_as_expression(genes, labelled_pairs):
    anndata = pytest.importorskip("anndata")
    X, y = labelled_pairs
    samples = genes.expression.T.rename(index=str)
    expected = ExpressionCorrelation(genes.expression).fit(X, y).predict_proba(X)
    found = ExpressionCorrelation(anndata.AnnData(samples)).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(found, expected)


def test_polars_screens(screen):
    polars = pytest.importorskip("polars")
    X, y = screen
    there = [polars.DataFrame({name: table[name].to_numpy() for name in table.columns}) for table in (X, y)]
    for model in (AdditiveRegressor(), KernelPerturbationRegressor()):
        expected = model.fit(X, y).predict(X)
        fitted = clone(model).fit(*there)
        assert list(fitted.feature_names_in_) == list(X.columns)
        np.testing.assert_allclose(np.asarray(fitted.predict(there[0])), expected)
    features = pd.DataFrame(np.eye(X.shape[1]), index=X.columns).rename(columns=str)
    table = polars.DataFrame(
        {"gene": X.columns.to_numpy()} | {name: features[name].to_numpy() for name in features.columns}
    )
    for wrap in (lambda one: one, lambda one: [one], lambda one: {"genes": one}):
        expected = KernelPerturbationRegressor(gene_features=wrap(features)).fit(X, y).predict(X)
        np.testing.assert_allclose(
            KernelPerturbationRegressor(gene_features=wrap(table)).fit(X, y).predict(X), expected
        )


def test_labels_in_pandas_polars_and_anndata(cells):
    polars = pytest.importorskip("polars")
    labels = cells.obs["perturbation"].astype(str)
    expected = PerturbationEncoder().fit_transform(list(labels))
    for X in (labels, labels.to_frame(), polars.Series(labels.to_numpy()), polars.DataFrame({"l": labels.to_numpy()})):
        np.testing.assert_array_equal(PerturbationEncoder().fit_transform(X), expected)
    np.testing.assert_array_equal(PerturbationEncoder(column="perturbation").fit_transform(cells), expected)


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output(container, cells, genes, labelled_pairs):
    library = pytest.importorskip(container)
    labels = list(cells.obs["perturbation"].astype(str))
    X, y = labelled_pairs
    transformers = [
        (PerturbationEncoder(), labels, None),
        (DegreeProduct(), X, y),
        (GNEEmbedder(max_epochs=1, random_state=0, device="cpu"), X, y),
        (FeatureUnion([("degree", DegreeProduct()), ("paths", L3Paths())]), X, y),
    ]
    for transformer, data, target in transformers:
        plain = clone(transformer).fit(data, target)
        values, names = plain.transform(data), list(plain.get_feature_names_out())
        table = clone(transformer).set_output(transform=container).fit(data, target).transform(data)
        assert isinstance(table, library.DataFrame)
        assert list(table.columns) == names
        np.testing.assert_allclose(table.to_numpy(), values)


# Antimony ---------------------------------------------------------------------------------------------------------

ANTIMONY = """
model production
  species A = 1
  J0: -> A; k1
  J1: A -> ; k2*A
  k1 = 2; k2 = 4
end
"""


def test_antimony_text_and_file(tmp_path):
    pytest.importorskip("antimony")
    model = KineticModel.from_sbml(antimony_to_sbml(ANTIMONY))
    assert model.steady_state().state["A"] == pytest.approx(0.5)
    path = tmp_path / "production.ant"
    path.write_text(ANTIMONY, encoding="utf-8")
    (network,) = JacobianExtractor().fit_transform([antimony_to_sbml(path)])
    assert network.model_id == "production"
    assert network.jacobian.to_numpy().tolist() == [[-4.0]]
    with pytest.raises(InvalidModelError, match="not Antimony: Error in model string, line 2"):
        antimony_to_sbml("\nA -> B !!")
    with pytest.raises(TypeError, match="source is int 3; expected Antimony text"):
        antimony_to_sbml(3)


def test_antimony_is_optional(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "antimony", None)
    with pytest.raises(ImportError, match="needs the package antimony, which is not installed: pip install antimony"):
        antimony_to_sbml(ANTIMONY)


# Persistence ------------------------------------------------------------------------------------------------------


def fast(cls, **params):
    known = cls().get_params() if cls is not KineticModel else {}
    quick = {"max_epochs": 1, "random_state": 0, "device": "cpu", "n_models": 2}
    return cls(**{name: value for name, value in quick.items() if name in known}, **params)


def data_for(name, genes, labelled_pairs, cells, screen):
    """Return parameters that hold tables and graphs, and data."""
    rng = np.random.default_rng(0)
    if name == "JacobianExtractor":
        return {}, load_textbook_models().data[:2], None
    if name == "InterventionTransformer":
        text = next(text for text in load_textbook_models().data if 'id="lac_operon"' in text)
        return {"interventions": [Intervention(scale={"reaction_2": 0.5})], "species": ["M", "B"]}, [text], None
    if hasattr(networks, name):
        X = [np.tril(rng.normal(size=(n, n)), 1) - 3 * np.eye(n) for n in (4, 5, 6)]
        return {}, X, [np.abs(np.linalg.inv(-A)) for A in X]
    if hasattr(interactions, name):
        return {"expression": genes.expression}, *labelled_pairs
    if name == "PerturbationEncoder":
        return {}, list(cells.obs["perturbation"].astype(str)), None
    return {"graph": cells.uns["graph"]}, *screen


def outcome(model, X):
    values = model.predict(X) if hasattr(model, "predict") else model.transform(X)
    return [np.asarray(part) for part in np.asarray(values)]


PRESETS = {
    "GCNEnhancer.published": lambda **params: GCNEnhancer.published(max_epochs=1, random_state=0, **params),
    "GCNEnhancer.published, full graph": lambda **params: GCNEnhancer.published(
        graph="full", max_epochs=1, random_state=0, **params
    ),
    "GNEEmbedder.published": lambda **params: GNEEmbedder.published(max_epochs=1, random_state=0, **params),
    "APPRegressor.published": lambda **params: APPRegressor.published(max_epochs=1, random_state=0, **params),
}


@pytest.fixture
def fitted(request, genes, labelled_pairs, cells, screen):
    name = request.param.partition(".")[0]
    if name == "Node2VecGeneEmbedder":
        pytest.importorskip("gensim")
    params, X, y = data_for(name, genes, labelled_pairs, cells, screen)
    cls = public_estimators()[name]
    params = {key: value for key, value in params.items() if key in cls().get_params()}
    model = PRESETS[request.param](**params) if request.param in PRESETS else fast(cls, **params)
    return model.fit(X, y), X


@pytest.mark.parametrize("fitted", [*public_estimators(), *PRESETS], indirect=True)
def test_skops_and_pickle_keep_every_estimator(fitted):
    model, X = fitted
    restored = [pickle.loads(pickle.dumps(model))]
    io = pytest.importorskip("skops.io")
    file = io.dumps(model)
    types = io.get_untrusted_types(data=file)
    assert types
    # What is listed is of this package, of torch's losses, or data of scipy and scikit-learn: nothing that runs code.
    for name in types:
        assert name.startswith(("skperturb.", "torch.nn.modules.loss.", "scipy.sparse.", "sklearn.")), name
    with pytest.raises(io.exceptions.UntrustedTypesFoundException):
        io.loads(file)
    restored.append(io.loads(file, trusted=types))
    expected = outcome(model, X)
    for other in restored:
        assert type(other) is type(model)
        for one, another in zip(expected, outcome(other, X), strict=True):
            np.testing.assert_array_equal(one, another)
        assert repr(clone(other)) == repr(clone(model))


def test_there_is_no_estimator_left_out():
    classes = public_estimators()
    assert {"APPRegressor", "GCNEnhancer", "GNEEmbedder", "JacobianExtractor", "PerturbationEncoder"} <= set(classes)
    assert set(skperturb._PUBLIC) & set(classes) <= set(classes)
    assert len(classes) >= 19


def test_what_a_pickled_network_keeps(screen):
    X, y = screen
    model = APPRegressor(max_epochs=2, n_models=1, random_state=0).fit(X, y)
    net = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(model)))).nets_[0]
    assert net.history[:, "train_loss"] == model.nets_[0].history[:, "train_loss"]
    assert not net.module_.training
    # Not the data that it was trained on, nor the optimizer.
    assert len(pickle.dumps(net)) < 3 * sum(8 * part.numel() for part in net.module_.state_dict().values()) + 20_000


NESTS = [
    pd.DataFrame({"a": [1.5, 2.5], "b": ["x", None]}, index=["r", "s"]),
    pd.DataFrame([[1, 2], [3, 4]], columns=["same", "same"]),
    pd.DataFrame({"c": pd.Categorical(["u", "v", "u"], categories=["v", "u"], ordered=True), "n": [1, 2, 3]}),
    pd.DataFrame({"i": pd.array([1, None], dtype="Int64"), "t": pd.to_datetime(["2020-01-01", "2021-02-03"])}),
    pd.DataFrame(index=["only", "index"]),
    pd.DataFrame(np.zeros((2, 2)), index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["g", "k"])),
]


@pytest.mark.parametrize("frame", NESTS)
def test_tables_survive_as_plain_data(frame):
    nest = {"list": [frame, frame.index], "tuple": (frame.iloc[:, :1].squeeze(axis=1), 3), "none": None}
    again = decode(encode(nest))
    pd.testing.assert_frame_equal(again["list"][0], frame, check_index_type=False, check_column_type=False)
    pd.testing.assert_index_equal(again["list"][1], frame.index, exact="equiv")
    expected = nest["tuple"][0]
    assert isinstance(again["tuple"], tuple)
    if isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(again["tuple"][0], expected, check_index_type=False)

    def kinds(value):
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
        return {type(value)}.union(*(kinds(item) for item in items))

    assert not any(kind.__module__.startswith("pandas") for kind in kinds(encode(nest)))


# Machinery of scikit-learn and Optuna ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", public_estimators())
def test_diagram_links_to_the_documentation(name):
    cls = public_estimators()[name]
    page = estimator_html_repr(make_pipeline(cls()))
    package = cls.__module__.split(".")[1]
    assert f"https://skperturb.readthedocs.io/en/latest/api/skperturb.{package}.{name}.html" in page
    assert "<summary>" in estimator_html_repr(cls())


def test_metadata_routing_breaks_nothing(labelled_pairs, screen):
    X, y = labelled_pairs
    A = [np.tril(np.ones((n, n)), -1) - 3 * np.eye(n) for n in (4, 5, 6, 5)]
    with sklearn.config_context(enable_metadata_routing=True):
        model = make_pipeline(GNEEmbedder(max_epochs=1, unknown="zero", random_state=0), LogisticRegression())
        assert np.isfinite(cross_validate(model, X, y, cv=2, error_score="raise")["test_score"]).all()
        search = GridSearchCV(APPRegressor(n_models=1, random_state=0), {"max_epochs": [1, 2]}, cv=2)
        assert np.isfinite(search.fit(*screen).best_score_)
        enhancer = GCNEnhancer(max_epochs=1, n_models=1, random_state=0)
        truths = [np.abs(np.linalg.inv(-a)) for a in A]
        assert len(enhancer.fit(A, truths).predict(A)) == len(A)
        # With a scorer: scikit-learn's Pipeline.score refuses last steps whose score takes no weights of samples.
        grid = {"dynamopropagation__alpha": [0.3, 0.9]}
        search = GridSearchCV(make_pipeline(DynamoPropagation()), grid, cv=2, scoring=spearman_scorer)
        assert np.isfinite(search.fit(A, truths).best_score_)


def test_threshold_tuning(labelled_pairs):
    X, y = labelled_pairs
    tuned = TunedThresholdClassifierCV(L3Paths(unknown="zero"), scoring="f1", cv=2).fit(X, y)
    assert 0 <= tuned.best_threshold_ <= 1
    assert set(tuned.predict(X)) <= {0, 1}


def test_halving_search(labelled_pairs, screen):
    X, y = labelled_pairs
    grid = {"gneembedder__n_components": [2, 4, 8]}
    model = make_pipeline(GNEEmbedder(max_epochs=1, unknown="zero", random_state=0), LogisticRegression())
    search = HalvingGridSearchCV(model, grid, cv=2, random_state=0, min_resources=60, error_score="raise").fit(X, y)
    assert search.n_iterations_ >= 1
    X, y = screen
    grid = {"robust": [True, False]}
    search = HalvingGridSearchCV(KernelPerturbationRegressor(), grid, cv=2, random_state=0, min_resources=8)
    assert "robust" in search.fit(X, y).best_params_


@pytest.mark.parametrize("ensemble", [StackingRegressor, VotingRegressor])
def test_ensembles_of_regressors(ensemble, screen):
    X, y = screen
    members = [("additive", AdditiveRegressor()), ("app", APPRegressor(max_epochs=1, n_models=1, random_state=0))]
    options = {"final_estimator": Ridge(), "cv": 2} if ensemble is StackingRegressor else {}
    model = ensemble(members, **options).fit(X, y.iloc[:, 0])
    assert model.predict(X).shape == (len(X),)
    assert np.isfinite(model.predict(X)).all()


def test_feature_union_in_a_pipeline(genes, labelled_pairs):
    X, y = labelled_pairs
    union = FeatureUnion([("paths", L3Paths(unknown="zero")), ("expression", ExpressionCorrelation(genes.expression))])
    model = make_pipeline(union, PCA(2), LogisticRegression())
    scores = cross_validate(model, X, y, cv=2, scoring="roc_auc", error_score="raise")["test_score"]
    assert (scores > 0.5).all()


def test_optuna_study(screen):
    optuna = pytest.importorskip("optuna")
    X, y = screen
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial):
        model = APPRegressor(max_epochs=1, n_models=1, random_state=0)
        model.set_params(hidden_dim=trial.suggest_int("hidden_dim", 2, 8), lr=trial.suggest_float("lr", 1e-4, 1e-2))
        return cross_validate(model, X, y, cv=2, error_score="raise")["test_score"].mean()

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=2)
    assert np.isfinite(study.best_value)


def test_optuna_search(labelled_pairs):
    optuna = pytest.importorskip("optuna")
    integration = pytest.importorskip("optuna_integration")
    X, y = labelled_pairs
    with warnings.catch_warnings():
        # Optuna's search is experimental, and imports a module of its own that it calls outdated.
        warnings.simplefilter("ignore")
        search = integration.OptunaSearchCV(
            L3Paths(unknown="zero"),
            {"negatives": optuna.distributions.CategoricalDistribution(["uniform", "degree"])},
            cv=2,
            n_trials=2,
            random_state=0,
            scoring="roc_auc",
        )
        search.fit(X, y)
    assert search.best_score_ > 0.5
