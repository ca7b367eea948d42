"""Tables of users about genes: named rows, edges of a gene graph, features and terms."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ._pairs import MISSING_NAMES
from ._text_tables import (
    all_numbers,
    as_numbers,
    converted,
    count_numbers,
    counts_rows,
    heads_names,
    means_number,
    named_rows,
    read_cells,
)

__all__ = ["TABLES", "read_gene_features", "read_graph", "read_named_rows"]

#: Endings of tables as text.
TABLES = (".csv", ".tsv", ".txt")
# Words of which the name of a column of terms consists: "GO term", "pathway_id".
_TERM_WORDS = {
    "go", "term", "terms", "id", "ids", "name", "accession", "pathway", "pathways", "set", "sets", "gene", "geneset",
    "ontology", "annotation", "category", "complex", "domain", "family", "process", "keyword", "kegg", "reactome",
}  # fmt: skip


def read_named_rows(path: Path, texts: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table with names of columns in its first line and of rows in its first column.

    Parameters
    ----------
    path : Path
        Ends in ``.csv``, ``.tsv`` or ``.txt``, and perhaps that of a compressed file.
    texts : sequence of str, default=()
        Columns that hold no numbers.

    Returns
    -------
    DataFrame of str
        Columns may be numbers instead, from the second on, which `as_numbers` returns as they are. Names of rows may
        stand more than once.
    """
    if not any(suffix.lower() in TABLES for suffix in path.suffixes):
        raise ValueError(
            f"{path} ends in {path.suffix!r}; expected .csv, .tsv or .txt, perhaps with .gz; cells are .h5ad."
        )
    return named_rows(read_cells(path, short_header=True, texts=texts), repeated=True)


def read_graph(path: Path) -> pd.DataFrame:
    """Read the edges of a gene graph: two columns of genes, and perhaps a kind and a weight.

    Parameters
    ----------
    path : Path
        A table, also compressed, with a header or without.

    Returns
    -------
    DataFrame
        The genes in the first two columns.

    Raises
    ------
    OSError, ValueError
        Names the file; also where a name is missing.
    """
    from .datasets._read_interactions import read_edge_table

    table, genes = read_edge_table(path)
    found = {str(name): names for name, names in genes.items()}
    first = table.columns[0]
    rows = [first] if first not in genes and counts_rows(table[first]) else []
    for name in table.columns.drop([*genes, *rows]):
        numbers = converted(table[name].to_numpy(dtype=object))
        found[str(name)] = _kinds_of_edges(table, name, path) if numbers is None else pd.Series(numbers, table.index)
    return pd.DataFrame(found)


def _kinds_of_edges(table: pd.DataFrame, name: Any, path: Path) -> pd.Series:
    """Return a column of texts, and refuse one that is a number in most rows that have it."""
    values = table[name][~table[name].isin(MISSING_NAMES)]
    numeric = 2 * count_numbers(values, meant=True) > len(values)
    return as_numbers(table[[name]], path)[name] if numeric else table[name]


def read_gene_features(path: Path) -> pd.DataFrame:
    """Read a table genes × features, or the rows "gene, term" of an ontology.

    Parameters
    ----------
    path : Path
        With a header and the genes in the first column, also compressed. Where the second column is text, or is called
        a term or set, each row gives a gene one of its terms.

    Returns
    -------
    DataFrame
        Numbers, or whether a gene has a term.

    Raises
    ------
    OSError, ValueError
        Names the file.
    """
    table = read_named_rows(path)
    is_boolean = all(column.isin(["TRUE", "FALSE", "True", "False"]).all() for _, column in table.items())
    if not is_boolean and _are_terms(table, path):
        genes, terms = pd.factorize(table.index, sort=True), pd.factorize(table.iloc[:, 0], sort=True)
        member = np.zeros((len(genes[1]), len(terms[1])), dtype=bool)
        member[genes[0], terms[0]] = True
        return pd.DataFrame(member, index=genes[1].to_numpy(dtype=object), columns=terms[1].to_numpy(dtype=object))
    if not table.index.is_unique:
        gene = table.index[table.index.duplicated()][0]
        raise ValueError(f"{path} has {gene!r} twice; expected one row of features for each gene.")
    table = table.rename_axis(index=None)
    return table.isin(["TRUE", "True"]) if is_boolean else as_numbers(table, path)


def _are_terms(table: pd.DataFrame, path: Path) -> bool:
    """Tell whether a table gives genes their terms, and refuse one with texts of another kind."""
    first, name = table.iloc[:, 0], str(table.columns[0])
    numeric = first.map(means_number)
    words = re.findall("[a-z]+", re.sub("(?<=[a-z])(?=[A-Z])", " ", name).lower())
    called = bool(words) and not re.search(r"\d", name) and set(words) <= _TERM_WORDS
    # Identifiers of KEGG are numbers with zeros in front.
    called = called and not (numeric.all() and first.str.contains(".", regex=False).any())
    if not called and 2 * numeric.sum() > len(first) and not first.str.fullmatch(r"0\d+").any():
        return False
    other = next((str(column) for column in table.columns[1:] if all_numbers(table[column])), None)
    if not called and other is not None:
        raise ValueError(
            f"{path} has texts in its column {name!r}, such as {first.iloc[0]!r}, and numbers in {other!r}; expected "
            "numbers behind the genes, or a second column called 'term'. Leave the column out."
        )
    if not called and not heads_names(str(table.index.name), partly=True) and not heads_names(name):
        raise ValueError(
            f"{path} begins with {table.index.name!r} and {name!r}; expected names of the columns in its first line, "
            "such as gene and term."
        )
    missing = first.isin(MISSING_NAMES).to_numpy()
    if missing.any():
        row = int(np.argmax(missing))
        raise ValueError(f"{path} lacks a term in row {row} ({table.index[row]!r}); expected one in every row.")
    return True
