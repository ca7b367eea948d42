"""The SBML engine beside libRoadRunner and COPASI: what each obtains from the same files, and how long it takes.

Each engine works in a process of its own, model by model, under the same time limit; imports are not counted. The
models go through the engines in blocks, so that a change in the load of the machine meets all of them. libRoadRunner
and COPASI (``copasi-basico``) are no requirements of the package (the extra "peers" installs them): an engine that is
not installed is left out, and so is, with a warning, one that is installed and can't be imported.
"""

import argparse
import importlib.util
import json
import random
import re
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._command_types import count_or_all, seconds, seed, whole_number
from .._processes import map_isolated
from . import _engine_peers as peers
from ._clamping import AGREES, screen_clamps
from ._engine_differences import explain, roadrunner_residual
from ._options import refuse_unused
from ._semantic_suite import report_suite, run_suite, write_suite
from ._tables import format_table

__all__ = ["add_arguments", "benchmark_engine", "report", "run"]

RESIDUAL = 1e-6  # one independent residual test for the steady states of all engines
DIFFERENCE = 1e-5  # of the largest term of a Jacobian's row, in scaled coordinates
_SIZE_FLOOR = 1e-6  # of the largest variable: what is smaller is measured against this
_START_FLOOR = 1e-9  # of the largest initial value: what is smaller starts equally at zero
_SAME_STATE = 1e-3  # of a variable: states of two engines nearer than this count as one
_MODULES = {"copasi": "basico", "roadrunner": "roadrunner"}
_WORKERS = {"copasi": peers.run_copasi, "roadrunner": peers.run_roadrunner}


def benchmark_engine(
    paths: Sequence[str | Path],
    *,
    timeout: float = 20.0,
    block: int = 50,
    verbose: int = 0,
    after_block: Callable[[list[dict[str, Any]]], object] | None = None,
) -> list[dict[str, Any]]:
    """Run every engine on every file.

    Parameters
    ----------
    paths : sequence of str or Path
        SBML files.
    timeout : float, default=20.0
        Seconds for one model in one engine.
    block : int, default=50
        Number of models that one engine treats before the next takes its turn.
    verbose : int, default=0
        Show progress bars when positive.
    after_block : callable, default=None
        Called with all rows so far after each block.

    Returns
    -------
    list of dict
        For each file ``path`` and one dict per engine: ``finite`` (a finite Jacobian at the initial state),
        ``t_jacobian`` and ``t_steady`` (seconds), ``steady`` (a finite state was reported), ``residual`` (of that
        state under another engine's right-hand side), ``difference`` (to our Jacobian at the same state),
        ``explained`` (the entries that differ most, see `skperturb.reproduce._engine_differences.explain`) or
        ``why`` (there is nothing).

    Warns
    -----
    UserWarning
        If another engine is installed and can't be imported, which says nothing about the models.
    """
    listed = [str(path) for path in paths]
    tools = [tool for tool in _MODULES if _is_usable(tool)]
    rows: list[dict[str, Any]] = []
    for begin in range(0, len(listed), block):
        rows += _run_block(listed[begin : begin + block], tools, timeout, verbose)
        if after_block is not None:
            after_block(rows)
    return rows


def _is_usable(tool: str) -> bool:
    """Tell whether a peer is installed and can be imported, which is tried in a process of its own."""
    module = _MODULES[tool]
    if importlib.util.find_spec(module) is None:
        return False
    (outcome,) = map_isolated(peers.load, [module], n_jobs=1, timeout=None)
    if outcome.kind != "value":
        warnings.warn(
            f"{tool} is installed but can't be imported, and is left out: {outcome.error}.", UserWarning, stacklevel=3
        )
    return outcome.kind == "value"


def _run_block(paths: list[str], peer_tools: list[str], timeout: float, verbose: int) -> list[dict[str, Any]]:
    options: dict[str, Any] = {"n_jobs": 1, "timeout": timeout, "verbose": verbose}
    results = {"skperturb": [_value(o) for o in map_isolated(peers.run_skperturb, paths, **options)]}
    tasks = list(zip(paths, results["skperturb"], strict=True))
    for tool in peer_tools:
        results[tool] = [_value(outcome) for outcome in map_isolated(_WORKERS[tool], tasks, **options)]
    states = [
        {tool: found[k]["steady"] for tool, found in results.items() if tool != "skperturb" and found[k].get("steady")}
        for k in range(len(paths))
    ]
    judged = [_value(o) for o in map_isolated(peers.judge, list(zip(paths, states, strict=True)), **options)]
    rows = [
        _summary(path, {tool: found[k] for tool, found in results.items()}, judged[k]) for k, path in enumerate(paths)
    ]
    _judge_ours_again(rows, results, options)
    _explain_differences(rows, results, options)
    return rows


def _judge_ours_again(
    rows: list[dict[str, Any]], results: dict[str, list[dict[str, Any]]], options: dict[str, Any]
) -> None:
    """Test our states with libRoadRunner's rates where COPASI's are not to be had."""
    if "roadrunner" not in results:
        return
    open_ = [k for k, row in enumerate(rows) if row["skperturb"]["steady"] and row["skperturb"]["residual"] is None]
    tasks = [(rows[k]["path"], results["skperturb"][k]) for k in open_]
    for k, outcome in zip(open_, map_isolated(roadrunner_residual, tasks, **options), strict=True):
        rows[k]["skperturb"]["residual"] = outcome.value if outcome.kind == "value" else None


def _explain_differences(
    rows: list[dict[str, Any]], results: dict[str, list[dict[str, Any]]], options: dict[str, Any]
) -> None:
    """Add to each row what the peer's own rates say of the entries on which the Jacobians differ."""
    wanted = [
        (k, tool, where, key)
        for k, row in enumerate(rows)
        for tool in results.keys() - {"skperturb"}
        for where, key, difference in (("initial", "jacobian", "difference"), ("steady", "rest", "difference_at_rest"))
        if row[tool].get(difference) is not None and not row[tool][difference] <= DIFFERENCE
    ]
    tasks = [
        (rows[k]["path"], tool, results["skperturb"][k], results[tool][k]["at_ours"][key], where)
        for k, tool, where, key in wanted
    ]
    for (k, tool, where, _), outcome in zip(wanted, map_isolated(explain, tasks, **options), strict=True):
        entries = outcome.value if outcome.kind == "value" else [{"reason": f"{outcome.kind}: {outcome.error}"[:200]}]
        rows[k][tool].setdefault("explained", {})[where] = entries


def _value(outcome: Any) -> dict[str, Any]:
    return outcome.value if outcome.kind == "value" else {"why": f"{outcome.kind}: {outcome.error}"[:200]}


def _summary(path: str, results: dict[str, dict[str, Any]], judged: dict[str, Any]) -> dict[str, Any]:
    ours = results["skperturb"]
    row: dict[str, Any] = {
        "path": path,
        "has_events": ours.get("has_events"),
        "n_variables": len(ours.get("names", ())),
    }
    for tool, found in results.items():
        kept = {key: found.get(key) for key in ("finite", "t_jacobian", "t_steady", "why", "stable", "reached")}
        kept["steady"] = found.get("steady") is not None
        kept["residual"] = judged.get(tool)
        row[tool] = kept
    row["skperturb"]["refused"] = "UnsupportedModelError" in str(ours.get("why"))
    row["skperturb"]["residual"] = _foreign_residual(ours, results.get("copasi", {}).get("at_ours", {}))
    for tool in results.keys() - {"skperturb"}:
        row[tool] |= _differences(ours, results[tool].get("at_ours") or {})
        row[tool]["same_steady_state"] = _same_state(ours, results[tool])
    return row


def _foreign_residual(ours: dict[str, Any], at_ours: dict[str, Any]) -> float | None:
    if ours.get("steady") is None or "rest_rhs" not in at_ours:
        return None
    return peers.residual_of_ours(ours, at_ours["rest_rhs"])


def _differences(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"names_differ": theirs.get("names")}
    if "initial" in theirs and not result["names_differ"]:
        result["initial_difference"] = _largest_difference(theirs["initial"], ours["initial"])
    for where, key, state in (
        ("difference", "jacobian", ours.get("initial")),
        ("difference_at_rest", "rest", ours.get("steady")),
    ):
        mine = ours.get("jacobian" if key == "jacobian" else "jacobian_at_rest")
        if key in theirs and mine is not None and state is not None:
            x = np.array([state[name] for name in ours["names"]])
            result[where] = _jacobian_difference(mine, theirs[key], x)
    return result


def _largest_difference(a: dict[str, float], b: dict[str, float]) -> float:
    largest = max((abs(value) for value in b.values()), default=0.0) or 1.0
    return max((abs(a[k] - v) / max(abs(v), _START_FLOOR * largest) for k, v in b.items() if k in a), default=0.0)


def _jacobian_difference(mine: np.ndarray, theirs: np.ndarray, x: np.ndarray) -> float:
    """Return the largest difference of two Jacobians in scaled coordinates, relative to the row's largest entry."""
    scale = np.maximum(np.abs(x), _SIZE_FLOOR * np.abs(x).max(initial=0.0))
    scale[scale == 0.0] = 1.0
    if mine.size == 0:
        return 0.0
    size = np.abs(mine * scale).max(axis=1)
    size[size == 0.0] = np.abs(theirs * scale).max(axis=1)[size == 0.0]
    size[size == 0.0] = 1.0
    worst = float(np.max(np.abs((mine - theirs) * scale) / size[:, None]))
    return worst if np.isfinite(worst) else float("inf")


def _same_state(ours: dict[str, Any], theirs: dict[str, Any]) -> bool | None:
    if not ours.get("steady") or not theirs.get("steady"):
        return None
    x = np.array([ours["steady"][name] for name in ours["names"]])
    y = np.array([theirs["steady"].get(name, np.nan) for name in ours["names"]])
    scale = np.maximum(np.abs(x), _SIZE_FLOOR * np.abs(x).max(initial=0.0))
    return bool(np.all(np.abs(x - y) <= _SAME_STATE * np.where(scale > 0.0, scale, 1.0)))


def report(rows: Sequence[dict[str, Any]]) -> str:
    """Format counts, medians and ratios, and list the models on which the Jacobians differ."""
    tools = [tool for tool in ("skperturb", "copasi", "roadrunner") if tool in rows[0]]
    lines = [f"{len(rows)} models, each engine in its own process, imports not counted", ""]
    counts = [[text, *(_count(rows, tool, test) for tool in tools)] for text, test in _COUNTS.items()]
    lines += [format_table(["models", *tools], counts), ""]
    medians = []
    for text, key in (("file to Jacobian", "t_jacobian"), ("file to steady state to Jacobian", "t_steady")):
        common = [row for row in rows if all(row[tool].get(key) is not None for tool in tools)]
        times = {tool: [row[tool][key] for row in common] for tool in tools}
        middle = {tool: float(np.median(times[tool])) if common else float("nan") for tool in tools}
        medians.append([f"{text}, median ms ({len(common)} models)", *(round(1e3 * middle[t], 2) for t in tools)])
        medians.append(["  90th percentile, ms", *(_percentile(times[t]) for t in tools)])
        medians.append(["  ours / theirs", *(round(middle["skperturb"] / middle[t], 3) for t in tools)])
    lines += [format_table(["time", *tools], medians), "", *_differing(rows, tools[1:])]
    return "\n".join(lines)


def _percentile(times: list[float]) -> float:
    return round(1e3 * float(np.percentile(times, 90)), 2) if times else float("nan")


def _is_right(row: dict[str, Any], tool: str) -> bool:
    """Say whether the Jacobian at the initial state is that of the rates, as far as the comparison can tell."""
    entries = {peer: (row.get(peer, {}).get("explained") or {}).get("initial", []) for peer in ("copasi", "roadrunner")}
    if tool == "skperturb":
        both = [entry["reason"] for found in entries.values() for entry in found]
        wrong = {"theirs", "open"}.intersection(both)
        return not wrong and (bool(row[tool].get("finite")) or (bool(both) and set(both) <= {"infinite", "step"}))
    return bool(row[tool].get("finite")) and not row["skperturb"].get("refused") and not entries[tool]


_COUNTS: dict[str, Callable[[dict[str, Any], str], bool]] = {
    "finite Jacobian at the initial state": lambda row, tool: bool(row[tool].get("finite")),
    "  of a model that is refused here by name": lambda row, tool: (
        bool(row[tool].get("finite")) and bool(row["skperturb"].get("refused"))
    ),
    f"Jacobian right, or infinite as the slope is (to {DIFFERENCE:g})": _is_right,
    "steady state reported": lambda row, tool: row[tool]["steady"],
    f"its residual under another engine < {RESIDUAL:g}": lambda row, tool: _is_confirmed(row[tool]),
    "  and the trajectory reaches it (ours), or it is that state": lambda row, tool: (
        _is_confirmed(row[tool])
        and bool(row["skperturb"].get("reached"))
        and (tool == "skperturb" or bool(row[tool].get("same_steady_state")))
    ),
    "same state as ours": lambda row, tool: bool(row[tool].get("same_steady_state")),
    "time limit": lambda row, tool: str(row[tool].get("why")).startswith("timeout"),
    "process died": lambda row, tool: str(row[tool].get("why")).startswith("died"),
}


def _is_confirmed(found: dict[str, Any]) -> bool:
    return bool(found["steady"] and found.get("residual") is not None and found["residual"] < RESIDUAL)


def _count(rows: Sequence[dict[str, Any]], tool: str, test: Any) -> int:
    return sum(test(row, tool) for row in rows)


_WHERE = {"difference": "initial", "difference_at_rest": "steady"}


def _reasons(rows: Sequence[dict[str, Any]], tool: str, where: str) -> dict[str, str]:
    """Return for each model what the peer's rates say of the entry that differs most."""
    texts = {}
    for row in rows:
        entries = (row[tool].get("explained") or {}).get(where)
        if not entries:
            continue
        worst = next((entry for entry in entries if entry["reason"] in ("theirs", "open")), entries[0])
        texts[Path(row["path"]).stem] = f"  {worst['reason']}" + (
            ": d[{row}]/d[{column}] ours {ours:.6g}, theirs {theirs:.6g}, their rates from below {left:.6g}, "
            "from above {right:.6g}".format(**worst)
            if "row" in worst
            else ""
        )
    return texts


def _differing(rows: Sequence[dict[str, Any]], tools: Sequence[str]) -> list[str]:
    lines = []
    for tool in tools:
        for key in ("initial_difference", "difference", "difference_at_rest"):
            values = [(row[tool].get(key), Path(row["path"]).stem) for row in rows if row[tool].get(key) is not None]
            listed = sorted((item for item in values if not item[0] <= DIFFERENCE), reverse=True)
            lines.append(f"{tool}: {key} above {DIFFERENCE:g} in {len(listed)} of {len(values)} compared")
            explained = _reasons(rows, tool, _WHERE.get(key, ""))
            lines += [f"  {name}  {value:.2g}{explained.get(name, '')}" for value, name in listed]
            reasons = Counter(text.split(":")[0].strip() for text in explained.values())
            lines += [f"  {count} models: {reason}" for reason, count in reasons.most_common()]
        odd = [
            f"  {Path(row['path']).stem}  {row[tool]['names_differ']}" for row in rows if row[tool].get("names_differ")
        ]
        lines += [f"{tool}: not compared, {len(odd)} models", *odd]
    return lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``python -m skperturb reproduce engine``."""
    parser.add_argument(
        "--sample", type=whole_number, metavar="N", help="a random sample of the models; by default (or 0) all"
    )
    parser.add_argument("--seed", type=seed, metavar="N", help="of the sample, with --sample; default: 0")
    parser.add_argument("--timeout", type=seconds, default=20.0, metavar="SECONDS", help="for one model in one engine")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the per-model rows as JSON")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--clamp", action="store_true", help="instead, hold each variable of the small models and integrate to rest"
    )
    instead.add_argument(
        "--suite",
        type=Path,
        metavar="DIR",
        help="instead, compute the cases of the public semantic suite that lie there",
    )
    parser.add_argument(
        "--form",
        type=_form,
        metavar="lXvY",
        help="Level and Version of the files, with --suite (by default the highest)",
    )
    parser.add_argument("--jobs", type=count_or_all, metavar="N", help="worker processes, with --suite; default: 2")
    parser.add_argument("--data-home", type=Path, metavar="DIR", help="default: SKPERTURB_DATA, else ~/skperturb_data")


def _form(text: str) -> str:
    """Read a Level and Version, as the files of the suite have them in their names."""
    if not re.fullmatch(r"l\dv\d", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no Level and Version; expected such as l3v1")
    return text


def run(arguments: argparse.Namespace) -> int:
    """Run the benchmark on the curated models of the data home, or the semantic suite, and print its report."""
    from ..datasets import fetch_biomodels

    if arguments.suite:
        refuse_unused(arguments, ["--sample", "--seed", "--data-home"], "without --suite")
        return _run_suite(arguments)
    refuse_unused(arguments, ["--form", "--jobs"], "with --suite")
    if not arguments.sample:
        refuse_unused(arguments, ["--seed"], "with --sample")
    paths = [str(path) for path in fetch_biomodels(None, data_home=arguments.data_home).data]
    if arguments.sample:
        paths = sorted(random.Random(arguments.seed or 0).sample(paths, min(arguments.sample, len(paths))))
    if arguments.clamp:
        found = screen_clamps(paths, timeout=arguments.timeout, verbose=1)
        print(report_clamps(found))
        if arguments.json:
            rows = [{"path": path, **result} for path, result in found]
            arguments.json.write_text(json.dumps(rows, indent=1, default=float) + "\n", encoding="utf-8")
        return 0

    def save(rows: list[dict[str, Any]]) -> None:
        print(f"{len(rows)} of {len(paths)} models", flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(rows, indent=1, default=float) + "\n", encoding="utf-8")

    print(report(benchmark_engine(paths, timeout=arguments.timeout, verbose=1, after_block=save)))
    return 0


def _run_suite(arguments: argparse.Namespace) -> int:
    n_jobs = 2 if arguments.jobs is None else arguments.jobs
    results = run_suite(arguments.suite, form=arguments.form, n_jobs=n_jobs, timeout=arguments.timeout, verbose=1)
    print(report_suite(results))
    if arguments.json:
        write_suite(results, arguments.json)
    return 0


def report_clamps(results: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """Format the comparison of sensitivities with brute force, one row per model."""
    rows, errors = [], []
    for path, found in results:
        if "skipped" in found:
            continue
        errors += found["errors"]
        rows.append(
            [Path(path).stem, found["n"], len(found["errors"]), *(_of(found["errors"])), found["worst"] or "",
             f"{found['flagged_away']}/{found['flagged']}", f"{found['undefined_moving']}/{found['undefined']}",
             ", ".join(f"{name} {why}" for name, why in found["odd"])]
        )  # fmt: skip
    header = ["model", "states", "columns", "median", "worst", "at", "flagged", "undefined", "odd"]
    skipped = Counter(found["skipped"].split(":")[0] for _, found in results if "skipped" in found)
    total = f"{len(errors)} columns of {len(rows)} models: median {np.median(errors) if errors else np.nan:.1e}, "
    total += f"{sum(error <= AGREES for error in errors)} within {AGREES:g}; skipped: {dict(skipped)}"
    return "\n".join([format_table(header, rows), "", total])


def _of(errors: Sequence[float]) -> tuple[str, str]:
    return (f"{np.median(errors):.1e}", f"{max(errors):.1e}") if errors else ("", "")
