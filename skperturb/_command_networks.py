"""Command line: ``python -m skperturb networks FILES``, the strongest responses in models and in bare networks."""

import argparse
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ._command_types import count_or_all, positive_integer, seconds
from ._model_files import MODEL_SUFFIXES, expand_folders
from ._near_names import listed
from ._pairs import MISSING_NAMES
from ._text_tables import (
    as_numbers,
    check_repeated_header,
    clean_names,
    counts_rows,
    heads_names,
    is_number,
    read_cells,
    read_text,
    warn_of_spreadsheet,
)

__all__ = ["add_networks", "network_responses", "read_network", "respond", "run"]

# Endings of files that hold a network without kinetics, one edge in a row.
_TABLES = (".csv", ".tsv", ".txt", ".graphml")
# Of which the name of a column of concentrations has some.
_VALUE_WORDS = {"value", "values", "concentration", "conc", "amount", "level", "state", "mean", "abundance", "number"}
# Rows that are printed of each file; all are in the file that --csv names.
_SHOWN = 10


def add_networks(commands: Any) -> None:
    """Add the command.

    Parameters
    ----------
    commands : argparse sub-parsers
    """
    parser = commands.add_parser(
        "networks",
        help="steady state and strongest responses of models (SBML), or of bare networks (edge list, GraphML)",
        description="Example: python -m skperturb networks model.xml --top 3 --csv responses.csv",
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="SBML, a folder of it, GraphML, or a table: source, target, sign"
    )
    parser.add_argument(
        "--top", type=positive_integer, default=5, metavar="K", help="responses of each perturbed variable; default: 5"
    )
    parser.add_argument("--structure", action="store_true", help="do not use the constants of a model")
    parser.add_argument("--state", type=Path, metavar="CSV", help="measured concentrations: name, value")
    parser.add_argument("--csv", type=Path, metavar="OUT", help="write the table")
    parser.add_argument("--figures", dest="drawings", type=Path, metavar="DIR", help="draw each network there")
    parser.add_argument(
        "--export", type=Path, metavar="DIR", help="write each network there, as GraphML and as JSON for Cytoscape"
    )
    parser.add_argument("--jobs", type=count_or_all, default=None, metavar="N", help="worker processes")
    parser.add_argument("--timeout", type=seconds, default=60.0, metavar="SECONDS", help="for one file; default: 60")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return the exit status: 1 if no file could be read."""
    files = expand_folders(arguments.files)
    outcomes = network_responses(
        files,
        top=arguments.top,
        structure_only=arguments.structure,
        state=None if arguments.state is None else _read_state(arguments.state),
        drawings=arguments.drawings,
        export=arguments.export,
        n_jobs=arguments.jobs,
        timeout=arguments.timeout,
        verbose=1,
    )
    tables = []
    for path, outcome in zip(files, outcomes, strict=True):
        if outcome.error is not None:
            print(f"{path}: {outcome.error}\n")
            continue
        table, said = outcome.value
        print(f"{path}: {said}")
        print(table.head(_SHOWN).to_string(index=False, float_format=lambda value: f"{value:.3g}"))
        print(f"{len(table)} responses" + (_rest(arguments) if len(table) > _SHOWN else "") + "\n")
        tables.append(table.assign(file=path))
    if tables and arguments.csv is not None:
        pd.concat(tables, ignore_index=True).to_csv(arguments.csv, index=False)
        print(f"{sum(map(len, tables))} rows written to {arguments.csv}")
    return int(not tables)


def _rest(arguments: argparse.Namespace) -> str:
    return f", the first {_SHOWN} shown" + ("" if arguments.csv else "; --csv OUT writes all")


def network_responses(
    paths: Sequence[str],
    *,
    top: int = 5,
    structure_only: bool = False,
    state: pd.Series | None = None,
    drawings: Path | None = None,
    export: Path | None = None,
    n_jobs: int | None = None,
    timeout: float = 60.0,
    verbose: int = 0,
) -> list[Any]:
    """List the strongest responses of each of several files, each in a worker process.

    Parameters
    ----------
    paths : sequence of str
        SBML files, GraphML files or tables of edges.
    top : int, default=5
        Responses for each source.
    structure_only : bool, default=False
        Leave the constants of models aside.
    state : Series, default=None
        Known concentrations, by name; the responses are predicted from the structure and these then.
    drawings : Path, default=None
        Where each network is drawn.
    export : Path, default=None
        Where each network is written as GraphML and as JSON for Cytoscape.
    n_jobs, timeout, verbose
        As in `skperturb._processes.map_isolated`.

    Returns
    -------
    list of Outcome
        Of each file: the value is the table of `skperturb.networks.top_responses` and what it rests on.
    """
    from ._processes import map_isolated

    targets = []
    for folder, suffixes in ((drawings, (".png",)), (export, (".graphml", ".cyjs"))):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            targets += [_files(paths, folder, suffix) for suffix in suffixes]
    jobs = [(path, top, structure_only, state, [files[k] for files in targets]) for k, path in enumerate(paths)]
    modules = ("skperturb.sbml.model", "skperturb.networks")
    return map_isolated(respond, jobs, n_jobs=n_jobs, timeout=timeout, verbose=verbose, modules=modules)


def _files(paths: Sequence[str], folder: Path, suffix: str) -> list[Path]:
    """Return a file for each network, numbered where files in different folders have one name."""
    stems = [Path(path).name.split(".")[0] for path in paths]
    return [folder / f"{stem}{f'_{k}' if stems.count(stem) > 1 else ''}{suffix}" for k, stem in enumerate(stems)]


def respond(job: tuple[str, int, bool, pd.Series | None, list[Path]]) -> tuple[pd.DataFrame, str]:
    """Return the strongest responses of one file, and what they rest on; runs in a worker process.

    Parameters
    ----------
    job : tuple
        Path, number of responses for each source, whether to leave the constants aside, known concentrations or None,
        and the files that the network is drawn in or written to.

    Returns
    -------
    table : DataFrame
        See `skperturb.networks.top_responses`.
    said : str
    """
    path, top, structure_only, state, files = job
    from .networks import write_network

    # Doubts stand with the file that they are about; a warning of a worker process would not name it.
    with warnings.catch_warnings(record=True) as doubts:
        warnings.simplefilter("always", UserWarning)
        network, said = read_network(path)
        if state is not None:
            _check_state(state, list(map(str, network.names)))
        for file in files:
            (_draw if file.suffix == ".png" else write_network)(network, file)
        kinetic = network.steady_state is not None and not structure_only and state is None
        table, basis = _exact(network, top) if kinetic else _structural(network, top, state)
    texts = dict.fromkeys(str(one.message) for one in doubts if issubclass(one.category, UserWarning))
    return table, "\n".join([f"{said}; {basis}", *(f"doubtful: {text}" for text in texts)])


def _check_state(state: pd.Series, names: list[str]) -> None:
    """Raise ValueError if a variable of the network has no concentration."""
    missing = [name for name in names if name not in state.index]
    if missing:
        odd = [str(name) for name in state.index if name not in names]
        others = f"; the network has none of its {listed(odd)}" if odd else ""
        raise ValueError(
            f"--state lacks {len(missing)} of the {len(names)} variables: {listed(missing)}{others}. Expected a "
            "concentration for each."
        )


def read_network(path: str) -> tuple[Any, str]:
    """Read a model at its steady state, or else at its initial state, or a bare network.

    Parameters
    ----------
    path : str

    Returns
    -------
    network : InfluenceNetwork
    said : str
        What it is.
    """
    from ._network import InfluenceNetwork

    if any(suffix.lower() in _TABLES for suffix in Path(path).suffixes):
        signs = _read_edges(Path(path))
        return InfluenceNetwork(signs), f"{len(signs)} nodes, {int(np.count_nonzero(signs))} edges, no kinetics"
    from .exceptions import InvalidModelError
    from .report._rest import network_at_rest
    from .sbml import KineticModel

    try:
        model = KineticModel.from_sbml(path)
    except InvalidModelError as error:
        if path.lower().endswith(MODEL_SUFFIXES):
            raise
        raise InvalidModelError(f"{error}. Bare networks end in {', '.join(_TABLES)}.") from None
    network, status, _ = network_at_rest(model)
    steady = network.steady_state
    if steady is None:
        return network, f"{network.n_nodes} variables, no steady state ({status})"
    reached = "reached" if steady.is_reached else "not reached by the trajectory"
    return network, f"{network.n_nodes} variables, steady state {reached}, residual {steady.residual:.1e}"


def _exact(network: Any, top: int) -> tuple[pd.DataFrame, str]:
    from .networks import top_responses
    from .sbml import sensitivity_matrix
    from .sbml.screen import died_out

    matrix = sensitivity_matrix(network, "relative", undefined="nan")
    found = top_responses(matrix, top, state=network.state)
    table = found.assign(basis="constants of the model")
    # What a screen calls so too: at zero, or on the way there for ever.
    dead = died_out(network.state[list(network.names)])
    told = ", ".join(f"{count} {kind}" for kind, count in table.attrs.items() if count and kind != "none")
    return table, (
        "exact responses, per cent per per cent"
        + (f" ({told}, left out)" if told else "")
        + (f"; died out: {', '.join(map(str, dead[:5]))}{', …' if len(dead) > 5 else ''}" if dead else "")
    )


def _structural(network: Any, top: int, state: pd.Series | None) -> tuple[pd.DataFrame, str]:
    from .networks import StructuralSensitivity, top_responses

    (found,) = StructuralSensitivity(state=state).predict_responses([network])
    table = top_responses(found.signed, top, probability=found.certainty)
    places = found.rank.index.get_indexer(table["target"]), found.rank.columns.get_indexer(table["source"])
    table = table.assign(rank_low=found.lower.to_numpy()[places], rank_high=found.upper.to_numpy()[places])
    known = "" if state is None else " and the measured concentrations"
    return table.assign(basis="structure"), (
        f"predicted from the structure{known}, without constants\nrank: among the responses to one source; response: "
        "signed rank among all pairs, 1 the strongest, with its 90 % interval from rank_low to rank_high"
    )


def _read_edges(path: Path) -> pd.DataFrame:
    """Return a signed matrix, row = target, of an edge list or a GraphML file; variables without a sign activate."""
    is_graphml = any(suffix.lower() == ".graphml" for suffix in path.suffixes)
    rows, names = (_graphml_rows if is_graphml else _table_rows)(path)
    matrix = pd.DataFrame(0.0, index=names, columns=names)
    seen: dict[tuple[str, str], float] = {}
    for k, (source, target, sign) in enumerate(rows):
        value = _as_sign(sign, path, k)
        if seen.setdefault((source, target), value) != value:
            raise ValueError(
                f"{str(path)!r} has {source!r} → {target!r} with different signs, the second one as edge {k}; expected "
                "one."
            )
        matrix.loc[target, source] = value
    return matrix


def _graphml_rows(path: Path) -> tuple[list[tuple[str, str, Any]], list[str]]:
    from .datasets._read_interactions import read_graphml

    graph, names = read_graphml(read_text(path, markup=True), path)
    rows = []
    for source, target, data in graph.edges(data=True):
        sign = next((data[name] for name in ("sign", "effect", "weight") if name in data), None)
        if sign is None:
            # Cytoscape keeps the kind of an edge there, which may be "pp" as well.
            kind = str(data.get("interaction", "")).strip().lower()
            sign = kind if kind in _SIGNS else 1.0
        rows.append((names[source], names[target], sign))
        if not graph.is_directed() and source != target:
            rows.append((names[target], names[source], sign))
    return rows, list(names.values())


def _table_rows(path: Path) -> tuple[list[tuple[str, str, Any]], list[str]]:
    from .datasets._read_interactions import read_edge_table

    table, genes = read_edge_table(path)
    name = _sign_column(table, list(genes), path)
    signs: Sequence[Any] = [1.0] * len(table) if name is None else table[name].to_list()
    rows = list(zip(*genes.values(), signs, strict=True))
    return rows, list(dict.fromkeys(name for row in rows for name in row[:2]))


def _sign_column(table: pd.DataFrame, genes: list[Any], path: Path) -> Any:
    """Return the column of the signs: by its name, else the only one there is, or the only one that has signs."""
    further = [name for name in table.columns if name not in genes]
    words = {str(name).lower(): name for name in further}
    called = next((words[word] for word in _SIGN_COLUMNS if word in words), None)
    if called is not None:
        return called
    behind = [name for name in further if name != table.columns[0] or not counts_rows(table[name])]
    signed = [name for name in behind if all(_sign(value) is not None for value in table[name])]
    if len(behind) > 1 and len(signed) != 1:
        raise ValueError(
            f"{str(path)!r} has the columns {', '.join(map(str, behind[:4]))} beside the names; expected one with "
            "signs. Call it 'sign'."
        )
    return (signed or behind or [None])[0]


_SIGNS = {
    "+": 1.0, "-": -1.0, "−": -1.0, "activation": 1.0, "inhibition": -1.0, "activates": 1.0, "inhibits": -1.0,
    "stimulation": 1.0, "repression": -1.0, "activator": 1.0, "repressor": -1.0, "up": 1.0, "down": -1.0,
}  # fmt: skip


# Names of columns of signs, the surest first.
_SIGN_COLUMNS = ("sign", "effect", "mor", "weight", "regulation", "interaction", "type")


def _sign(value: Any) -> float | None:
    text = str(value).strip().lower()
    if text in _SIGNS:
        return _SIGNS[text]
    return float(np.sign(float(text))) if is_number(text) else None


def _as_sign(value: Any, path: Path, row: int) -> float:
    sign = _sign(value)
    if sign is None:
        raise ValueError(
            f"{str(path)!r} has {value!r} as sign of edge {row}; expected a number, '+', '-', 'activation' or "
            "'inhibition'."
        )
    return sign


def _read_state(path: Path) -> pd.Series:
    table = read_cells(path).frame
    if table.shape[1] != 2:
        raise ValueError(f"{str(path)!r} has {table.shape[1]} columns; expected two: name, value.")
    name, value = table.iloc[0]
    if not is_number(value) and (heads_names(name) or set(re.findall("[a-z]+", value.lower())) & _VALUE_WORDS):
        check_repeated_header(table, path)
        table = table.iloc[1:]
    if not len(table):
        raise ValueError(f"{str(path)!r} has names of columns and no row below them; expected a row for each variable.")
    names = pd.Index(clean_names(table[0]), dtype=object)
    missing = names.isin(MISSING_NAMES)
    if missing.any() or not names.is_unique:
        row = int(np.argmax(missing if missing.any() else names.duplicated()))
        problem = "lacks a name" if missing.any() else f"has {names[row]!r} a second time"
        raise ValueError(f"{str(path)!r} {problem} in row {row}; expected another name in every row.")
    warn_of_spreadsheet(names, path)
    values = as_numbers(table[[1]].set_axis(names).set_axis(["value"], axis=1), path)["value"]
    if (values < 0).any():
        row = int(np.argmax(values.to_numpy() < 0))
        raise ValueError(f"{str(path)!r} has {table[1].iloc[row]!r} for {names[row]!r}; expected a number ≥ 0.")
    return values.rename(None)


def _draw(network: Any, path: Path) -> None:
    from matplotlib.figure import Figure

    from .plotting import NetworkDisplay

    display = NetworkDisplay.from_network(network)
    # Not on a figure of pyplot, which would keep all of them.
    figure = Figure(figsize=display._figure_size(), layout="constrained")
    display.plot(ax=figure.add_subplot())
    figure.savefig(path, dpi=150)
