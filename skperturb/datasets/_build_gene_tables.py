"""Graph and terms of genes, built from public files."""

import csv
import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skperturb._near_names import nearest
from skperturb._validation import check_at_least, check_mapping, check_names, check_path
from skperturb.datasets._built import check_target, write_built
from skperturb.datasets._fetch import DataHome, get_data_home
from skperturb.datasets._read_interactions import read_interactions

__all__ = ["build_gene_graph", "build_gene_terms"]

_GRAPH, _TERMS = "responses/gene_graph_edges.tsv.gz", "responses/gene_go_terms.tsv.gz"
# Columns of a GO annotation file (GAF 2), counted from 0.
_GAF = {"symbol": 2, "qualifier": 3, "term": 4, "evidence": 6}
_PARENTS = ("is_a: ", "relationship: part_of ")


def build_gene_graph(
    sources: Mapping[str, str | PathLike | Any],
    *,
    symbols: Mapping[str, str] | pd.Series | None = None,
    genes: Iterable[str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    data_home: DataHome = None,
    overwrite: bool = False,
) -> Path:
    """Build the file that `fetch_gene_graph` reads, from files of interactions.

    Parameters
    ----------
    sources : mapping of str to path or pairs
        For each name of a source ("StringDB", "SIGNOR", …) a file for `read_interactions`, or an array of pairs of
        names.
    symbols : mapping of str to str, default=None
        Gene symbols of other identifiers, such as STRING's proteins; what it does not name stays as it is.
    genes : iterable of str, default=None
        Edges with other genes are left out; None keeps all.
    options : mapping of str to mapping, default=None
        Options of `read_interactions` for a source, such as ``{"StringDB": {"min_weight": 900}}``.
    data_home : str or path-like, default=None
        See `get_data_home`.
    overwrite : bool, default=False
        Replace a file that is there.

    Returns
    -------
    path : pathlib.Path
        The file, with the columns ``gene_a``, ``gene_b`` and ``source``.

    Raises
    ------
    ValueError
        If a source holds no edge among the genes, `options` names a source that is not there, or the file is there and
        `overwrite` is False.

    Examples
    --------
    >>> import tempfile
    >>> from skperturb.datasets import build_gene_graph, fetch_gene_graph
    >>> pairs = [["KLF1", "GATA1"], ["P1", "KLF1"]]
    >>> with tempfile.TemporaryDirectory() as home:
    ...     path = build_gene_graph({"own": pairs}, symbols={"P1": "TAL1"}, data_home=home)
    ...     fetch_gene_graph(home).to_numpy().tolist()
    [['GATA1', 'KLF1', 'own'], ['KLF1', 'TAL1', 'own']]
    """
    named, renaming = check_mapping(options, "options"), check_mapping(symbols, "symbols")
    sources = check_mapping(sources, "sources")
    unknown = sorted(set(named) - set(sources))
    if not sources:
        raise ValueError("sources is empty; expected a path, or pairs of genes, for each name.")
    if unknown:
        alike = nearest(str(unknown[0]), map(str, sources))
        raise ValueError(
            f"options names {unknown[0]!r}{alike}; expected names of sources, which are {sorted(sources)}."
        )
    kept = None if genes is None else set(check_names(genes, "genes"))
    home = get_data_home(data_home)
    check_target(_GRAPH, home, overwrite)
    parts = [
        _edges(name, source, check_mapping(named.get(name), f"options[{name!r}]"), renaming, kept)
        for name, source in sources.items()
    ]
    table = pd.concat(parts, ignore_index=True).sort_values(["source", "gene_a", "gene_b"])
    paths = {name: Path(source) if _is_path(source) else None for name, source in sources.items()}
    return write_built(table, _GRAPH, home, paths, overwrite=overwrite)


def _is_path(source: Any) -> bool:
    return isinstance(source, str | PathLike)


def _edges(
    name: str, source: Any, options: dict[str, Any], symbols: dict[str, str], genes: set[str] | None
) -> pd.DataFrame:
    pairs = read_interactions(source, **options).pairs if _is_path(source) else np.asarray(source, dtype=object)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(f"sources[{name!r}] has the shape {pairs.shape}; expected a path, or pairs (n, 2) of names.")
    renamed = [sorted(symbols.get(gene, gene) for gene in pair) for pair in pairs.tolist()]
    found = sorted({(a, b) for a, b in renamed if a != b and (genes is None or {a, b} <= genes)})
    if not found:
        raise ValueError(f"sources[{name!r}] holds no edge among the genes; its names are such as {renamed[:2]}.")
    return pd.DataFrame(found, columns=["gene_a", "gene_b"]).assign(source=name)


def build_gene_terms(
    annotations: str | PathLike,
    ontology: str | PathLike | None = None,
    *,
    evidence: Sequence[str] | None = None,
    genes: Iterable[str] | None = None,
    min_size: int = 3,
    max_size: int = 500,
    data_home: DataHome = None,
    overwrite: bool = False,
) -> Path:
    """Build the file that `fetch_gene_terms` reads, from annotations of the Gene Ontology.

    Parameters
    ----------
    annotations : str or path-like
        Annotations in the format GAF 2 (``goa_human.gaf.gz``), also compressed. Those with the qualifier NOT are left
        out.
    ontology : str or path-like, default=None
        The ontology as OBO (``go-basic.obo``): a gene of a term then belongs to the terms above it too ("is_a" and
        "part_of"). None takes the annotations as they are.
    evidence : sequence of str, default=None
        Codes of evidence to keep, such as ``["EXP", "IDA", "IPI", "IMP", "IGI", "IEP"]`` for experiments; None keeps
        all.
    genes : iterable of str, default=None
        Genes to keep, after the sizes were counted; None keeps all.
    min_size : int, default=3
        Terms with fewer genes are left out.
    max_size : int, default=500
        Terms with more genes are left out.
    data_home : str or path-like, default=None
        See `get_data_home`.
    overwrite : bool, default=False
        Replace a file that is there.

    Returns
    -------
    path : pathlib.Path
        The file, with the columns ``gene``, ``term`` and ``term_size``.

    Raises
    ------
    ValueError
        If a file is not of its format, nothing is left, or the file is there and `overwrite` is False.

    Examples
    --------
    >>> from skperturb.datasets import build_gene_terms
    >>> path = build_gene_terms("goa_human.gaf.gz", "go-basic.obo")  # doctest: +SKIP
    """
    path = check_path(annotations, "annotations")
    parents = None if ontology is None else check_path(ontology, "ontology")
    kept = None if genes is None else check_names(genes, "genes")
    if evidence is not None:
        evidence = check_names(evidence, "evidence")
    check_at_least(min_size, "min_size", 1)
    check_at_least(max_size, "max_size", min_size)
    home = get_data_home(data_home)
    check_target(_TERMS, home, overwrite)
    table = _read_gaf(path, evidence)
    if parents is not None:
        table = _propagate(table, _read_parents(parents))
    table = table.drop_duplicates()
    table = table.assign(term_size=table.groupby("term")["gene"].transform("size"))
    table = table[table["term_size"].between(min_size, max_size)]
    if kept is not None:
        table = table[table["gene"].isin(set(kept))]
    if not len(table):
        raise ValueError(f"{path}: no term of {min_size} to {max_size} genes is left; widen the sizes or the evidence.")
    sources = {"annotations": path, "ontology": parents}
    return write_built(
        table.sort_values(["gene", "term"]),
        _TERMS,
        home,
        sources,
        overwrite=overwrite,
    )


def _read_gaf(path: Path, evidence: Sequence[str] | None) -> pd.DataFrame:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        # Comments stand in lines of their own; a "!" inside a name is none.
        text = "".join(line for line in file if not line.startswith("!"))
    reading = {"sep": "\t", "header": None, "usecols": list(_GAF.values()), "dtype": str, "keep_default_na": False}
    try:
        raw = pd.read_csv(io.StringIO(text), quoting=csv.QUOTE_NONE, **reading)
    except (ValueError, pd.errors.ParserError) as error:
        raise ValueError(f"{path} is no GAF 2 ({error}); expected lines of 15 to 17 columns.") from error
    table = raw.set_axis(list(_GAF), axis=1)
    table = table[~table["qualifier"].str.split("|").map(lambda words: "NOT" in words)]
    if not table["term"].str.startswith("GO:").all():
        raise ValueError(f"{path}: column {_GAF['term'] + 1} holds {table['term'].iloc[0]!r}; expected terms (GO:…).")
    if evidence is not None:
        table = table[table["evidence"].isin(list(evidence))]
    return table.rename(columns={"symbol": "gene"})[["gene", "term"]]


def _read_parents(path: Path) -> dict[str, set[str]]:
    """Return the terms directly above each term of an OBO file."""
    parents: dict[str, set[str]] = {}
    term = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            term = None
        elif line.startswith("id: GO:"):
            term = line.removeprefix("id: ").strip()
            parents[term] = set()
        elif term is not None and line.startswith(_PARENTS):
            start = next(start for start in _PARENTS if line.startswith(start))
            parents[term].add(line.removeprefix(start).split("!")[0].split()[0])
    if not parents:
        raise ValueError(f"{path} holds no term ('id: GO:…'); expected an OBO file.")
    return parents


def _propagate(table: pd.DataFrame, parents: dict[str, set[str]]) -> pd.DataFrame:
    above: dict[str, frozenset[str]] = {}
    for term in pd.unique(table["term"]):
        _ancestors(term, parents, above)
    return table.assign(term=table["term"].map(lambda term: sorted(above[term]))).explode("term")


def _ancestors(term: str, parents: dict[str, set[str]], above: dict[str, frozenset[str]]) -> frozenset[str]:
    """Return a term and all above it; a search without recursion, so that no depth and no cycle stops it."""
    if term not in above:
        found, waiting = {term}, [term]
        while waiting:
            new = parents.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        above[term] = frozenset(found)
    return above[term]
