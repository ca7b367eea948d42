"""Splits: disjoint parts, clean negatives, three protocols."""

import networkx as nx
import numpy as np
import pytest

from skperturb.model_selection import link_prediction_split

EDGES = np.array(nx.gnm_random_graph(60, 300, seed=1).edges)


def codes(pairs):
    return {tuple(sorted(pair)) for pair in np.asarray(pairs).tolist()}


def parts(split):
    return [
        (split.X_train, split.y_train),
        (split.X_validation, split.y_validation),
        (split.X_test, split.y_test),
    ]


@pytest.mark.parametrize("negatives", ["uniform", "connected", "degree"])
@pytest.mark.parametrize("extra", [{}, {"hold_out_genes": 0.1}, {"later_pairs": [(0, 59), (1, 58), (2, 57)]}])
def test_no_pair_is_in_two_parts(negatives, extra):
    both_ways = np.concatenate([EDGES, EDGES[:, ::-1]])
    split = link_prediction_split(both_ways, negatives=negatives, genes=range(70), random_state=0, **extra)
    known = codes(EDGES) | codes(extra.get("later_pairs", []) or EDGES)
    all_pairs = [codes(X) for X, _ in parts(split)]
    assert sum(map(len, all_pairs)) == len(set().union(*all_pairs)) == sum(len(X) for X, _ in parts(split))
    for X, y in parts(split):
        assert y.sum() * 2 == len(y)
        assert codes(X[y == 1]) <= known
        assert not codes(X[y == 0]) & known


def test_fractions():
    split = link_prediction_split(EDGES, train_size=0.5, validation_size=0.2, n_negatives=2, random_state=0)
    assert [int(y.sum()) for _, y in parts(split)] == [150, 60, 90]
    assert [len(y) for _, y in parts(split)] == [450, 180, 270]


def test_genes_held_out():
    split = link_prediction_split(EDGES, hold_out_genes=[3, 5, 8], negatives="degree", random_state=0)
    assert split.held_out_genes.tolist() == [3, 5, 8]
    for X in (split.X_train, split.X_validation):
        assert not np.isin(X, [3, 5, 8]).any()
    assert (np.isin(split.X_test, [3, 5, 8]).sum(axis=1) == 1).all()


def test_temporal():
    split = link_prediction_split(EDGES[:200], later_pairs=EDGES, random_state=0)
    assert codes(split.X_test[split.y_test == 1]) == codes(EDGES[200:])
    assert int(split.y_train.sum()) == 160


def test_refused():
    with pytest.raises(ValueError, match="sum to more than 1"):
        link_prediction_split(EDGES, train_size=0.9, validation_size=0.2)
    with pytest.raises(ValueError, match="both given"):
        link_prediction_split(EDGES, later_pairs=EDGES, hold_out_genes=0.1)
    with pytest.raises(ValueError, match=r"names 1 genes without a known pair \(99\)"):
        link_prediction_split(EDGES, hold_out_genes=[99, EDGES.min()])
    with pytest.raises(ValueError, match="test part has no interaction"):
        link_prediction_split(EDGES, later_pairs=EDGES)
    with pytest.raises(ValueError, match="were asked"):
        link_prediction_split(EDGES, n_negatives=100)


def test_partners_of_unseen_genes_that_run_out():
    """Gene 0 is bound to all others but one."""
    edges = np.array([(0, k) for k in range(1, 9)] + [(k, k + 1) for k in range(1, 9)])
    with pytest.raises(ValueError, match=r"Only 1 of 8 negatives exist between the 1 unseen genes"):
        link_prediction_split(edges, hold_out_genes=[0], negatives="uniform", random_state=0)


ACTS_ON = (
    [("tf1", f"a{k}") for k in range(10)] + [("tf2", f"b{k}") for k in range(10)] + [("tf1", "tf2"), ("tf2", "tf1")]
)


def interactions_of(split):
    return [tuple(pair) for X, y in parts(split) for pair in X[y == 1].tolist()]


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("extra", [{}, {"hold_out_genes": ["a1", "b2"]}, {"later_pairs": [*ACTS_ON, ("tf2", "a1")]}])
def test_interactions_keep_the_direction_in_which_they_were_given(directed, extra):
    for seed in range(5):
        split = link_prediction_split(ACTS_ON, directed=directed, random_state=seed, **extra)
        found = interactions_of(split)
        assert set(found) <= {*ACTS_ON, ("tf2", "a1")}
        assert len(found) == len(set(found))
        both = {("tf1", "tf2"), ("tf2", "tf1")} & set(found)
        assert len(both) == (2 if directed else 1)
        # Both directions are in one part: no part tells of the other.
        together = [codes(X) for X, _ in parts(split)]
        assert sum(map(len, together)) == len(set().union(*together))


def test_the_order_of_a_pair_tells_nothing():
    """Not which pairs are interactions: negatives are turned around as often."""
    rng = np.random.RandomState(0)
    for share in (0.0, 0.3, 1.0):
        around = rng.random_sample(len(EDGES)) < share
        edges = np.where(around[:, None], EDGES[:, ::-1], EDGES)
        split = link_prediction_split(edges, random_state=0)
        X, y = (np.concatenate(part) for part in zip(*parts(split), strict=True))
        turned = X[:, 0] > X[:, 1]
        assert turned[y == 1].sum() == (edges[:, 0] > edges[:, 1]).sum()
        # 300 of each: five standard errors are 0.14.
        assert abs(turned[y == 0].mean() - turned[y == 1].mean()) < (0.14 if 0 < share < 1 else 1e-12)
        assert codes(X) == codes(np.concatenate([X for X, _ in parts(link_prediction_split(EDGES, random_state=0))]))


@pytest.mark.parametrize("negatives", ["connected", "degree"])
def test_directed_negatives_begin_with_a_gene_that_acts(negatives):
    pairs = [(f"tf{k % 4}", f"gene{k}") for k in range(40)]
    split = link_prediction_split(pairs, negatives=negatives, directed=True, random_state=0)
    for X, y in parts(split):
        assert all(a.startswith("tf") and b.startswith("gene") for a, b in X[y == 0].tolist())
    uniform = link_prediction_split(pairs, directed=True, random_state=0)
    starts = [a.startswith("tf") for a, _ in uniform.X_test[uniform.y_test == 0].tolist()]
    assert np.mean(starts) < 0.5


def test_directed_split_and_directed_model_agree():
    from skperturb.interactions import GNEEmbedder

    split = link_prediction_split(ACTS_ON, directed=True, random_state=0)
    model = GNEEmbedder(
        directed=True, pair_features="native", n_components=4, max_epochs=1, random_state=0, device="cpu"
    )
    learned = {tuple(pair) for pair in model.fit(split.X_train, split.y_train).positive_pairs_.tolist()}
    assert learned == {tuple(pair) for pair in split.X_train[split.y_train == 1].tolist()}
    assert learned <= set(ACTS_ON)


@pytest.mark.parametrize("extra", [{}, {"hold_out_genes": 0.2}, {"later_pairs": [("d1", "t0"), ("t39", "d0")]}])
@pytest.mark.parametrize("negatives", ["uniform", "connected", "degree"])
def test_negatives_between_two_sides(extra, negatives):
    rng = np.random.RandomState(0)
    drugs, targets = [f"d{k}" for k in range(10)], [f"t{k}" for k in range(40)]
    known = sorted({(drugs[rng.randint(10)], targets[rng.randint(40)]) for _ in range(90)})
    split = link_prediction_split(
        known, between=(drugs, targets), negatives=negatives, n_negatives=0.5, random_state=0, **extra
    )
    for X, y in parts(split):
        assert (y == 0).sum() == round(0.5 * y.sum())
        assert all({a[0], b[0]} == {"d", "t"} for a, b in X.tolist())
        # In the order of the interactions, which name the drug first.
        assert all(a[0] == "d" for a, _ in X[y == 0].tolist()) or "later_pairs" in extra


def test_connected():
    for seed in range(20):
        graph = nx.barabasi_albert_graph(60, 2, seed=seed)
        edges = np.array(graph.edges)
        split = link_prediction_split(edges, train_size=0.5, connected=True, random_state=seed)
        train = split.X_train[split.y_train == 1]
        assert set(np.unique(train)) == set(range(60))
        assert len(train) == round(0.5 * len(edges))
        assert len(interactions_of(split)) == len(edges)
        # 116 edges, of which 59 link all genes.
        roomy = link_prediction_split(edges, train_size=0.6, connected=True, random_state=seed)
        assert nx.is_connected(nx.Graph(roomy.X_train[roomy.y_train == 1].tolist()))
    plain = link_prediction_split(edges, train_size=0.5, random_state=seed)
    assert set(np.unique(plain.X_train[plain.y_train == 1])) < set(range(60))


def test_connected_is_refused_where_it_cannot_be():
    star = [(0, k) for k in range(1, 21)]
    with pytest.raises(ValueError, match=r"needs 20 of 20 interactions .* each of 21 genes .* train_size leaves 8"):
        link_prediction_split(star, connected=True)
    with pytest.raises(ValueError, match="hold_out_genes leaves genes without any"):
        link_prediction_split(EDGES, connected=True, hold_out_genes=0.1)
    later = link_prediction_split(EDGES, later_pairs=[(0, 99), (0, 59), (1, 58)], connected=True, random_state=0)
    assert 99 not in later.X_test[later.y_test == 1]


def test_self_pairs():
    edges = np.concatenate([EDGES, [[3, 3], [7, 7]]])
    with pytest.raises(ValueError, match=r"pairs has 2 self-pairs \(3, 7; first at row 300\)"):
        link_prediction_split(edges)
    with pytest.raises(ValueError, match=r"later_pairs has 1 self-pairs"):
        link_prediction_split(EDGES, later_pairs=[(0, 0), (0, 59)])
    dropped = link_prediction_split(edges, self_pairs="drop", random_state=0)
    np.testing.assert_array_equal(dropped.X_test, link_prediction_split(EDGES, random_state=0).X_test)
    later = link_prediction_split(EDGES[:200], later_pairs=edges, self_pairs="drop", random_state=0)
    assert codes(later.X_test[later.y_test == 1]) == codes(EDGES[200:])
