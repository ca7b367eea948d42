"""The tables of GNE (KC et al. 2019), with the baselines and the controls that they lack.

One row for each model, kind of negatives and repeat: ``{protocol, setting, model, negatives, repeat, auroc, aupr,
precision_at_1000, recall_at_1000, ndcg_at_1000, mrr, hits_at_20, seconds}``. A model is fitted once in a repeat, on the
paper's uniform negatives, and judged by all kinds of negatives; the reciprocal ranks are among 100 hard negatives of
each of 1,000 test interactions (HeaRT), and stand in all rows of a model.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from skperturb._command_types import repetitions
from skperturb.metrics import hits_at_k, mean_reciprocal_rank, ndcg_at_k, precision_at_k, recall_at_k
from skperturb.model_selection import LinkSplit, link_prediction_split, sample_negative_pairs

from ._interaction_data import InteractionData, load_data
from ._interaction_models import MODELS, build_model, model_names
from ._options import refuse_unused
from ._tables import bootstrap_interval, format_table

__all__ = ["PROTOCOLS", "PUBLISHED", "add_arguments", "report", "reproduce_interactions", "run"]

#: AUROC and AUPR as printed in the paper for E. coli.
PUBLISHED = {"correlation+": (0.537, 0.557), "gne-published": (0.930, 0.931), "gne-published+": (0.940, 0.939)}

_REPEATS = 5
NEGATIVES = ("uniform", "connected", "degree")
# Pairs at the top of the order that precision, recall and gain look at.
_TOP = 1000
# Test interactions that get hard negatives, and how many each: 100,000 pairs to score.
_HARD_INTERACTIONS, _HARD_EACH, _HITS = 1000, 100, 20
SPARSITY = (0.1, 0.3, 0.5, 0.7, 0.9)
ATTRIBUTE_WEIGHTS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def reproduce_interactions(
    data: InteractionData,
    protocol: str = "table",
    *,
    models: Sequence[str] | None = None,
    n_repeats: int = 5,
    later_pairs: np.ndarray | None = None,
    device: str = "auto",
    random_state: int = 0,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> list[dict[str, Any]]:
    """Evaluate models on a network.

    Parameters
    ----------
    data : InteractionData
        From `load_data`.
    protocol : {"table", "sparsity", "lambda", "unseen", "temporal"}, default="table"
        Table 4 of the paper (40 % training, 10 % validation, 50 % test); training on a growing share of the
        interactions; the weight of expression; a tenth of the genes held out with all their pairs; interactions of a
        later release.
    models : sequence of str, default=None
        Names of `MODELS`; a choice that suits the data and the protocol when None.
    n_repeats : int, default=5
        Number of splits.
    later_pairs : ndarray of shape (n_later, 2), default=None
        For "temporal".
    device : str, default="auto"
        As torch names it.
    random_state : int, default=0
        Seed of the first repeat.
    progress : callable, default=None
        Called with each new row.

    Returns
    -------
    list of dict
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol={protocol!r} is unknown; expected one of {', '.join(PROTOCOLS)}.")
    if protocol == "temporal" and later_pairs is None:
        raise ValueError("protocol='temporal' needs later_pairs, the edge list of a later release.")
    if protocol == "lambda":
        _refuse_without_weight(data, models)
    has_expression = data.expression is not None
    names = model_names(models or _DEFAULT_MODELS.get(protocol, {}).get(has_expression), has_expression)
    rows = []
    for repeat in range(n_repeats):
        seed = random_state + repeat
        for setting, split, changes in PROTOCOLS[protocol](data, seed, later_pairs):
            tests = _test_sets(split, data, seed, later_pairs)
            hard = _hard_negatives(split, data, seed, later_pairs)
            for name in names:
                if "attribute_weight" in changes and not name.startswith("gne"):
                    continue
                fitted, seconds = _fit(name, split, data, seed, device, changes)
                own_ranks = _own_ranks(fitted, hard)
                for negatives, (X, y) in tests.items():
                    scores = fitted.decision_function(X)
                    row = {
                        "protocol": protocol,
                        "setting": setting,
                        "model": name,
                        "negatives": negatives,
                        "repeat": repeat,
                        "auroc": float(roc_auc_score(y, scores)),
                        "aupr": float(average_precision_score(y, scores)),
                        f"precision_at_{_TOP}": precision_at_k(y, scores, k=_TOP),
                        f"recall_at_{_TOP}": recall_at_k(y, scores, k=_TOP),
                        f"ndcg_at_{_TOP}": ndcg_at_k(y, scores, k=_TOP),
                        **own_ranks,
                        "seconds": round(seconds, 2),
                    }
                    rows.append(row)
                    if progress is not None:
                        progress(row)
    return rows


def _refuse_without_weight(data: InteractionData, models: Sequence[str] | None) -> None:
    """Refuse what the weight of the expression would not change."""
    if data.expression is None:
        raise ValueError("protocol='lambda' varies the weight of the expression; there is none. Pass expression.")
    if models is not None and not any(name.startswith("gne") for name in models):
        raise ValueError(
            f"models names {', '.join(models)}; protocol='lambda' varies the weight of the expression in those that "
            "begin with gne, such as gne-published+."
        )


_DEFAULT_MODELS: dict[str, dict[bool, list[str]]] = {
    "sparsity": {
        True: ["degree", "l3", "gne-published", "gne-published+", "gne-published-noise", "gne"],
        False: ["degree", "l3", "gne-published", "gne"],
    },
    "lambda": {True: ["gne-published+", "gne-published-permuted", "gne-published-noise"]},
    "unseen": {
        True: ["degree", "correlation+", "neighbors+", "gne-lookup+", "gne-lookup-permuted", "gne-lookup-noise"],
    },
}


def _fit(
    name: str, split: LinkSplit, data: InteractionData, seed: int, device: str, changes: dict[str, Any]
) -> tuple[Any, float]:
    model = build_model(name, data.expression, data.genes, seed, device)
    model.set_params(**changes)
    start = time.perf_counter()
    model.fit(split.X_train, split.y_train)
    return model, time.perf_counter() - start


def _test_sets(
    split: LinkSplit, data: InteractionData, seed: int, later_pairs: np.ndarray | None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the test interactions with each kind of negatives."""
    if len(split.held_out_genes):
        # Partners are drawn where the split was made; they are as popular as the interactions' own.
        return {"degree": (split.X_test, split.y_test)}
    positives = split.X_test[split.y_test == 1]
    known = data.pairs if later_pairs is None else np.concatenate([data.pairs, later_pairs])
    tests = {"uniform": (split.X_test, split.y_test)}
    for strategy in NEGATIVES[1:]:
        drawn = sample_negative_pairs(
            known, len(positives), strategy=strategy, genes=data.genes, ends=positives, random_state=1000 + seed
        )
        tests[strategy] = np.concatenate([positives, drawn]), np.repeat([1, 0], [len(positives), len(drawn)])
    return tests


def _hard_negatives(
    split: LinkSplit, data: InteractionData, seed: int, later_pairs: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return test interactions and the hard negatives of each; None for unseen genes, of whom no graph knows any."""
    if len(split.held_out_genes):
        return None
    positives = split.X_test[split.y_test == 1]
    chosen = positives[np.random.RandomState(seed).permutation(len(positives))[:_HARD_INTERACTIONS]]
    later = [] if later_pairs is None else [later_pairs]
    # Beyond the training all interactions are hidden from what makes a negative hard, and are no negatives.
    hidden = np.concatenate([positives, split.X_validation[split.y_validation == 1], *later])
    known = np.concatenate([split.X_train[split.y_train == 1], hidden])
    n_each = min(_HARD_EACH, len(data.genes) // 4)
    sample = sample_negative_pairs(
        known, n_each, strategy="heart", genes=data.genes, ends=chosen, hidden=hidden, random_state=seed
    )
    return chosen, sample


def _own_ranks(model: Any, hard: tuple[np.ndarray, np.ndarray] | None) -> dict[str, float]:
    if hard is None:
        return {}
    positives, negatives = hard
    scores = model.decision_function(negatives.reshape(-1, 2)).reshape(negatives.shape[:2])
    own = model.decision_function(positives)
    return {"mrr": mean_reciprocal_rank(own, scores), f"hits_at_{_HITS}": hits_at_k(own, scores, k=_HITS)}


_Settings = Iterator[tuple[str, LinkSplit, dict[str, Any]]]


def _table(data: InteractionData, seed: int, later_pairs: np.ndarray | None) -> _Settings:
    yield "", link_prediction_split(data.pairs, genes=data.genes, random_state=seed), {}


def _sparsity(data: InteractionData, seed: int, later_pairs: np.ndarray | None) -> _Settings:
    full = link_prediction_split(data.pairs, genes=data.genes, train_size=0.9, validation_size=0.0, random_state=seed)
    positives = full.X_train[full.y_train == 1]
    negatives = full.X_train[full.y_train == 0]
    for share in SPARSITY:
        # Growing prefixes of one order: the smaller training sets are part of the larger ones.
        n = max(1, round(share * len(positives)))
        part = LinkSplit(
            np.concatenate([positives[:n], negatives[:n]]),
            np.repeat([1, 0], [n, len(negatives[:n])]),
            full.X_validation,
            full.y_validation,
            full.X_test,
            full.y_test,
            full.genes,
            full.held_out_genes,
        )
        yield f"training on {share:.0%}", part, {}


def _attribute_weight(data: InteractionData, seed: int, later_pairs: np.ndarray | None) -> _Settings:
    split = link_prediction_split(data.pairs, genes=data.genes, random_state=seed)
    for weight in ATTRIBUTE_WEIGHTS:
        yield f"lambda {weight:.1f}", split, {"attribute_weight": weight}


def _unseen(data: InteractionData, seed: int, later_pairs: np.ndarray | None) -> _Settings:
    if data.expression is None:
        raise ValueError("protocol='unseen' needs expression: nothing else is known about an unseen gene.")
    split = link_prediction_split(
        data.pairs,
        genes=data.genes,
        train_size=1.0,
        validation_size=0.0,
        hold_out_genes=_measured_tenth(data, seed),
        negatives="degree",
        random_state=seed,
    )
    yield "", split, {}


def _measured_tenth(data: InteractionData, seed: int) -> np.ndarray:
    """Draw a tenth of the genes that have both interactions and expression."""
    assert data.expression is not None
    connected = pd.unique(data.pairs.ravel())
    measured = np.sort(connected[np.isin(connected, data.expression.index.to_numpy(dtype=object))])
    rng = np.random.RandomState(seed)
    return rng.choice(measured, size=max(1, len(measured) // 10), replace=False)


def _temporal(data: InteractionData, seed: int, later_pairs: np.ndarray | None) -> _Settings:
    genes = np.union1d(data.genes, pd.unique(np.asarray(later_pairs).ravel()))
    split = link_prediction_split(
        data.pairs, later_pairs=later_pairs, genes=genes, train_size=0.9, validation_size=0.1, random_state=seed
    )
    yield "", split, {}


PROTOCOLS: dict[str, Callable[..., _Settings]] = {
    "table": _table,
    "sparsity": _sparsity,
    "lambda": _attribute_weight,
    "unseen": _unseen,
    "temporal": _temporal,
}


def report(rows: Sequence[dict[str, Any]]) -> str:
    """Format the rows: means over repeats with 95 % intervals, for each kind of negatives.

    Parameters
    ----------
    rows : sequence of dict
        From `reproduce_interactions`.

    Returns
    -------
    str
    """
    frame = pd.DataFrame(rows)
    lines = []
    for setting, part in frame.groupby("setting", sort=False):
        if setting:
            lines += ["", str(setting)]
        kinds = [kind for kind in NEGATIVES if kind in set(part["negatives"])]
        header = ["model", *[f"{kind} AUROC / AUPR" for kind in kinds], f"95 % ({kinds[-1]} AUROC)", f"P@{_TOP}"]
        show_ranks = "mrr" in part
        header += [f"HeaRT MRR / Hits@{_HITS}"] if show_ranks else []
        header.append("seconds")
        show_published = part["protocol"].iloc[0] == "table"
        header += ["published"] if show_published else []
        table = []
        for model, group in part.groupby("model", sort=False):
            cells: list[Any] = [model]
            for kind in kinds:
                scores = group[group["negatives"] == kind]
                cells.append(f"{scores['auroc'].mean():.3f} / {scores['aupr'].mean():.3f}")
            low, high = bootstrap_interval(group[group["negatives"] == kinds[-1]]["auroc"].to_numpy())
            top = group[group["negatives"] == kinds[-1]][f"precision_at_{_TOP}"]
            cells += [_interval(low, high), f"{top.mean():.3f}"]
            if show_ranks:
                cells.append(f"{group['mrr'].mean():.3f} / {group[f'hits_at_{_HITS}'].mean():.3f}")
            cells.append(f"{group['seconds'].mean():.1f}")
            if show_published:
                cells.append("{:.3f} / {:.3f}".format(*PUBLISHED[model]) if model in PUBLISHED else None)
            table.append(cells)
        lines.append(format_table(header, table))
    if frame["protocol"].iloc[0] == "unseen":
        lines += ["", *_paired_differences(frame)]
    lines += ["", _NOTES]
    return "\n".join(lines).lstrip("\n")


_NOTES = (
    "uniform: negatives uniform over all genes (the paper's); connected: over genes with a test interaction;\n"
    "degree: genes as popular as those of the test interactions. The training pairs that every model is\n"
    "given have uniform negatives; the default GNE model draws degree-matched ones of its own besides.\n"
    f"P@{_TOP}: share of interactions among the {_TOP} best of these and the last kind of negatives. HeaRT: rank of a\n"
    f"test interaction among {_HARD_EACH} pairs of its genes that look most like interactions.\n"
    "published: E. coli, with other expression data. permuted, noise: controls with other genes' expression, and with\n"
    "random numbers."
)


def _interval(low: float, high: float, sign: str = "") -> str | None:
    """Write an interval; None for that of a single repeat, which has none."""
    return None if np.isnan(low) else f"[{low:{sign}.3f}, {high:{sign}.3f}]"


def _paired_differences(frame: pd.DataFrame) -> list[str]:
    """Compare our model with expression to the other models, repeat by repeat."""
    scores = frame.pivot_table(index="repeat", columns="model", values="auroc")
    ours = next((name for name in ("gne-lookup+", "gne+") if name in scores), None)
    lines = []
    for name in [] if ours is None else scores.columns.drop(ours):
        difference = (scores[ours] - scores[name]).to_numpy()
        low, high = bootstrap_interval(difference)
        lines.append(f"{ours} minus {name}: {difference.mean():+.3f} {_interval(low, high, '+') or ''}".rstrip())
    return lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``reproduce interactions``."""
    parser.add_argument(
        "--protocol",
        choices=[*PROTOCOLS, "operons"],
        default="table",
        help="what varies between the splits; table (the default): nothing, as in the published table; sparsity: the "
        "share of known interactions; lambda: the weight of the expression; unseen: whole genes are held out; "
        "temporal: tested on a later release; operons: what the AUROC owes to genes of one operon",
    )
    parser.add_argument("--repeats", type=repetitions, metavar="N", help=f"number of splits; default: {_REPEATS}")
    parser.add_argument("--models", metavar="A,B", help=f"some of {', '.join(MODELS)}")
    parser.add_argument("--edges", type=Path, metavar="FILE", help="edge list of your organism; by default E. coli")
    parser.add_argument("--expression", type=Path, metavar="FILE", help="its expression: genes in rows, names first")
    parser.add_argument("--later-edges", type=Path, metavar="FILE", help="a later release, for --protocol temporal")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the rows as JSON")
    parser.add_argument("--data-home", type=Path, metavar="DIR", help="default: SKPERTURB_DATA, else ~/skperturb_data")
    parser.add_argument("--device", default="auto", metavar="NAME", help="as torch names it; default: auto")


def run(arguments: argparse.Namespace) -> int:
    """Run ``reproduce interactions`` and return the exit status."""
    _refuse_unused_options(arguments)
    if arguments.device != "auto":
        _resolve(arguments.device)
    data = load_data(arguments.edges, arguments.expression, arguments.data_home)
    n_expression = 0 if data.expression is None else len(data.expression)
    print(
        f"{len(data.pairs)} interactions, {len(data.genes)} genes, expression of {n_expression}", *data.notes, sep="; "
    )
    models = None if arguments.models is None else [name.strip() for name in arguments.models.split(",")]
    if arguments.protocol == "operons":
        from ._operons import operon_report

        print(operon_report(data, models, device=arguments.device))
        return 0
    later = None
    if arguments.later_edges is not None:
        from ._interaction_data import read_edges

        later, _ = read_edges(arguments.later_edges)
    rows = reproduce_interactions(
        data,
        arguments.protocol,
        models=models,
        n_repeats=_REPEATS if arguments.repeats is None else arguments.repeats,
        later_pairs=later,
        device=arguments.device,
        progress=_print_row,
    )
    print()
    print(report(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        print(f"\nrows written to {arguments.json}")
    return 0


def _resolve(device: str) -> None:
    """Refuse a device that is not there before the work begins."""
    from skperturb._training import resolve_device

    resolve_device(device)


def _refuse_unused_options(arguments: argparse.Namespace) -> None:
    if arguments.edges is not None:
        refuse_unused(arguments, ["--data-home"], "without --edges")
    if arguments.protocol != "temporal":
        refuse_unused(arguments, ["--later-edges"], "with --protocol temporal")
    if arguments.protocol == "operons":
        refuse_unused(arguments, ["--repeats", "--json"], "with another protocol than operons")


def _print_row(row: dict[str, Any]) -> None:
    place = " ".join(
        part for part in (f"repeat {row['repeat']}", row["setting"], row["model"], row["negatives"]) if part
    )
    print(f"{place}: AUROC {row['auroc']:.4f}, AUPR {row['aupr']:.4f} ({row['seconds']:.1f} s)", flush=True)
