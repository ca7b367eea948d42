"""The section of a perturbation screen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skperturb._cell_files import open_cells
from skperturb._labels import LabelReader
from skperturb._near_names import listed, nearest
from skperturb.report._drawing import histogram
from skperturb.report._page import Section, facts, note, table
from skperturb.report._parts import Parts

__all__ = ["screen_section"]

_CONTROLS = ("control", "ctrl")
# Names of columns with labels in published screens, the commonest first.
_COLUMNS = ("perturbation", "condition", "gene", "guide")
# Larger files take longer to average than a file has time, as a rule.
_MOST_BYTES = 1_000_000_000
_MOST_LABELS, _MOST_CONDITIONS = 300, 200
# Models of pairs: conditions to learn from, genes that respond, and candidates.
_MOST_LEARNED, _MOST_RESPONDING, _MOST_CANDIDATES = 500, 2_000, 5_000
_SHOWN_CANDIDATES = 100
_LEAST_PAIRS = 3
_CELLS = (1, 10, 30, 100, 300, 1_000)
# Counts per cell to which raw counts are scaled, as usual.
_TARGET_SUM = 10_000


def screen_section(path: str, parts: Parts, *, groupby: str | None, control: Sequence[str]) -> Section:
    """Return what the page says of a screen.

    Parameters
    ----------
    path : str
        Cells, as anndata reads them.
    parts : Parts
        Where the section grows.
    groupby : str or None
        Column of the labels.
    control : sequence of str
        Labels of the unperturbed cells.

    Returns
    -------
    Section

    Raises
    ------
    ValueError, OSError
        If the file can't be read, no column holds labels, or no cell has one of the controls that a user named.
    """
    from skperturb.responses import describe_labels

    cells = open_cells(Path(path))
    try:
        column = _column(cells.obs, groupby)
        if column in cells.obs:
            _check_controls(cells.obs[column], control)
        with parts.doubting():
            labels = describe_labels(cells.obs, column, control=list(control))
        parts.doubts += _doubts(labels)
        doubtful = int(labels["is_doubtful"].sum())
        outcome = f"{cells.n_obs} cells, {labels['condition'].nunique()} conditions, {doubtful} labels doubtful"
        parts.begin(path, "perturbation screen", outcome, _read(cells, column, labels))
        parts.add("Labels", partial(_labels, labels))
        screen = _Screen(cells, column, control, labels)
        parts.add("Responses", screen.responses)
        parts.add("Baselines", screen.baselines)
        parts.add("Pairs that nobody tested", screen.candidates)
    finally:
        cells.file.close()
    return parts.section()


def _read(cells: Any, column: str, labels: pd.DataFrame) -> str:
    return facts(
        [
            ("cells", cells.n_obs),
            ("genes", cells.n_vars),
            ("labels in", column),
            ("different labels", len(labels)),
            ("control cells", int(labels.loc[labels["is_control"], "n_cells"].sum())),
            ("cells with a doubtful label", int(labels.loc[labels["is_doubtful"], "n_cells"].sum())),
            ("other columns", ", ".join(str(name) for name in cells.obs.columns if name != column) or "none"),
        ]
    )


def _column(obs: pd.DataFrame, groupby: str | None) -> str:
    if groupby is not None:
        return groupby
    found = next((name for name in _COLUMNS if name in obs.columns), None)
    if found is None:
        raise ValueError(
            f"the table of the cells has the columns {list(obs.columns)[:10]}, none of which is called "
            f"{', '.join(_COLUMNS)}; pass groupby= (--groupby), the column with the labels."
        )
    return found


def _check_controls(labels: pd.Series, control: Sequence[str]) -> None:
    """Refuse names of controls that no label holds; ours, which nobody wrote, may be missing."""
    written = [name for name in control if name not in _CONTROLS]
    known = [label for label in labels.dropna().unique() if isinstance(label, str)]
    there = LabelReader(control=list(control)).controls_in(known) if written else []
    missing = next((name for name in written if name not in there and name not in known), None)
    if missing is not None:
        raise ValueError(
            f"control names {missing!r}{nearest(missing, known)}, which no cell has; expected labels of the controls, "
            f"among {listed(sorted(known))}."
        )


def _doubts(labels: pd.DataFrame) -> list[str]:
    found = []
    doubtful = labels[labels["is_doubtful"]]
    if len(doubtful):
        found.append(
            f"{len(doubtful)} of {len(labels)} labels, of {int(doubtful['n_cells'].sum())} cells, can be read in more "
            "than one way or in none; they are left out of all that follows. The table of labels says why."
        )
    if not labels["is_control"].any():
        found.append("No label names control cells; pass control= (--control).")
    varying = sorted({part for words in labels.get("varies", []) if words for part in words.split(", ")})
    if varying:
        found.append(
            f"What varies inside conditions is averaged over: {', '.join(varying)}. Where conditions differ in it, the "
            "responses below may show that; pseudobulk(covariates=…) averages within it."
        )
    return found


def _labels(labels: pd.DataFrame) -> str:
    ordered = labels.sort_values(["is_doubtful", "n_cells"], ascending=[False, False], kind="stable")
    shown = ordered[["label", "condition", "genes", "dose", "is_control", "n_cells", "is_doubtful", "reason"]]
    shown = shown.rename(columns=lambda name: name.removeprefix("is_").replace("n_cells", "cells"))
    return table(shown, "How each label is read, doubtful ones first", most=_MOST_LABELS)


class _Screen:
    """What is computed from the cells, each only once."""

    def __init__(self, cells: Any, column: str, control: Sequence[str], labels: pd.DataFrame) -> None:
        self._cells, self._column, self._labels = cells, column, labels
        self._control = list(control)
        self._target: pd.DataFrame | None = None
        self._dose: pd.DataFrame | None = None

    def responses(self) -> str:
        """Average the cells and show what responds most."""
        size = os.path.getsize(self._cells.filename)
        if size > _MOST_BYTES:
            return note(f"Left out: the file has {size / 1e9:.1f} GB, more than {_MOST_BYTES / 1e9:g} GB.")
        bulk, how = self._average()
        self._target = bulk.target
        counts = np.asarray(bulk.n_cells)
        values = bulk.target.to_numpy()
        sizes = np.linalg.norm(values, axis=1)
        order = np.argsort(-sizes, kind="stable")
        strongest = [self._strongest(values[k]) for k in order]
        shown = pd.DataFrame(
            {
                "condition": bulk.target.index[order],
                "cells": counts[order],
                "size of the response": sizes[order],
                "up": [up for up, _ in strongest],
                "down": [down for _, down in strongest],
            }
        )
        said = note(
            f"Mean over the cells of a condition less that of the controls; its size is the root of the sum of squares "
            f"over {values.shape[1]} genes, and grows as cells get fewer. {how}"
        )
        what = f"Conditions by their number of cells; median {np.median(counts):g}."
        return said + histogram(counts, _CELLS, what) + table(shown, "Strongest responses first", most=_MOST_CONDITIONS)

    def baselines(self) -> str:
        """Compare what knows nothing of pairs with the measured ones."""
        from skperturb.metrics import pearson_delta
        from skperturb.responses import AdditiveRegressor

        X, y = self._learnable()
        pairs, alone = self._known_pairs(X)
        if pairs.sum() < _LEAST_PAIRS:
            return note(f"None: {int(pairs.sum())} measured pairs of genes that were perturbed alone too.")
        truth = y[pairs].to_numpy()
        guesses = {
            "no change": np.zeros_like(truth),
            "mean of the single perturbations": np.tile(y[alone].to_numpy().mean(axis=0), (len(truth), 1)),
            "sum of the two single responses": np.asarray(
                AdditiveRegressor().fit(X[alone], y[alone]).predict(X[pairs])
            ),
        }
        rows = [
            {
                "baseline": name,
                "mean distance to the measured response": np.linalg.norm(truth - guess, axis=1).mean(),
                "mean correlation over genes": pearson_delta(truth, guess) if np.ptp(guess) else np.nan,
            }
            for name, guess in guesses.items()
        ]
        measured = int(((X.to_numpy() != 0).sum(axis=1) == 2).sum())
        said = note(
            "How far measured pairs are from what single perturbations alone say: a model has to be nearer. Compared "
            f"are {len(truth)} of {measured} pairs, those of which both genes were perturbed alone too."
        )
        return said + table(pd.DataFrame(rows), f"Baselines on {len(truth)} measured pairs")

    def candidates(self) -> str:
        """Rank the pairs that nobody tested."""
        from skperturb.responses import (
            AdditiveRegressor,
            KernelPerturbationRegressor,
            PerturbationEncoder,
            rank_candidates,
            untested_combinations,
        )

        X, y = self._learnable()
        if not (self._known_pairs(X)[0]).any():
            return note(
                "None: no pair was measured, so that nothing tells how pairs depart from the sum of their genes."
            )
        if len(X) > _MOST_LEARNED:
            return note(f"Left out: {len(X)} conditions to learn from, more than {_MOST_LEARNED}.")
        labels = untested_combinations(X.index, control=self._control)
        n_all = len(labels)
        labels = labels[:_MOST_CANDIDATES]
        encoder = PerturbationEncoder(control=self._control).fit(X.index)
        wanted = pd.DataFrame(np.asarray(encoder.transform(labels)), labels, encoder.get_feature_names_out())
        additive = AdditiveRegressor().fit(X, y)
        ranked = rank_candidates(KernelPerturbationRegressor().fit(X, y), additive, wanted, top=_SHOWN_CANDIDATES)
        of_all = f"{n_all} pairs of genes that were perturbed alone" + (
            f", of which the first {len(labels)} by name were ranked" if n_all > len(labels) else ""
        )
        return note(
            f"{of_all}. Effect: size of the predicted response; interaction: its distance to the sum of the single "
            "ones, the baseline; uncertainty: standard deviation; surprise: both together, the reason to test a pair."
        ) + table(ranked, "Pairs to test, most surprising first")

    # -- inner workings -------------------------------------------------------------------------------
    def _average(self) -> tuple[Any, str]:
        from skperturb.responses import pseudobulk

        doubtful = self._labels.loc[self._labels["is_doubtful"], "label"]
        obs = self._cells.obs
        readable = obs[self._column].astype(object)
        # Cells without a label belong to no condition; a doubtful one would be refused.
        obs[self._column] = readable.where(~readable.isin(list(doubtful)), None)
        present = [name for name in self._control if (readable == name).any()]
        counts = _looks_like_counts(self._cells)
        bulk = pseudobulk(
            self._cells, self._column, present or self._control, target_sum=_TARGET_SUM if counts else None
        )
        how = f"Raw counts: each cell was scaled to {_TARGET_SUM} counts, and log(1 + x) taken." if counts else ""
        return bulk, how

    def _strongest(self, response: np.ndarray, most: int = 4) -> tuple[str, str]:
        assert self._target is not None
        genes = self._target.columns
        order = np.argsort(response, kind="stable")
        down = [f"{genes[k]} {response[k]:+.2f}" for k in order[:most] if response[k] < 0]
        up = [f"{genes[k]} {response[k]:+.2f}" for k in order[::-1][:most] if response[k] > 0]
        return ", ".join(up), ", ".join(down)

    def _learnable(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return doses and responses, of the genes that vary most."""
        from skperturb.responses import PerturbationEncoder

        if self._target is None:
            raise ValueError("the responses were not computed.")
        target = self._target
        if target.shape[1] > _MOST_RESPONDING:
            kept = np.sort(np.argsort(-target.to_numpy().var(axis=0), kind="stable")[:_MOST_RESPONDING])
            target = target.iloc[:, kept]
        if self._dose is None:
            encoder = PerturbationEncoder(control=self._control).fit(target.index)
            doses = np.asarray(encoder.transform(target.index))
            self._dose = pd.DataFrame(doses, target.index, encoder.get_feature_names_out())
        return self._dose, target

    @staticmethod
    def _known_pairs(X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Mark the pairs whose genes were perturbed alone too, and the single perturbations."""
        genes = (X.to_numpy() != 0).astype(int)
        alone = genes.sum(axis=1) == 1
        known = genes[alone].max(axis=0, initial=0)
        return (genes.sum(axis=1) == 2) & (genes @ known == 2), alone


def _looks_like_counts(cells: Any) -> bool:
    first = cells.X[: min(200, cells.n_obs)]
    values = np.asarray(first.data if hasattr(first, "tocsr") else first)
    return bool(values.size and np.array_equal(values, np.rint(values)) and values.max() > 1)
