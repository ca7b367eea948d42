"""Screens in changed layouts: what must not matter changes no number, and what cannot be read is refused or warned of.

A screen with a known answer is laid out anew by one to four changes (storage, order, spellings, guides, covariates, …),
or spoiled by one of a second kind (values, labels, names, files), and goes through every door: the functions, and the
command line. As a script it goes on for as long as it is told:
``python tests/responses/test_fuzz_screens.py --minutes 15 --seed 1``.
"""

import argparse
import collections
import contextlib
import io
import random
import re
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import skperturb
from skperturb.__main__ import _parser
from skperturb._user_screens import LABEL, encode, read_screen
from skperturb.datasets import make_perturbation_screen
from skperturb.responses import (
    PerturbationEncoder,
    pseudobulk,
    score_responses,
    to_anndata,
    to_cell_eval,
    untested_combinations,
)
from skperturb.responses._pseudobulk import values_of

PACKAGE = str(Path(skperturb.__file__).parent)
GENES = ["HBG1", "GATA1", "CD14", "KLF1", "MYC", "SPI1", "LYZ", "TAL1", "RUNX1", "CEBPA", "ACTB", "IRF8"]
PERTURBED = ["KLF1", "CEBPA", "SPI1", "TP53"]
KIND, TOTAL = "perturbation", 10_000.0
# Of single precision, in which logarithms are computed where the file holds it; sums are in double precision.
CLOSE = 2e-6


class NotForThisDoorError(Exception):
    """The door does not take such a case."""


class DoubtedError(ValueError):
    """Labels are shown as doubtful."""


@dataclass
class Case:
    """Cells whose means are known, and how they will be laid out.

    `keys` says what each cell has: the genes that are perturbed (none for a control), or None for a cell that belongs
    to no condition.
    """

    values: np.ndarray
    keys: list[frozenset[str] | None]
    genes: list[str]
    labels: list[Any]
    options: dict[str, Any] = field(default_factory=lambda: {"groupby": KIND, "control": "control"})
    obs: dict[str, Any] = field(default_factory=dict)
    batches: list[str] | None = None
    is_log: bool = True
    store: Callable[[np.ndarray], Any] = np.array
    finish: list[Callable[[Any], Any]] = field(default_factory=list)
    column: Callable[[list[Any]], Any] = list
    writing: dict[str, Any] = field(default_factory=dict)
    spoil_file: Callable[[Path], None] | None = None
    spoil_prediction: Callable[[pd.DataFrame], Any] | None = None
    only: str = ""
    about_labels: bool = True
    is_sound: bool = True
    done: list[str] = field(default_factory=list)

    def cells(self) -> Any:
        """Return the AnnData."""
        names = [f"cell{k}" for k in range(len(self.values))]
        obs = pd.DataFrame(self.obs, index=names)
        obs.insert(0, self.options["groupby"], self.column(self.labels))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = anndata.AnnData(self.store(self.values), obs=obs, var=pd.DataFrame(index=list(self.genes)))
            try:
                for change in self.finish:
                    made = change(made)
            except Exception as error:
                raise NotForThisDoorError from error  # AnnData itself can't be changed so
        return made

    def truth(self) -> dict[Any, tuple[np.ndarray, int]]:
        """Return the change and the number of cells of each condition in each batch."""
        values = np.asarray(self.values, dtype=float)
        if not self.is_log:
            totals = np.maximum(values.sum(axis=1, keepdims=True), 1e-300)
            values = np.log1p(values / totals * TOTAL)
        batches = self.batches if self.batches is not None else [""] * len(values)
        groups: dict[Any, list[int]] = {}
        for k, (key, batch) in enumerate(zip(self.keys, batches, strict=True)):
            if key is not None:
                groups.setdefault((key, batch), []).append(k)
        found = {}
        for (key, batch), rows in groups.items():
            if key:
                control = values[groups.get((frozenset(), batch), [0])].mean(axis=0)
                found[key, batch] = values[rows].mean(axis=0) - control, len(rows)
        return found


def by_hand(rng: random.Random) -> Case:
    """Means that are whole numbers, and cells a quarter above and below them."""
    base = np.array([rng.randint(4, 8) for _ in GENES], dtype=float)
    conditions = [frozenset(), *(frozenset([gene]) for gene in PERTURBED)]
    conditions += [frozenset(PERTURBED[:2]), frozenset(PERTURBED[1:3]), frozenset([PERTURBED[0], PERTURBED[3]])]
    values, keys = [], []
    for key in conditions:
        change = np.array([rng.randint(-3, 4) if key else 0 for _ in GENES])
        for _ in range(rng.randint(2, 3) if key else 6):
            jitter = 0.25 * np.array([rng.choice([-1, 1]) for _ in GENES])
            values += [base + change + jitter, base + change - jitter]
            keys += [key, key]
    labels = ["+".join(sorted(key)) or "control" for key in keys]
    return Case(np.array(values), keys, list(GENES), labels)


def simulated(rng: random.Random) -> Case:
    """Cells of the simulator."""
    cells = make_perturbation_screen(
        14, n_perturbed=5, n_doubles=4, n_cells=rng.randint(3, 5), random_state=rng.randrange(2**31)
    )
    labels = list(cells.obs[KIND])
    keys = [frozenset() if label == "control" else frozenset(label.split("+")) for label in labels]
    return Case(np.asarray(cells.to_df()), keys, list(cells.var_names), labels)


def counts(rng: random.Random) -> Case:
    """Whole numbers, to be normalized on the way."""
    case = by_hand(rng)
    case.values = np.array(
        [[rng.randint(0, 30) * rng.randint(0, 1) + (k == 0) for k in range(len(GENES))] for _ in case.keys], dtype=float
    )
    case.options["target_sum"], case.is_log = TOTAL, False
    return case


# -- layouts that change no answer ----------------------------------------------------------------------
def order_of_cells(case: Case, rng: random.Random) -> None:
    order = list(range(len(case.values)))
    rng.shuffle(order)
    case.values = case.values[order]
    case.keys, case.labels = [case.keys[k] for k in order], [case.labels[k] for k in order]
    case.batches = None if case.batches is None else [case.batches[k] for k in order]
    case.obs = {name: [column[k] for k in order] for name, column in case.obs.items()}


def order_of_genes(case: Case, rng: random.Random) -> None:
    order = list(range(len(case.genes)))
    rng.shuffle(order)
    case.values, case.genes = case.values[:, order], [case.genes[k] for k in order]


def _halved(values: np.ndarray) -> sp.csr_matrix:
    """Two entries at each place that add up to the value."""
    whole = sp.csr_matrix(values)
    return sp.csr_matrix(
        (np.repeat(whole.data / 2, 2), np.repeat(whole.indices, 2), whole.indptr * 2), shape=whole.shape
    )


def _unsorted(values: np.ndarray) -> sp.csr_matrix:
    whole = sp.csr_matrix(values)
    reverse = np.concatenate(
        [np.arange(b - 1, a - 1, -1) for a, b in zip(whole.indptr, whole.indptr[1:], strict=False)]
    )
    return sp.csr_matrix((whole.data[reverse], whole.indices[reverse], whole.indptr), shape=whole.shape)


def _with_zeros(values: np.ndarray) -> sp.csr_matrix:
    full = sp.csr_matrix(np.ones_like(values))
    full.data = np.asarray(values).ravel().copy()
    return full


def storage(case: Case, rng: random.Random) -> None:
    forms = [
        sp.csr_matrix,
        sp.csc_matrix,
        sp.csr_array,
        sp.csc_array,
        np.asfortranarray,
        _halved,
        _unsorted,
        _with_zeros,
    ]
    form, kind = rng.choice(forms), rng.choice([np.float64, np.float64, np.float32, int])

    def stored(values: np.ndarray) -> Any:
        is_whole = form is not _halved and np.array_equal(values, np.rint(values))
        return form(np.asarray(values).astype(kind if is_whole or kind is not int else np.float64))

    case.store = stored


def layer(case: Case, rng: random.Random) -> None:
    if "layer" in case.options:
        return
    case.options["layer"], case.only = "lognorm", "functions"
    junk = rng.random() < 0.5

    def move(cells: Any) -> Any:
        cells.layers["lognorm"] = cells.X
        cells.X = np.full(cells.shape, -7.0) if junk else None
        return cells

    case.finish.append(move)


def raw(case: Case, rng: random.Random) -> None:
    if "layer" in case.options:
        return

    def from_raw(cells: Any) -> Any:
        cells.raw = cells.copy()
        cells.X = np.zeros(cells.shape)
        return cells.raw.to_adata()

    case.finish.append(from_raw)


def view(case: Case, rng: random.Random) -> None:
    def part(cells: Any) -> Any:
        more = anndata.concat([cells, cells], index_unique="-", merge="same")
        more.obs = pd.concat([cells.obs, cells.obs]).set_axis(more.obs_names)
        return more[: cells.n_obs, :]

    case.finish.append(part)


def dask_array(case: Case, rng: random.Random) -> None:
    dask = pytest.importorskip("dask.array")
    case.only, size = "functions", rng.randint(1, 9)

    def lazy(cells: Any) -> Any:
        if cells.X is not None and not hasattr(cells.X, "compute"):
            cells.X = dask.from_array(cells.X.toarray() if sp.issparse(cells.X) else cells.X, chunks=(size, -1))
        return cells

    case.finish.append(lazy)


def further_columns(case: Case, rng: random.Random) -> None:
    n = len(case.labels)
    for name in rng.sample(
        ["n_counts", "index", "genes", "condition", "label", "n_cells", "leiden", "guide id", "X"], 3
    ):
        if name not in (case.options["groupby"], *case.options.get("covariates", [])):
            values = [rng.choice(["a", "b"]) for _ in range(n)]
            case.obs[name] = rng.choice([values, pd.Categorical(values), list(range(n)), [float("nan")] * n])


def kind_of_labels(case: Case, rng: random.Random) -> None:
    more = ["nobody", "MYC+LYZ", "nan"]
    case.column = rng.choice(
        [
            lambda labels: pd.Categorical(labels, categories=[*pd.unique(pd.Series(labels).dropna()), *more]),
            lambda labels: pd.Series(labels, dtype=object).to_numpy(),
            lambda labels: pd.array(labels, dtype="string"),
            lambda labels: np.array([np.str_(one) if isinstance(one, str) else one for one in labels], dtype=object),
        ]
    )


def name_of_labels(case: Case, rng: random.Random) -> None:
    old, new = case.options["groupby"], rng.choice(["condition", "gene", "guide target", "Perturbation", "obs", "0"])
    if new not in case.obs:
        case.options["groupby"] = new
        del old


def name_of_index(case: Case, rng: random.Random) -> None:
    name = rng.choice(["barcode", "CellID", "batch"])

    def rename(cells: Any) -> Any:
        cells.obs.index.name = cells.var.index.name = name
        return cells

    if name not in case.obs:
        case.finish.append(rename)


def spelling(case: Case, rng: random.Random) -> None:
    """Spell one condition in many ways, cell by cell."""
    control = _control(case)

    def spelled(label: Any) -> Any:
        if not isinstance(label, str) or rng.random() < 0.4:
            return label
        parts = label.split("+")
        rng.shuffle(parts)
        if len(parts) == 1 and parts[0] != control and rng.random() < 0.5:
            parts.insert(rng.randrange(2), control)
        return rng.choice(["", " "]) + rng.choice(["+", " + "]).join(parts) + rng.choice(["", "  "])

    if "sep" not in case.options and not any("_" in str(label) for label in case.labels):
        case.labels = [spelled(label) for label in case.labels]


def underscore(case: Case, rng: random.Random) -> None:
    control = _control(case)
    if not any("_" in str(label) or ("+" in str(label) and control in str(label)) for label in case.labels):
        case.labels = [re.sub(r" ?\+ ?", "_", one) if isinstance(one, str) else one for one in case.labels]


def _control(case: Case) -> str:
    control = case.options["control"]
    return control if isinstance(control, str) else control[0]


def name_of_control(case: Case, rng: random.Random) -> None:
    old, new = _control(case), rng.choice(["NT", "non-targeting", "ctrl", "untreated", "AAVS1", "WT"])

    def renamed(label: Any) -> Any:
        return (
            "+".join(new if part.strip() == old else part for part in label.split("+"))
            if isinstance(label, str)
            else label
        )

    several = not isinstance(case.options["control"], str) and len(case.options["control"]) > 1
    several = several or "guide_suffix" in case.options or "sep" in case.options
    if not several and not any("_" in str(label) for label in case.labels):
        case.labels = [renamed(label) for label in case.labels]
        case.options["control"] = rng.choice([new, [new], (new,)])


def guides(case: Case, rng: random.Random) -> None:
    suffix, pattern = rng.choice([("_sg{}", r"_sg\d+"), ("-{}", r"-\d+"), ("_g{}", r"_g\d+")])
    if any("_" in str(label) or "-" in str(label) for label in case.labels):
        return

    def with_guides(label: Any) -> Any:
        if not isinstance(label, str):
            return label
        parts = [part.strip() for part in label.split("+")]
        return "+".join(part + suffix.format(rng.randint(1, 3)) for part in parts)

    case.labels = [with_guides(label) for label in case.labels]
    case.options["guide_suffix"] = pattern


def covariate(case: Case, rng: random.Random) -> None:
    if case.batches is not None or "batch" in case.obs or sum(key == frozenset() for key in case.keys) < 2:
        return
    levels, seen, batches = ["b1", "b 2"], collections.Counter(), []
    for key in case.keys:
        batches.append(levels[seen[key] % 2])
        seen[key] += 1
    case.batches, case.obs["batch"] = batches, list(batches)
    case.options["covariates"] = ["batch"]


def batch_without_use(case: Case, rng: random.Random) -> None:
    case.obs.setdefault("donor", [rng.choice(["x", "y"]) for _ in case.labels])


def repeated_names_of_cells(case: Case, rng: random.Random) -> None:
    def repeat(cells: Any) -> Any:
        cells.obs_names = ["cell"] * cells.n_obs
        return cells

    case.finish.append(repeat)


def identifiers(case: Case, rng: random.Random) -> None:
    case.genes = [f"ENSG{k + 105610:011d}.{rng.randint(1, 9)}" for k in range(len(case.genes))]

    def with_symbols(cells: Any) -> Any:
        cells.var["symbol"] = [f"{name} symbol" for name in cells.var_names]
        return cells

    case.finish.append(with_symbols)


def cells_without_label(case: Case, rng: random.Random) -> None:
    n = rng.randint(1, 4)
    more = np.full((n, case.values.shape[1]), 3.0 if not case.is_log else 3.5)
    case.values = np.concatenate([case.values, more])
    case.keys += [None] * n
    case.labels = [*case.labels, *rng.choice([[None], [float("nan")]]) * n]
    case.batches = None if case.batches is None else [*case.batches, *["b1"] * n]
    case.obs = {name: [*column, *list(column[:n])] for name, column in case.obs.items()}


def empty_genes(case: Case, rng: random.Random) -> None:
    case.values = np.concatenate([case.values, np.zeros((len(case.values), 1))], axis=1)
    case.genes = [*case.genes, f"EMPTY{len(case.genes)}"]


def chunks(case: Case, rng: random.Random) -> None:
    case.options["chunk_size"] = rng.randint(1, len(case.labels))


def compressed(case: Case, rng: random.Random) -> None:
    case.writing["compression"] = rng.choice(["gzip", "lzf"])


def several_controls(case: Case, rng: random.Random) -> None:
    """Half of the controls have another name."""
    old = _control(case)
    new = next(name for name in ("NTC", "scramble") if name != old)
    is_one = isinstance(case.options["control"], str) and not case.options.get("guide_suffix")
    if is_one and {k % 2 for k, label in enumerate(case.labels) if label == old} == {0, 1}:
        case.labels = [new if label == old and k % 2 else label for k, label in enumerate(case.labels)]
        case.options["control"] = [old, new]


def levels_of_covariate(case: Case, rng: random.Random) -> None:
    """Levels that are numbers, truth values or categories."""
    if case.batches is None or set(case.batches) != {"b1", "b 2"}:
        return
    levels = rng.choice([{"b1": 1, "b 2": 2}, {"b1": 0.5, "b 2": 10.25}, {"b1": True, "b 2": False}])
    case.batches = [str(levels[batch]) for batch in case.batches]
    case.obs["batch"] = [levels["b1" if level == "b1" else "b 2"] for level in case.obs["batch"]]
    if rng.random() < 0.4:
        case.obs["batch"] = pd.Categorical(case.obs["batch"])


def guide_prefix(case: Case, rng: random.Random) -> None:
    control = _control(case)
    odd = any(sign in str(label) for label in case.labels for sign in "_-") or "guide_suffix" in case.options
    if odd or "guide_prefix" in case.options or not isinstance(case.options["control"], str):
        return
    case.options["guide_prefix"] = "sg"

    def prefixed(label: Any) -> Any:
        parts = [part.strip() for part in str(label).split("+")]
        named = [part if part == control else f"sg{part}" for part in parts]
        return "+".join(named) if isinstance(label, str) else label

    case.labels = [prefixed(label) for label in case.labels]


def separator(case: Case, rng: random.Random) -> None:
    if any("_" in str(label) or "-" in str(label) for label in case.labels) or "guide_prefix" in case.options:
        return
    sep = rng.choice(["|", ";", " & ", "~", "/", ",", "::"])
    if "sep" in case.options:
        return
    case.options["sep"] = sep.strip()
    case.labels = [label.replace("+", sep) if isinstance(label, str) else label for label in case.labels]


def vocabulary(case: Case, rng: random.Random) -> None:
    genes = sorted({gene for key in case.keys for gene in key or ()})
    case.options["perturbed_genes"] = [*genes, "MYB", "ZZZ_3"]


def one_control(case: Case, rng: random.Random) -> None:
    """A single cell is a control: its mean is known, and its variance is not."""
    if case.batches is not None:
        return
    controls = [k for k, key in enumerate(case.keys) if key == frozenset() and case.labels[k] == _control(case)]
    kept = [k for k, key in enumerate(case.keys) if key != frozenset() or k in controls[:1]]
    if controls and isinstance(case.options["control"], str):
        _keep(case, kept)


def one_cell(case: Case, rng: random.Random) -> None:
    key = rng.choice([key for key in case.keys if key])
    rows = [k for k, one in enumerate(case.keys) if one == key]
    if case.batches is None:
        _keep(case, [k for k in range(len(case.keys)) if k not in rows[1:]])


def _keep(case: Case, kept: list[int]) -> None:
    case.values, case.labels = case.values[kept], [case.labels[k] for k in kept]
    case.keys = [case.keys[k] for k in kept]
    case.obs = {name: [column[k] for k in kept] for name, column in case.obs.items()}
    case.batches = None if case.batches is None else [case.batches[k] for k in kept]


HARMLESS = [
    order_of_cells, order_of_genes, storage, storage, layer, raw, view, dask_array, further_columns, kind_of_labels,
    name_of_labels, name_of_index, spelling, spelling, underscore, name_of_control, guides, covariate,
    batch_without_use, repeated_names_of_cells, identifiers, cells_without_label, empty_genes, chunks, compressed,
    several_controls, levels_of_covariate, guide_prefix, separator, vocabulary, one_control, one_cell,
]  # fmt: skip


# -- what must be refused or warned of ------------------------------------------------------------------
def _somewhere(case: Case, rng: random.Random) -> tuple[int, int]:
    return rng.randrange(len(case.values)), rng.randrange(len(case.genes))


def not_finite(case: Case, rng: random.Random) -> str:
    case.values = case.values.astype(float)
    case.values[_somewhere(case, rng)] = rng.choice([np.nan, np.inf, -np.inf])
    return "NaN or infinite|negative|finite numbers"


def negative(case: Case, rng: random.Random) -> str:
    case.values[_somewhere(case, rng)] = -rng.random() - 0.1
    return "negative values|is for raw counts|finite numbers"


def huge(case: Case, rng: random.Random) -> str:
    case.values = case.values.astype(float)
    case.values[_somewhere(case, rng)] = rng.choice([1e80, 1e300, 1.7e308])
    return "1e\\+80|1e\\+300|1.7e\\+308|infinite"


def raw_counts(case: Case, rng: random.Random) -> str:
    case.values = np.array([[rng.randint(0, 40) for _ in case.genes] for _ in case.keys], dtype=float)
    case.options.pop("target_sum", None)
    return "whole numbers|no logarithms"


def logarithms_as_counts(case: Case, rng: random.Random) -> str:
    case.options["target_sum"] = TOTAL
    case.values = case.values * 0.37 + 0.05
    return "look like logarithms|is for raw counts"


def _normalized(case: Case, rng: random.Random) -> np.ndarray:
    drawn = np.array([[rng.randint(0, 9) + 1 for _ in case.genes] for _ in case.keys], dtype=float)
    return drawn / drawn.sum(axis=1, keepdims=True)


def normalized_without_logarithm(case: Case, rng: random.Random) -> str:
    case.options.pop("target_sum", None)
    case.values = _normalized(case, rng) * rng.choice([10.0, 1e4, 1e6])
    return "no logarithms"


def two_logarithms(case: Case, rng: random.Random) -> str:
    case.options.pop("target_sum", None)
    case.values = np.log1p(np.log1p(_normalized(case, rng) * rng.choice([1e4, 1e6])))
    return "taken twice"


def differences(case: Case, rng: random.Random) -> str:
    controls = [k for k, key in enumerate(case.keys) if key == frozenset()]
    case.values = case.values - case.values[controls].mean(axis=0)
    return "negative values|finite numbers|is for raw counts"


def scaled(case: Case, rng: random.Random) -> str:
    case.values = (case.values - case.values.mean(axis=0)) / (case.values.std(axis=0) + 1e-9)
    return "negative values|finite numbers|is for raw counts"


def kind_of_values(case: Case, rng: random.Random) -> str:
    kind = rng.choice([complex, object, "U8", bool])
    case.store = lambda values: np.asarray(values).astype(kind)
    case.options.pop("target_sum", None)
    case.only = "functions"
    return "complex128|object|<U8|whole numbers"


def masked(case: Case, rng: random.Random) -> str:
    place = _somewhere(case, rng)

    def hide(values: np.ndarray) -> Any:
        found = np.ma.masked_array(values, mask=np.zeros(values.shape, dtype=bool))
        found[place] = np.ma.masked
        return found

    case.store, case.only, case.finish = hide, "functions", []
    case.options.pop("layer", None)
    return "masked"


def no_values(case: Case, rng: random.Random) -> str:
    case.finish.append(lambda cells: anndata.AnnData(None, obs=cells.obs, var=cells.var))
    return r"empty \(None\)"


def repeated_genes(case: Case, rng: random.Random) -> str:
    case.genes = [*case.genes[:-1], case.genes[0]]
    return "repeats|duplicate|twice"


def dates(case: Case, rng: random.Random) -> str:
    case.genes = [rng.choice(["1-Mar", "2-Sep", "Mar-01", "2024-09-02"]), *case.genes[1:]]
    return "dates"


def repeated_columns(case: Case, rng: random.Random) -> str:
    def repeat(cells: Any) -> Any:
        obs = pd.concat([cells.obs, cells.obs[[case.options["groupby"]]]], axis=1)
        made = anndata.AnnData(cells.X, var=cells.var)
        made._obs = obs.set_axis(made.obs_names)
        return made

    case.finish.append(repeat)
    case.only = "functions"
    return "several columns|more than one|2 columns"


def no_column(case: Case, rng: random.Random) -> str:
    name = case.options["groupby"]
    case.finish.append(lambda cells: _without(cells, name))
    return "no column|expected one of the columns"


def _without(cells: Any, name: str) -> Any:
    del cells.obs[name]
    return cells


def no_control(case: Case, rng: random.Random) -> str:
    _keep(case, [k for k, key in enumerate(case.keys) if key])
    return "no cell"


def without_batch(case: Case, rng: random.Random) -> str:
    covariate(case, rng)
    if case.batches is None:
        raise NotForThisDoorError
    case.obs["batch"] = [*[rng.choice([None, "nan", "", float("nan")])] * 2, *map(str, case.obs["batch"][2:])]
    return "a covariate is missing"


def batches_in_two_spellings(case: Case, rng: random.Random) -> str:
    covariate(case, rng)
    if case.batches is None:
        raise NotForThisDoorError
    first = str(case.obs["batch"][0])
    case.obs["batch"] = [str(case.obs["batch"][0]).swapcase(), *map(str, case.obs["batch"][1:])]
    return "differ in case only|no control" if first.swapcase() != first else "."


def another_total(case: Case, rng: random.Random) -> str:
    case.options["target_sum"] = rng.choice([0, -1.0, float("nan"), float("inf"), "1e4", True])
    case.only = "functions"
    return "target_sum"


def control_unnamed(case: Case, rng: random.Random) -> str:
    case.labels = [
        "NegCtrl1" if key == frozenset() else label for key, label in zip(case.keys, case.labels, strict=True)
    ]
    return "no cell|known names? of"


def no_labels(case: Case, rng: random.Random) -> str:
    case.labels = [rng.choice([None, float("nan")])] * len(case.labels)
    case.column = rng.choice([list, lambda labels: pd.array([None] * len(labels), dtype="string")])
    return "no cell|expected a label|nan|missing"


def numbers_as_labels(case: Case, rng: random.Random) -> str:
    codes = {label: k for k, label in enumerate(dict.fromkeys(map(str, case.labels)))}
    case.labels = [codes[str(label)] for label in case.labels]
    case.column = rng.choice(
        [list, pd.Categorical, lambda labels: np.array(labels, dtype=float), lambda labels: [bool(k) for k in labels]]
    )
    return r"\((int|float|bool|bool_|float64|int64)\)|holds numbers|\bint\b|float|a bool"


def odd_labels(case: Case, rng: random.Random) -> str:
    case.column = rng.choice(
        [
            lambda labels: [str(one).encode() for one in labels],
            lambda labels: [[one] for one in labels],
            lambda labels: [(one,) for one in labels],
            lambda labels: pd.to_datetime(["2024-03-01"] * len(labels)),
        ]
    )
    case.only = "functions"
    return "expected (texts|a label)|no texts"


def mixed_case(case: Case, rng: random.Random) -> str:
    row = next(k for k, key in enumerate(case.keys) if key and len(key) == 1)
    prefix = case.options.get("guide_prefix", "")
    name = next(iter(case.keys[row])).capitalize()
    case.labels[row] = prefix + name + ("_sg1" if case.options.get("guide_suffix") == r"_sg\d+" else "")
    return "differ in case|known gene"


def dates_as_labels(case: Case, rng: random.Random) -> str:
    row = next(k for k, key in enumerate(case.keys) if key)
    case.labels[row] = "1-Mar"
    return "date|number"


def no_cells(case: Case, rng: random.Random) -> str:
    case.finish.append(lambda cells: cells[:0].copy())
    return "no cells|no cell|is empty"


def no_genes(case: Case, rng: random.Random) -> str:
    case.finish.append(lambda cells: cells[:, :0].copy())
    return "no genes|no gene"


def transposed(case: Case, rng: random.Random) -> str:
    case.finish.append(lambda cells: cells.copy().T)
    return "no column|expected one of the columns|no column"


def truncated(case: Case, rng: random.Random) -> str:
    share = rng.random()

    def cut(path: Path) -> None:
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    case.spoil_file, case.only = cut, "files"
    return "can't be read"


def other_file(case: Case, rng: random.Random) -> str:
    kind = rng.randrange(5)

    def write(path: Path) -> None:
        if kind == 0:
            path.write_text("perturbation,x\nA,1\n")
            return
        with h5py.File(path, "w") as file:
            if kind > 1:
                file.create_dataset("X", data=case.values)
            if kind > 2:
                file.create_group("obs").attrs.update({"encoding-type": "weird", "encoding-version": "9"})
            if kind > 3:
                file.create_group("var")

    case.spoil_file, case.only = write, "files"
    return "can't be read"


def wrong_indices(case: Case, rng: random.Random) -> str:
    case.store = sp.csr_matrix
    case.finish, case.writing = [], {}

    def damage(path: Path) -> None:
        with h5py.File(path, "a") as file:
            places, starts = file["X/indices"], file["X/indptr"]
            if rng.random() < 0.5:
                places[rng.randrange(len(places))] = rng.choice([10**6, -5, len(case.genes)])
            else:
                starts[-1 if rng.random() < 0.5 else rng.randrange(1, len(starts))] = rng.choice([-1, 10**6])

    case.spoil_file, case.only = damage, "files"
    return "outside|can't be read"


def other_sizes(case: Case, rng: random.Random) -> str:
    """The names are fewer or more than the values."""
    name = rng.choice(["obs", "var"])

    def damage(path: Path) -> None:
        with h5py.File(path, "a") as file:
            # Some versions keep texts in groups, with a mask.
            columns = [[one, *getattr(one, "values", list)()] for one in file[name].values()]
            for whole in [one for part in columns for one in part if isinstance(one, h5py.Dataset)]:
                place, shorter, about = whole.name, whole[:-1], dict(whole.attrs)
                del file[place]
                file.create_dataset(place, data=shorter).attrs.update(about)

    case.spoil_file, case.only, case.column = damage, "files", list
    if set(case.options) != {"groupby", "control"} or case.obs:
        raise NotForThisDoorError
    case.finish = []
    return "damaged|can't be read|is for raw|whole numbers"


def predicted_otherwise(case: Case, rng: random.Random) -> str:
    """Predictions of other genes or conditions, or of something else than changes."""
    case.only = "score"
    control = _control(case)

    def as_cells(table: pd.DataFrame) -> Any:
        made = anndata.AnnData(
            np.rint(np.abs(table.to_numpy())) + 1, obs=pd.DataFrame(index=list("abcdefghijklmnop")[: len(table)])
        )
        made.obs[case.options["groupby"]] = list(table.index)
        made.var_names = list(table.columns)
        return made

    named, case.spoil_prediction = rng.choice(
        [
            ("lacks 1 of", lambda table: table.rename(columns={table.columns[1]: "NOGENE"})),
            ("truth lacks", lambda table: table.rename(index={table.index[0]: "LYZ+MYC"})),
            ("truth lacks|lacks|doubt|no certain|where|which", lambda table: table.T),
            (
                "rows of one condition",
                lambda table: pd.concat([table, table.iloc[:1].rename(index=lambda one: f"{one}+{control}")]),
            ),
            ("NaN|finite numbers", lambda table: table.where(table.abs() < table.abs().max().max())),
            (
                "no real numbers|number",
                lambda table: table.astype(object).mask(np.eye(*table.shape, dtype=bool), "high"),
            ),
            ("is it expression", lambda table: table - table.min().min() + 0.1),
            ("duplicate|twice", lambda table: table.set_axis([table.columns[1], *table.columns[1:]], axis=1)),
            ("truth lacks|number|label", lambda table: table.reset_index(drop=True)),
            ("whole numbers|one row for each", as_cells),
            ("one row for each", lambda table: to_anndata(table.abs() + 0.3, condition=case.options["groupby"])),
        ]
    )
    return f"{named}|is for raw counts"


SPOILT = [
    predicted_otherwise, predicted_otherwise, not_finite, negative, huge, raw_counts, logarithms_as_counts,
    normalized_without_logarithm, two_logarithms, differences, scaled, kind_of_values, masked, no_values,
    repeated_genes, dates, repeated_columns, no_column, no_control, control_unnamed, no_labels, numbers_as_labels,
    odd_labels, without_batch, batches_in_two_spellings, another_total, mixed_case, dates_as_labels, no_cells,
    no_genes, transposed, truncated, other_file, wrong_indices, other_sizes,
]  # fmt: skip
#: What doors notice that read labels and no values.
ABOUT_LABELS = (
    no_column,
    numbers_as_labels,
    odd_labels,
    mixed_case,
    dates_as_labels,
    truncated,
    other_file,
    transposed,
)


# -- doors ----------------------------------------------------------------------------------------------
def key_of(label: Any, case: Case) -> frozenset[str]:
    """Read a label as its spelling was made."""
    control = case.options["control"]
    controls = {control} if isinstance(control, str) else set(control)
    joint = r"\+|_(?!s?g\d)" if "sep" not in case.options else re.escape(case.options["sep"])
    parts = [part.strip() for part in re.split(joint, str(label))]
    suffix, prefix = case.options.get("guide_suffix"), case.options.get("guide_prefix")
    parts = [re.sub(f"{suffix}$", "", part) if suffix else part for part in parts if part]
    return frozenset(re.sub(f"^{prefix}", "", part) if prefix else part for part in parts) - controls


def _agree(found: Any, expected: Any, what: str) -> None:
    np.testing.assert_allclose(np.asarray(found, dtype=float), expected, rtol=CLOSE, atol=CLOSE, err_msg=what)


def _compare(labels: Any, batches: Any, changes: pd.DataFrame, case: Case, what: str) -> None:
    truth = case.truth()
    found = [(key_of(label, case), str(batch)) for label, batch in zip(labels, batches, strict=True)]
    assert len(found) == len(set(found)), (what, "a condition has two rows")
    assert set(found) == set(truth), (what, set(found) ^ set(truth))
    assert list(changes.columns) == list(case.genes), what
    _agree(changes, [truth[key][0] for key in found], what)


def pseudobulk_door(cells: Any, case: Case, rng: random.Random, folder: Path) -> None:
    bulk = pseudobulk(cells, **case.options)
    labels = bulk.data[case.options["groupby"]]
    batches = bulk.data["batch"] if case.batches is not None else [""] * len(labels)
    _compare(labels, batches, bulk.target, case, "pseudobulk")
    truth = case.truth()
    keys = [(key_of(label, case), str(batch)) for label, batch in zip(labels, batches, strict=True)]
    assert list(bulk.n_cells) == [truth[key][1] for key in keys]
    if case.is_log:
        places: dict[Any, list[int]] = {}
        for k, key in enumerate(case.keys):
            places.setdefault((key, "" if case.batches is None else case.batches[k]), []).append(k)
        rows = [case.values[places[key]] for key in keys]
        variances = [part.var(axis=0, ddof=1) / len(part) if len(part) > 1 else np.nan + part[0] for part in rows]
        _agree(bulk.variance, variances, "variance")
    adata = to_anndata(bulk.target, bulk.data, control_mean=bulk.control_mean)
    _agree(adata.X, bulk.target, "to_anndata")
    means = bulk.control_mean if case.batches is None else bulk.control_mean.reindex(list(batches)).to_numpy()
    _agree(adata.layers["expression"], bulk.target.to_numpy() + np.asarray(means), "expression")


def _reading(case: Case) -> dict[str, Any]:
    """Return the options of the encoder."""
    names = {"control": "control", "guide_suffix": "guide_suffix", "guide_prefix": "guide_prefix", "sep": "sep"}
    names["genes"] = "perturbed_genes"
    return {name: case.options[other] for name, other in names.items() if other in case.options}


def encoder_door(cells: Any, case: Case, rng: random.Random, folder: Path) -> None:
    reading = _reading(case)
    kept = np.array([key is not None for key in case.keys])
    cells = cells if len(kept) != cells.n_obs or kept.all() else cells[kept]
    encoder = PerturbationEncoder(column=case.options["groupby"], **reading)
    doses = np.asarray(encoder.fit_transform(cells))
    for row, key in zip(doses, [key for key in case.keys if key is not None], strict=True):
        assert {str(gene) for gene in encoder.genes_[row > 0]} == key
        assert set(row) <= {0.0, 1.0}


def _predictions(case: Case, rng: random.Random, shift: float) -> tuple[pd.DataFrame, float]:
    """Return predictions that miss each change of one gene, and the distance that has to come out."""
    control = _control(case)
    rows = {}
    for (key, _), (change, _) in case.truth().items():
        parts = rng.sample(sorted(key), len(key)) + ([control] if len(key) == 1 and rng.random() < 0.3 else [])
        rows["+".join(parts)] = change + shift * np.eye(len(change))[0]
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(case.genes)), abs(shift)


def score_door(cells: Any, case: Case, rng: random.Random, folder: Path) -> None:
    options = {name: value for name, value in case.options.items() if name != "chunk_size"}
    if {"covariates", "layer", "perturbed_genes", "guide_prefix", "sep"} & set(options):
        raise NotForThisDoorError
    predicted, distance = _predictions(case, rng, 1.5)
    given: Any = predicted
    if case.spoil_prediction is not None:
        given = case.spoil_prediction(predicted)
    elif rng.random() < 0.3 and (predicted.to_numpy() < 0).any():
        given = to_anndata(predicted, condition=options["groupby"])
    elif rng.random() < 0.3 and case.is_log and values_of(cells) is not None:
        given = _shifted(cells, case)
        distance = 1.5 * np.sqrt(len(case.genes))
    if rng.random() < 0.5:
        given = {"model": given}
    tests = rng.random() < 0.15
    table = score_responses(cells, given, differential_expression=tests, n_resamples=2, **options)
    name = table.index[0][0]
    _agree(table.loc[(name, "l2"), "score"], distance, "score")
    if isinstance(given, pd.DataFrame) and len(given) > 3:
        _baselines(cells, case, given.sample(frac=0.5, random_state=rng.randrange(99)), rng, options)
    if tests and (name, "de_recall") in table.index and case.is_log:
        plain = _plain(case)
        same = score_responses(plain, _shifted(plain, case), n_resamples=2)
        scores = [part.loc[part.index[0][0], "score"] for part in (table, same)]
        _agree(scores[0], scores[1], "tests of cells")
    assert table.loc[(name, "l2"), "n"] == len(case.truth())


def _baselines(cells: Any, case: Case, tested: pd.DataFrame, rng: random.Random, options: dict[str, Any]) -> None:
    """Baselines learn from what is not predicted, or from another file."""
    truth = {key: change for (key, _), (change, _) in case.truth().items()}
    keys = [key_of(label, case) for label in tested.index]
    others = {key: change for key, change in truth.items() if key not in keys}
    if rng.random() < 0.5:
        others = {key: change - 0.75 for key, change in truth.items()}
        names = [rng.choice(["+".join(sorted(key)), "+".join(sorted(key, reverse=True))]) for key in others]
        known = pd.DataFrame(list(others.values()), index=names, columns=list(case.genes))
        options = {**options, "train": known.iloc[:, rng.sample(range(known.shape[1]), known.shape[1])]}
    table = score_responses(cells, tested, differential_expression=False, n_resamples=2, **options)["score"]
    mean = np.mean(list(others.values()), axis=0)
    _agree(table["no change", "l2"], np.mean([np.linalg.norm(truth[key]) for key in keys]), "no change")
    _agree(table["mean", "l2"], np.mean([np.linalg.norm(truth[key] - mean) for key in keys]), "mean")
    sums = [truth[key] - sum(others[frozenset([gene])] for gene in key) for key in keys if _is_sum(key, others)]
    assert ("additive" in table.index.get_level_values(0)) == bool(sums)
    if sums:
        _agree(table["additive", "l2"], np.mean([np.linalg.norm(part) for part in sums]), "additive")


def _is_sum(key: frozenset[str], known: Any) -> bool:
    return len(key) > 1 and all(frozenset([gene]) in known for gene in key)


def _plain(case: Case) -> Any:
    """Return the same cells in the layout of a textbook."""
    labels = [None if key is None else "+".join(sorted(key)) or "control" for key in case.keys]
    kept = [k for k, label in enumerate(labels) if label is not None]
    obs = pd.DataFrame({KIND: [labels[k] for k in kept]}, index=[f"c{k}" for k in kept])
    return anndata.AnnData(case.values[kept].astype(float), obs=obs, var=pd.DataFrame(index=list(case.genes)))


def _shifted(cells: Any, case: Case) -> Any:
    """Return predicted cells that lie above the measured ones."""
    above = cells.to_memory()
    values = np.array(above.X.toarray() if sp.issparse(above.X) else above.X, dtype=float)
    keys = case.keys if len(values) == len(case.keys) else [key for key in case.keys if key is not None]
    if len(values) == len(keys):
        values[[bool(key) for key in keys]] += 1.5
    above.X = values
    return above


def cell_eval_door(cells: Any, case: Case, rng: random.Random, folder: Path) -> None:
    """Cells that lie at the predicted means, and candidates that nobody tested."""
    control = case.options["control"]
    if set(case.options) - {"groupby", "control", "chunk_size"} or not isinstance(control, str):
        raise NotForThisDoorError
    predicted, _ = _predictions(case, rng, 0.5)
    pair = to_cell_eval(cells, predicted, case.options["groupby"], control, cells="mean", random_state=0)
    for made, wanted in ((pair.real, predicted - [0.5, *[0.0] * (len(case.genes) - 1)]), (pair.predicted, predicted)):
        bulk = pseudobulk(made, case.options["groupby"], control)
        expected = np.maximum(wanted + bulk.control_mean, 0.0) - bulk.control_mean
        found = bulk.target.set_axis([key_of(label, case) for label in bulk.target.index])
        expected = expected.set_axis([key_of(label, case) for label in expected.index])
        _agree(found.loc[list(expected.index)], expected, "to_cell_eval")
    untested = set(
        map(frozenset, (label.split("+") for label in untested_combinations(list(predicted.index), control=control)))
    )
    tested = {key for key, _ in case.truth()}
    singles = sorted(next(iter(key)) for key in tested if len(key) == 1)
    assert untested == {frozenset([a, b]) for a in singles for b in singles if a < b} - tested


def _arguments(case: Case) -> list[str]:
    control = case.options["control"]
    found = ["--groupby", case.options["groupby"]]
    found += ["--control", *([control] if isinstance(control, str) else control)]
    if "guide_suffix" in case.options:
        found += [f"--guide-suffix={case.options['guide_suffix']}"]
    if "guide_prefix" in case.options:
        found += ["--guide-prefix", case.options["guide_prefix"]]
    if "sep" in case.options:
        found += [f"--sep={case.options['sep']}"]
    return found


def _run(argv: list[str]) -> str:
    arguments = _parser(argv).parse_args(argv)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert arguments.run(arguments) == 0, argv
    return said.getvalue()


def _written(cells: Any, case: Case, folder: Path) -> Path:
    path = folder / "cells.h5ad"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            cells.write_h5ad(path, **case.writing)
        except Exception as error:
            raise NotForThisDoorError from error  # no file can hold this
    if case.spoil_file is not None:
        case.spoil_file(path)
    return path


def backed_door(cells: Any, case: Case, rng: random.Random, folder: Path) -> None:
    path = _written(cells, case, folder)
    if case.spoil_file is not None:
        return
    backed = anndata.read_h5ad(path, backed="r")
    try:
        rng.choice([pseudobulk_door, score_door, encoder_door if case.about_labels else score_door])(
            backed, case, rng, folder
        )
    finally:
        backed.file.close()


def screen_door(cells: Any, case: Case, rng: random.Random, folder: Path) -> None:
    """What the commands 'responses' and 'fit' read."""
    names = ("groupby", "target_sum")
    options = {name: case.options[name] for name in names if name in case.options}
    options |= {name: value for name, value in _reading(case).items() if name != "control"}
    control = case.options["control"]
    control = (
        None if control == "control" and rng.random() < 0.5 else [control] if isinstance(control, str) else control
    )
    contexts = case.options.get("covariates", [])
    path = _written(cells, case, folder)
    screen = read_screen(
        path, control=control, contexts=contexts, skip_doubtful=case.is_sound and rng.random() < 0.2, **options
    )
    batches = screen.conditions["batch"] if contexts else [""] * len(screen.conditions)
    _compare(screen.conditions[LABEL], batches, screen.responses, case, "read_screen")
    X, _, encoder = encode(screen)
    genes = np.asarray(encoder.genes_, dtype=str)
    for label, row in zip(screen.conditions[LABEL], X.to_numpy(), strict=True):
        assert set(genes[row[: len(genes)] > 0]) == key_of(label, case)


def command_door(cells: Any, case: Case, rng: random.Random, folder: Path) -> None:
    """The command line, and the numbers that it writes."""
    path = _written(cells, case, folder)
    lines = [_score_line, _fit_line, _responses_line, *([_labels_line] if case.about_labels else [])]
    line = rng.choice(lines if case.spoil_prediction is None else [_score_line])
    line(str(path), case, rng, folder)


def _labels_line(path: str, case: Case, rng: random.Random, folder: Path) -> None:
    _run(["labels", path, *_arguments(case), "--csv", str(folder / "labels.csv")])
    table = pd.read_csv(folder / "labels.csv").dropna(subset="label")
    if table["is_doubtful"].any():
        doubtful = table[table["is_doubtful"]]
        raise DoubtedError(f"{doubtful['label'].iloc[0]}: {doubtful['reason'].iloc[0]}")
    table = table[~table["is_control"]]
    found: dict[Any, int] = {}
    for genes, n in zip(table["genes"], table["n_cells"], strict=True):
        found[frozenset(genes.split(", "))] = found.get(frozenset(genes.split(", ")), 0) + n
    counted = collections.Counter(key for key in case.keys if key)
    assert found == dict(counted), "labels"


def _total(case: Case) -> list[str]:
    return ["--target-sum", f"{TOTAL:g}"] if "target_sum" in case.options else []


def _score_line(path: str, case: Case, rng: random.Random, folder: Path) -> None:
    if {"covariates", "sep", "guide_prefix"} & set(case.options):
        raise NotForThisDoorError
    predicted, distance = _predictions(case, rng, -2.5)
    if case.spoil_prediction is not None:
        predicted = case.spoil_prediction(predicted)
    if not isinstance(predicted, pd.DataFrame):
        raise NotForThisDoorError
    predicted.to_csv(folder / "predicted.csv", lineterminator=rng.choice(["\n", "\r\n"]), encoding="utf-8-sig")
    line = ["score", path, str(folder / "predicted.csv"), "--no-tests", "--csv", str(folder / "scores.csv")]
    _run([*line, *_arguments(case), *_total(case)])
    table = pd.read_csv(folder / "scores.csv").set_index(["model", "metric"])
    _agree(table.loc[("predicted", "l2"), "score"], distance, "score line")


def _fit_line(path: str, case: Case, rng: random.Random, folder: Path) -> None:
    if {"covariates", "sep", "guide_prefix"} & set(case.options):
        raise NotForThisDoorError
    model = str(folder / "model.skops")
    _run(["fit", "responses", path, "--model", "additive", "--save", model, *_arguments(case), *_total(case)])
    truth = {key: change for (key, _), (change, _) in case.truth().items()}
    singles = sorted(next(iter(key)) for key in truth if len(key) == 1)
    pairs = [(a, b) for a in singles for b in singles if a < b]
    (folder / "pairs.txt").write_text("".join(f"{b}+{a}\n" for a, b in pairs), encoding="utf-8-sig", newline="\r\n")
    _run(["predict", model, str(folder / "pairs.txt"), "--csv", str(folder / "out.csv")])
    found = pd.read_csv(folder / "out.csv")
    expected = [truth[frozenset([a])] + truth[frozenset([b])] for a, b in pairs]
    _agree(found[list(case.genes)], expected, "fit and predict")


def _responses_line(path: str, case: Case, rng: random.Random, folder: Path) -> None:
    label = case.options.get("sep", "+").join(case.options.get("guide_prefix", "") + gene for gene in ("KLF1", "CEBPA"))
    line = ["responses", path, "--repeats", "0", "--predict", label, "--csv", str(folder / "out.csv")]
    contexts = ["--contexts", "batch"] if "covariates" in case.options else []
    _run([*line, *contexts, *_arguments(case), *_total(case)])
    found = pd.read_csv(folder / "out.csv")
    assert list(found.columns[-2 * len(case.genes) : -len(case.genes)]) == list(case.genes)
    assert np.isfinite(found[list(case.genes)].to_numpy()).all()


DOORS = {
    "functions": [pseudobulk_door, pseudobulk_door, encoder_door, score_door, cell_eval_door],
    "files": [screen_door, screen_door, command_door, command_door],
    "score": [score_door, score_door, command_door],
    "": [pseudobulk_door, cell_eval_door, encoder_door, score_door, backed_door, screen_door, command_door],
}
#: Warnings of other packages, on what is none of our business.
_OTHERS = ("Observation names are not unique", "Variable names are not unique", "Transforming to str index")


def _place(error: BaseException) -> str:
    """Say where an error was raised, and whether its text is one of ours."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    inside = (
        frame.filename.startswith(PACKAGE)
        or isinstance(error, DoubtedError)
        or frame.filename.endswith("_param_validation.py")
    )
    return "" if inside else f"{Path(frame.filename).name}:{frame.lineno}"


def attempt(seed: int) -> tuple[str, str]:
    """Make a case, send it through a door, and return the outcome and what was done.

    Outcomes: "right", "refused" and "warned" are what has to be; "WRONG", "DEEP", "ACCEPTED", "REFUSED" and "ALARM" are
    faults.
    """
    rng = random.Random(seed)
    case = rng.choice([by_hand, by_hand, simulated, counts])(rng)
    spoilt = rng.choice(SPOILT) if rng.random() < 0.45 else None
    n_changes = rng.randint(1, 4) if spoilt is None else rng.choice([0, 0, 1, 2])
    for change in (rng.choice(HARMLESS) for _ in range(n_changes)):
        change(case, rng)
        case.done.append(change.__name__)
    case.values = np.array(case.values)
    try:
        named = "" if spoilt is None else spoilt(case, rng)
    except NotForThisDoorError:
        return "skipped", str(seed)
    case.done += [] if spoilt is None else [spoilt.__name__.upper()]
    case.is_sound = spoilt is None
    case.about_labels = spoilt is None or spoilt in ABOUT_LABELS
    doors = [door for door in DOORS[case.only] if case.about_labels or door is not encoder_door]
    door = rng.choice(doors)
    what = f"{seed} {'+'.join(case.done)} -> {door.__name__}"
    caught: list[warnings.WarningMessage]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        error: BaseException | None = None
        try:
            door(case.cells(), case, rng, Path(folder))
        except NotForThisDoorError:
            return "skipped", what
        except (Exception, SystemExit) as found:
            error = found
    said = [
        str(one.message) for one in caught if one.category is UserWarning and not str(one.message).startswith(_OTHERS)
    ]
    if error is not None and not isinstance(error, AssertionError):
        return _judged_error(error, named, n_changes == 0), f"{what}: {type(error).__name__}: {error} {_place(error)}"
    if said and (not named or re.search(named, " ".join(said))):
        return ("warned" if named else "ALARM"), f"{what}: {said}"
    if error is not None:
        return ("ACCEPTED" if named else "WRONG"), f"{what}: {error}"
    return ("unnoticed" if named else "right"), what


def _judged_error(error: BaseException, named: str, alone: bool) -> str:
    if _place(error) or not isinstance(error, ValueError | TypeError | OSError):
        return "DEEP"
    if not named:
        return "REFUSED"
    return "refused" if not alone or re.search(named, str(error)) else "MISNAMED"


FAULTS = ("WRONG", "DEEP", "ACCEPTED", "REFUSED", "ALARM", "MISNAMED")


@pytest.mark.parametrize("seed", range(6))
def test_layouts_change_nothing_and_what_is_spoilt_is_named(seed):
    rng = random.Random(seed)
    found = [attempt(rng.randrange(2**32)) for _ in range(30)]
    assert not [what for outcome, what in found if outcome in FAULTS]
    counts = collections.Counter(outcome for outcome, _ in found)
    assert counts["right"] > 5
    assert counts["refused"] + counts["warned"] > 5


def main() -> None:
    """Go on until the time is over, and print the faults and the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0, help="of processor time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="one case, with its traceback")
    arguments = parser.parse_args()
    if arguments.only is not None:
        print(*attempt(arguments.only))  # noqa: T201
        return
    rng, counts, end = (
        random.Random(arguments.seed),
        collections.Counter(),
        time.process_time() + 60 * arguments.minutes,
    )
    while time.process_time() < end:
        outcome, what = attempt(rng.randrange(2**32))
        counts[outcome] += 1
        if outcome in FAULTS or outcome == "unnoticed":
            print(outcome, what[:600], flush=True)  # noqa: T201
        if sum(counts.values()) % 500 == 0:
            print(sum(counts.values()), dict(counts), flush=True)  # noqa: T201
    print(sum(counts.values()), dict(counts))  # noqa: T201
    sys.exit(any(counts[name] for name in FAULTS))


if __name__ == "__main__":
    main()
