"""Long fits: resume after a kill, skorch's own checkpoints, early stopping, progress bar, keyboard interrupt."""

import os
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EpochScoring,
    LoadInitState,
    LRScheduler,
    ProgressBar,
    TrainEndCheckpoint,
)

from skperturb._training import TensorTable, fit_net
from skperturb.callbacks import ResumableCheckpoint
from skperturb.interactions import GNEEmbedder
from skperturb.networks import GCNEnhancer
from skperturb.responses import APPRegressor

EVENTS = {"epochs": 0, "stop_at": None, "error": RuntimeError}


class Counter(Callback):
    """Counts the epochs of all trainings, and cuts one off in the middle."""

    def on_epoch_end(self, net, **kwargs):
        EVENTS["epochs"] += 1

    def on_batch_begin(self, net, training=True, **kwargs):
        if training and EVENTS["epochs"] == EVENTS["stop_at"]:
            raise EVENTS["error"]("power cut")


@pytest.fixture(autouse=True)
def _fresh_events():
    EVENTS.update(epochs=0, stop_at=None, error=RuntimeError)


def networks():
    rng = np.random.default_rng(0)
    X = [np.tril(rng.normal(size=(n, n)), 1) - 3 * np.eye(n) for n in (4, 5, 6, 5, 4, 6)]
    return X, [np.abs(np.linalg.inv(np.eye(len(A)) - A)) for A in X]


def pairs():
    rng = np.random.default_rng(1)
    found = {tuple(sorted(pair)) for pair in rng.integers(0, 15, size=(60, 2)).tolist() if pair[0] != pair[1]}
    return np.array(sorted(found)), None


def conditions():
    rng = np.random.default_rng(2)
    X = np.vstack([np.eye(6), [np.eye(6)[i] + np.eye(6)[j] for i in range(6) for j in range(i)]])
    return X, X @ rng.normal(size=(6, 3)) + 0.3 * rng.normal(size=(len(X), 3))


# Estimator, data, method whose result is compared, trainings in one fit.
CASES = {
    "GCNEnhancer": (GCNEnhancer(hidden_dim=4, max_epochs=4, batch_size=2, n_models=2), networks, "predict", 2),
    "GCNEnhancer, early stopping": (
        GCNEnhancer(hidden_dim=4, max_epochs=6, n_models=1, early_stopping=True, patience=2, lr=0.3),
        networks,
        "predict",
        1,
    ),
    "GCNEnhancer.published": (GCNEnhancer.published(max_epochs=6), networks, "predict", 1),
    "GNEEmbedder": (GNEEmbedder(n_components=4, max_epochs=4, n_folds=2), pairs, "decision_function", 2),
    "GNEEmbedder.published": (
        GNEEmbedder.published(n_components=4, max_epochs=6, batch_size=16),
        pairs,
        "decision_function",
        1,
    ),
    "APPRegressor": (
        APPRegressor(hidden_dim=4, max_epochs=4, n_models=2, batch_size=4, training="always"),
        conditions,
        "predict",
        2,
    ),
    "APPRegressor.published": (
        APPRegressor.published(hidden_dim=4, max_epochs=6, batch_size=4, dropout=0.2),
        conditions,
        "predict",
        1,
    ),
}


def fit_predict(name, callbacks):
    estimator, data, method, _ = CASES[name]
    X, y = data()
    model = type(estimator)(**estimator.get_params(deep=False))
    model.set_params(random_state=0, device="cpu", callbacks=callbacks).fit(X, y)
    return np.concatenate([np.ravel(part) for part in getattr(model, method)(X)])


@pytest.mark.parametrize("name", CASES)
def test_a_training_that_was_cut_off_ends_like_one_that_was_not(name, tmp_path):
    expected = fit_predict(name, [Counter()])
    n_epochs = EVENTS["epochs"]
    # Once in the middle of the first training, once in the middle of the rest.
    done = 0
    for stop_at in (2, (2 + n_epochs) // 2):
        EVENTS.update(epochs=done, stop_at=stop_at)
        with pytest.raises(RuntimeError, match="power cut"):
            fit_predict(name, [ResumableCheckpoint(tmp_path), Counter()])
        assert EVENTS["epochs"] == stop_at
        done = stop_at
    EVENTS.update(epochs=done, stop_at=None)
    resumed = fit_predict(name, [ResumableCheckpoint(tmp_path), Counter()])
    assert EVENTS["epochs"] == n_epochs
    np.testing.assert_array_equal(resumed, expected)
    assert len(list(tmp_path.iterdir())) == CASES[name][3]
    # What is trained to the end is not trained again.
    np.testing.assert_array_equal(fit_predict(name, [ResumableCheckpoint(tmp_path), Counter()]), expected)
    assert EVENTS["epochs"] == n_epochs


class Linear(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, X):
        return self.layer(self.dropout(X)).squeeze(-1)


def train(folder, target=1.0, **changes):
    X = torch.linspace(-1, 1, 60).reshape(20, 3)
    arguments = {"lr": 0.05, "max_epochs": 5, "batch_size": 8, "random_state": 0, "callbacks": []} | changes
    arguments["callbacks"] = [ResumableCheckpoint(folder), *arguments["callbacks"]]
    return fit_net(Linear, TensorTable({"X": X}, target * X.sum(dim=1)), criterion=torch.nn.MSELoss, **arguments)


def test_no_training_continues_from_the_file_of_another(tmp_path):
    train(tmp_path)
    changes = [
        {"lr": 0.1},
        {"target": 2.0},
        {"random_state": 1},
        {"weight_decay": 0.1},
        {"batch_size": 4},
        {"max_epochs": 6},
        {"callbacks": [LRScheduler("StepLR", step_size=2)]},
    ]
    for n_files, change in enumerate(changes, start=2):
        train(tmp_path, **change)
        assert len(list(tmp_path.iterdir())) == n_files, change
    train(tmp_path)
    train(tmp_path, verbose=1)  # what is printed makes no difference
    assert len(list(tmp_path.iterdir())) == len(changes) + 1


def test_the_schedule_of_the_learning_rate_is_resumed(tmp_path):
    schedule = [LRScheduler("StepLR", step_size=2, gamma=0.1), Counter()]
    expected = train(tmp_path / "whole", callbacks=schedule).module_.layer.weight
    EVENTS.update(epochs=0, stop_at=3)
    with pytest.raises(RuntimeError, match="power cut"):
        train(tmp_path / "cut", callbacks=schedule)
    EVENTS.update(stop_at=None)
    net = train(tmp_path / "cut", callbacks=schedule)
    assert torch.equal(net.module_.layer.weight, expected)
    assert [row["epoch"] for row in net.history] == [1, 2, 3, 4, 5]
    assert [row["event_lr"] for row in net.history] == pytest.approx([0.05, 0.05, 0.005, 0.005, 0.0005])


def test_the_global_random_state_is_left_alone(tmp_path):
    state = torch.random.get_rng_state()
    train(tmp_path)
    train(tmp_path)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_damaged_file_is_named(tmp_path):
    train(tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"half a file")
    with pytest.raises(ValueError, match=rf"{path.name} cannot be read .* remove it"):
        train(tmp_path)


def test_a_file_that_holds_code_is_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    train(tmp_path)
    (path,) = tmp_path.iterdir()
    torch.save({"module": Trap()}, path)
    with pytest.raises(ValueError, match="cannot be read"):
        train(tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_the_keyboard_stops_the_fit_and_not_only_one_network(tmp_path):
    EVENTS.update(stop_at=3, error=KeyboardInterrupt)

    class Interrupt(torch.nn.MSELoss):
        def forward(self, prediction, target):
            if EVENTS["epochs"] == 2:
                raise KeyboardInterrupt
            return super().forward(prediction, target)

    X = torch.ones(4, 3)
    table = TensorTable({"X": X}, X.sum(dim=1))
    options = {"criterion": Interrupt, "lr": 0.1, "max_epochs": 5, "random_state": 0}
    with pytest.raises(KeyboardInterrupt):
        fit_net(Linear, table, callbacks=[Counter(), ResumableCheckpoint(tmp_path)], **options)
    assert EVENTS["epochs"] == 2
    EVENTS.update(epochs=0)
    # A callback that stops a training in skorch's manner is no interruption.
    with_stop = fit_net(Linear, table, callbacks=[Counter()], **options | {"criterion": torch.nn.MSELoss})
    assert EVENTS["epochs"] == 3
    assert len(with_stop.history) == 4  # the epoch that was cut off is listed


SCRIPT = """
import sys, time
import numpy as np
from skorch.callbacks import Callback
from skperturb.callbacks import ResumableCheckpoint
from skperturb.responses import APPRegressor

class Pause(Callback):
    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == 4:
            open(sys.argv[2], "w").close()
            time.sleep(300)

X = np.vstack([np.eye(5), 1 - np.eye(5)])
y = np.sin(np.arange(20.0)).reshape(10, 2)
model = APPRegressor(max_epochs=6, hidden_dim=4, n_models=2, training="always", random_state=0, device="cpu")
model.set_params(callbacks=[ResumableCheckpoint(sys.argv[1]), Pause()]).fit(X, y)
"""


class Pause(Counter):
    """Of the same name as in the script, which makes it the same training."""


def test_a_killed_process_is_resumed_by_another(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    reached = tmp_path / "reached"
    arguments = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "cut"), str(reached)]
    process = subprocess.Popen(arguments, env=os.environ | {"OMP_NUM_THREADS": "1"})
    try:
        deadline = time.monotonic() + 120
        while not reached.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    assert reached.exists()
    X = np.vstack([np.eye(5), 1 - np.eye(5)])
    y = np.sin(np.arange(20.0)).reshape(10, 2)
    model = APPRegressor(max_epochs=6, hidden_dim=4, n_models=2, training="always", random_state=0, device="cpu")
    expected = model.fit(X, y).predict(X)
    model.set_params(callbacks=[ResumableCheckpoint(tmp_path / "cut"), Pause()])
    np.testing.assert_array_equal(model.fit(X, y).predict(X), expected)
    # Three epochs of the first network were done already.
    assert EVENTS["epochs"] == 3 + 6


@pytest.mark.parametrize("name", CASES)
def test_checkpoints_and_progress_bar_of_skorch(name, tmp_path, capsys):
    single = {"n_models": 1} if "n_models" in CASES[name][0].get_params() else {"n_folds": 2}
    estimator, data, _, _ = CASES[name]
    X, y = data()
    checkpoint = Checkpoint(monitor=None, dirname=tmp_path / "each")
    callbacks = [checkpoint, LoadInitState(checkpoint), TrainEndCheckpoint(dirname=tmp_path / "end"), ProgressBar()]
    model = type(estimator)(**estimator.get_params(deep=False)).set_params(**single)
    model.set_params(random_state=0, device="cpu", callbacks=callbacks).fit(X, y)
    assert (tmp_path / "each" / "params.pt").exists()
    assert (tmp_path / "end" / "train_end_params.pt").exists()
    assert "%" in capsys.readouterr().err


def test_a_callback_may_measure_something_each_epoch():
    X, y = conditions()

    def largest_weight(net, X=None, y=None):
        return max(float(part.detach().abs().max()) for part in net.module_.parameters())

    scoring = EpochScoring(largest_weight, name="largest_weight", on_train=True, use_caching=False)
    # A tuple is as good as a list, as in the other deep estimators.
    model = APPRegressor(max_epochs=3, n_models=1, random_state=0, callbacks=(scoring,)).fit(X, y)
    assert all(value > 0 for value in model.nets_[0].history[:, "largest_weight"])
    table = pd.DataFrame(model.nets_[0].history)
    assert len(table) == 3
