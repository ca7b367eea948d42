"""What a training shows: lines, bars and nothing."""

import io
import sys

import pytest
import torch

from skperturb import _epoch_progress
from skperturb._training import TensorTable, fit_net
from skperturb.datasets import make_gene_network
from skperturb.interactions import GNEEmbedder

NETWORK = make_gene_network(30, 3, n_interactions=80, random_state=0)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Call it inside the test: pytest puts its own stream in place when the test begins."""

    def begin():
        monkeypatch.setattr(sys, "stdout", Terminal())
        return sys.stdout

    return begin


def train(**options):
    table = TensorTable({"X": torch.ones(4, 1)}, torch.zeros(4))
    options = {"criterion": torch.nn.MSELoss, "lr": 0.1, "max_epochs": 3, "random_state": 0, **options}
    return fit_net(Constant, table, **options)


class Constant(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, X):
        return (X * self.weight)[:, 0]


def test_lines_name_the_training_and_hold_no_codes(capsys):
    train(verbose=1, label="network 2 of 5")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"network 2 of 5, epoch {k} of 3" for k in (1, 2, 3)]
    assert lines[0].startswith("network 2 of 5, epoch 1 of 3: train_loss 1.0000 (")
    train()
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_a_terminal_gets_a_bar(terminal):
    stream = terminal()
    train(verbose=1, label="network 2 of 5")
    shown = stream.getvalue()
    assert "3/3" in shown
    assert "network 2 of 5" in shown
    assert "epoch 1 of 3" not in shown


def test_an_early_stop_is_told(capsys):
    held_out = TensorTable({"X": torch.ones(4, 1)}, torch.full((4,), 9.0))
    train(verbose=1, max_epochs=9, validation=held_out, early_stopping=True, patience=2, label="fold 1 of 2")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 9
    assert any(line.startswith("fold 1 of 2: Stopping since valid_loss") for line in lines)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_folds_and_epochs_are_one_bar(terminal, monkeypatch, n_jobs):
    bars, stream = [], terminal()
    original = _epoch_progress._bar
    monkeypatch.setattr(_epoch_progress, "_bar", lambda *arguments: bars.append(original(*arguments)) or bars[-1])
    GNEEmbedder(n_components=4, n_folds=2, max_epochs=3, n_jobs=n_jobs, random_state=0, verbose=1).fit(NETWORK.pairs)
    assert [(bar.total, bar.n) for bar in bars] == [(6, 6)]
    assert "epoch 1 of 3" not in stream.getvalue()
