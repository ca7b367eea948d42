import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.callbacks import Callback, Checkpoint, EarlyStopping

from skperturb._training import GraphBatch, TensorBatches, TensorTable, fit_net, resolve_device, seeded_torch
from skperturb.datasets import make_gene_network
from skperturb.interactions import GNEEmbedder
from skperturb.networks import GCNEnhancer
from skperturb.responses import APPRegressor


class Linear(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def forward(self, X):
        return self.layer(X).squeeze(-1)


class CountEpochs(Callback):
    def __init__(self):
        self.n = 0

    def on_epoch_end(self, net, **kwargs):
        self.n += 1


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    X = torch.as_tensor(rng.normal(size=(64, 3)), dtype=torch.float32)
    return TensorTable({"X": X}, X @ torch.tensor([1.0, -2.0, 0.5]))


def train(table, **kwargs):
    arguments = {
        "criterion": torch.nn.MSELoss,
        "lr": 0.05,
        "max_epochs": 60,
        "batch_size": 16,
        "random_state": 0,
    }
    return fit_net(Linear, table, **(arguments | kwargs))


def test_learns_in_float32_and_predicts_in_float64_on_the_cpu(table):
    net = train(table)
    assert net.module_.layer.weight.dtype == torch.float64
    assert not net.module_.training
    assert net.device == "cpu"
    np.testing.assert_allclose(net.module_.layer.weight.detach().numpy(), [[1.0, -2.0, 0.5]], atol=1e-2)


def test_the_seed_decides_everything_and_the_global_state_is_left_alone(table):
    torch.manual_seed(3)
    state = torch.random.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002  (the global state is what is tested)
    first, second, other = train(table), train(table), train(table, random_state=1)
    assert torch.equal(state, torch.random.get_rng_state())
    np.testing.assert_array_equal(numpy_state, np.random.get_state()[1])  # noqa: NPY002
    assert torch.equal(first.module_.layer.weight, second.module_.layer.weight)
    assert not torch.equal(first.module_.layer.weight, other.module_.layer.weight)


def test_early_stopping_returns_to_the_best_epoch(table):
    shifted = TensorTable(table.inputs, table.target + 100.0)
    # The validation samples contradict the training samples, so the first epoch is the best.
    net = train(table, validation=TensorTable(table.inputs, -table.target), early_stopping=True, patience=3)
    assert len(net.history) < 60
    assert net.history[-1, "valid_loss"] > min(net.history[:, "valid_loss"])
    with pytest.raises(ValueError, match="held-out samples"):
        train(shifted, early_stopping=True)


def test_callbacks_are_copied_and_verbose_prints(table, capsys):
    callback = CountEpochs()
    net = train(table, callbacks=[callback], max_epochs=3)
    assert callback.n == 0
    assert [c.n for _, c in net.callbacks_ if isinstance(c, CountEpochs)] == [3]
    assert capsys.readouterr().out == ""
    train(table, max_epochs=2, verbose=1)
    assert "train_loss" in capsys.readouterr().out


def test_pickle_round_trip(table):
    net = train(table, max_epochs=2)
    again = pickle.loads(pickle.dumps(net))
    assert torch.equal(net.module_.layer.weight, again.module_.layer.weight)


class Graphs(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch.ones(index + 1, 3), torch.tensor(float(index + 1))


def test_graphs_of_different_sizes_through_a_collate_function():
    def collate(samples):
        sizes = torch.tensor([len(X) for X, _ in samples])
        inputs = {"X": torch.cat([X for X, _ in samples]), "sizes": sizes}
        return GraphBatch(inputs, len(samples)), torch.stack([y for _, y in samples])

    class Sum(Linear):
        def forward(self, X, sizes):
            return torch.stack([part.sum() for part in self.layer(X).squeeze(-1).split(sizes.tolist())])

    with pytest.raises(TypeError, match="list"):
        fit_net(Sum, [1, 2], criterion=torch.nn.MSELoss, lr=0.05, max_epochs=1)
    net = fit_net(
        Sum,
        Graphs(),
        criterion=torch.nn.MSELoss,
        lr=0.05,
        max_epochs=200,
        batch_size=4,
        collate_fn=collate,
        random_state=0,
    )
    assert net.history[-1, "train_loss"] < 0.05


def test_batches_cover_every_sample_once():
    table = TensorTable({"X": torch.arange(10)}, torch.arange(10))
    with seeded_torch(0):
        shuffled = [batch[1].tolist() for batch in TensorBatches(table, 4, shuffle=True)]
    assert [len(batch) for batch in shuffled] == [4, 4, 2]
    order = [index for batch in shuffled for index in batch]
    assert sorted(order) == list(range(10))
    assert order != list(range(10))
    with pytest.raises(ValueError, match="one length"):
        TensorTable({"X": torch.arange(3)}, torch.arange(2))


def test_device_names():
    assert resolve_device("auto") in ("cpu", "cuda")
    with pytest.raises(ValueError, match="cannot be used here"):
        resolve_device("cuda:99")


class Dropping(Linear):
    def forward(self, X):
        return super().forward(torch.nn.functional.dropout(X, 0.5, self.training))


def test_threads_do_not_draw_from_each_other(table):
    from concurrent.futures import ThreadPoolExecutor

    def weight(seed):
        options = {"criterion": torch.nn.MSELoss, "lr": 0.05, "max_epochs": 20, "batch_size": 8}
        net = fit_net(Dropping, table, random_state=seed, device="cpu", **options)
        return net.module_.layer.weight.detach().numpy()

    alone = [weight(seed) for seed in range(6)]
    with ThreadPoolExecutor(3) as pool:
        np.testing.assert_array_equal(alone, list(pool.map(weight, range(6))))


@pytest.mark.parametrize("callback", [EarlyStopping, Checkpoint])
@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({}, "early_stopping=True holds samples out; the training loss"),
        ({"monitor": "valid_auroc"}, "the callback has to watch 'valid_auroc'"),
    ],
)
def test_callbacks_that_watch_held_out_samples_where_none_are(table, callback, options, advice, tmp_path):
    place = {"dirname": tmp_path} if callback is Checkpoint else {}
    training = {"criterion": torch.nn.MSELoss, "lr": 0.1, "max_epochs": 2, "batch_size": 8, "random_state": 0}
    with pytest.raises(ValueError, match=f"callbacks holds {callback.__name__}.*{advice}"):
        fit_net(Linear, table, callbacks=[CountEpochs(), callback(**place)], **training, **options)
    # Held-out samples, or another column, are watched as ever.
    fit_net(Linear, table, callbacks=[callback(**place)], validation=table, **training)
    column = callback().monitor.replace("valid", "train")
    fit_net(Linear, table, callbacks=[callback(monitor=column, **place)], **training, **options)


@pytest.mark.parametrize("bad", [3, "EarlyStopping", int, ("name", 3), (CountEpochs(),)])
def test_what_is_no_callback_is_named_before_the_training(bad):
    models = [
        (GCNEnhancer(), [np.eye(3)], [np.eye(3)]),
        (GNEEmbedder(), [("a", "b"), ("b", "c")], None),
        (APPRegressor(), pd.DataFrame(np.eye(3), columns=list("abc")), np.eye(3)),
    ]
    for model, X, y in models:
        with pytest.raises(TypeError, match=r"callbacks\[1\] is .* expected a skorch callback"):
            model.set_params(callbacks=[("named", CountEpochs), bad]).fit(X, y)


def test_a_column_that_only_early_stopping_writes(table):
    training = {"criterion": torch.nn.MSELoss, "lr": 0.1, "max_epochs": 3, "batch_size": 8, "random_state": 0}
    watching = EarlyStopping(monitor="valid_auroc", lower_is_better=False)
    with pytest.raises(ValueError, match=r"callbacks holds EarlyStopping\(monitor='valid_auroc'\)"):
        fit_net(Linear, table, callbacks=[watching], monitor="valid_auroc", **training)
    # Two of one class: each is called where it stands, behind what writes its column.
    options = {"monitor": "valid_auroc", "lower_is_better": False, "early_stopping": True, "patience": 2}
    net = fit_net(Linear, table, callbacks=[Writing(), EarlyStopping("train_loss"), watching], **training, **options)
    assert [row["valid_auroc"] for row in net.history] == [1, 2, 3]


class Writing(Callback):
    def on_epoch_end(self, net, **kwargs):
        net.history.record("valid_auroc", len(net.history))
        net.history.record("valid_auroc_best", True)


@pytest.mark.parametrize("name", ["GCNEnhancer", "GNEEmbedder", "APPRegressor"])
def test_deep_models_train_under_autocast(name):
    """Half precision is the user's choice; each model trains in it and predicts in float64."""
    rng = np.random.default_rng(0)
    if name == "GCNEnhancer":
        X = [np.tril(rng.normal(size=(n, n)), 1) - 3 * np.eye(n) for n in (4, 5, 6, 5)]
        y, model = [np.abs(np.linalg.inv(-A)) for A in X], GCNEnhancer(max_epochs=2, n_models=1, random_state=0)
    elif name == "GNEEmbedder":
        X, y = make_gene_network(60, n_interactions=150, random_state=0).pairs, None
        model = GNEEmbedder.published(max_epochs=2, random_state=0)
    else:
        X, y = np.eye(8)[rng.integers(0, 8, size=20)], rng.normal(size=(20, 5))
        model = APPRegressor.published(max_epochs=2, random_state=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model.fit(X, y)
    answer = (
        model.decision_function(X) if name == "GNEEmbedder" else np.concatenate([np.ravel(p) for p in model.predict(X)])
    )
    assert answer.dtype == np.float64
    assert np.isfinite(answer).all()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 40000000000 bytes.",
            "40000000000 bytes at",
        ),
        ("CUDA out of memory. Tried to allocate 20.00 GiB.", r"\(20.00 GiB at a time\).*batch_size is 16\)"),
        ("something else", None),
    ],
    ids=["cpu", "cuda", "other"],
)
def test_memory_that_is_not_there_is_said_so(table, monkeypatch, message, expected):
    def fail(module, **inputs):
        raise RuntimeError(message)

    monkeypatch.setattr(Linear, "forward", fail)
    with pytest.raises(RuntimeError if expected is None else MemoryError, match=expected or "^something else$"):
        train(table)
