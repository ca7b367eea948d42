"""Names of genes that differ between files: case, versions of identifiers, former symbols."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skperturb._interchange import as_pandas

__all__ = ["match_genes"]

_VERSIONED = re.compile(r"((?:ENS[A-Z]*G|NM_|NR_|XM_|XR_)\d+)\.\d+", re.IGNORECASE)
#: Columns of HGNC's tables, of the complete set and of the custom download.
_COLUMNS = {
    "symbol": ("symbol", "Approved symbol"),
    "former": ("prev_symbol", "Previous symbols", "Previous symbol"),
    "alias": ("alias_symbol", "Alias symbols", "Alias symbol"),
    "identifier": ("ensembl_gene_id", "Ensembl gene ID", "Ensembl ID(supplied by Ensembl)"),
}


def match_genes(names: Iterable[Any], to: Iterable[Any], symbols: Any = None) -> Bunch:
    """Find which names of one file are names of another, also where they are spelled otherwise.

    Each name is matched by the first of these that finds exactly one candidate: the same name; the same but for blanks
    at the ends; Ensembl or RefSeq identifiers without their version; the same but for case; with `symbols`, the same
    gene by its current symbol, a former symbol or an Ensembl identifier; an alias. A step that finds several candidates
    ends the search: the name is ambiguous and stays without a match.

    Parameters
    ----------
    names : iterable of str
        The names to match, such as the perturbed genes.
    to : iterable of str
        The names to find, such as the index of an expression table or the nodes of a graph.
    symbols : DataFrame of shape (n_symbols, n_columns), default=None
        A table in the format of HGNC: the column "symbol", and "prev_symbol", "alias_symbol" (separated by "|"),
        "ensembl_gene_id" or those of them that are there; the headers of HGNC's custom download are read too.

    Returns
    -------
    sklearn.utils.Bunch
        ``table`` (DataFrame with a row for each different name and the columns ``name``, ``match``, None without one,
        ``how``: "exact", "blanks", "version", "case", "symbol", "alias", "ambiguous" or "none", and ``is_shared``:
        other names have the same match), ``mapping`` (dict of the names with a match, for ``DataFrame.rename``),
        ``counts`` (Series, how many by each way) and ``n_unmatched``, how many remain without a match.

    Raises
    ------
    TypeError
        If `names` or `to` is a single text.
    ValueError
        If `symbols` has no column of symbols.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.responses import match_genes
    >>> hgnc = pd.DataFrame({"symbol": ["MARCHF1", "TP53"], "prev_symbol": ["MARCH1", None]})
    >>> found = match_genes(["TP53", "klf1", "ENSG00000141510.18", "MARCH1", "X"],
    ...                     to=["TP53", "KLF1", "ENSG00000141510", "MARCHF1"], symbols=hgnc)
    >>> found.table
                     name            match      how  is_shared
    0                TP53             TP53    exact      False
    1                klf1             KLF1     case      False
    2  ENSG00000141510.18  ENSG00000141510  version      False
    3              MARCH1          MARCHF1   symbol      False
    4                   X             None     none      False
    >>> found.n_unmatched
    1
    """
    wanted, targets = (_distinct_names(values, label) for values, label in ((names, "names"), (to, "to")))
    steps = _steps(symbols)
    indices = [(how, keys, _index(targets, keys)) for how, keys in steps]
    rows = [(name, *_match(name, indices)) for name in wanted]
    table = pd.DataFrame(rows, columns=["name", "match", "how"]).astype({"match": object})
    table["match"] = table["match"].where(table["match"].notna(), None)
    table["is_shared"] = table["match"].duplicated(keep=False) & table["match"].notna()
    matched = table[table["match"].notna()]
    return Bunch(
        table=table,
        mapping=dict(zip(matched["name"], matched["match"], strict=True)),
        counts=table["how"].value_counts(),
        n_unmatched=len(table) - len(matched),
    )


def _distinct_names(values: Any, label: str) -> list[str]:
    if isinstance(values, str):
        raise TypeError(f"{label} is the text {values!r}; expected a sequence of names: pass [{label}] for one.")
    return list(dict.fromkeys(str(value) for value in values))


_Keys = Callable[[str], Sequence[str]]


def _steps(symbols: Any) -> list[tuple[str, _Keys]]:
    """Return the ways to match; names match where they share a key."""
    steps: list[tuple[str, _Keys]] = [
        ("exact", lambda name: [name]),
        ("blanks", lambda name: [name.strip()]),
        ("version", lambda name: [_unversioned(name)]),
        ("case", lambda name: [_unversioned(name).casefold()]),
    ]
    if symbols is not None:
        current, alias = _synonyms(symbols)
        steps += [
            ("symbol", lambda name: current.get(_unversioned(name).casefold(), [])),
            ("alias", lambda name: _genes_of(name, current, alias)),
        ]
    return steps


def _genes_of(name: str, current: dict[str, list[str]], alias: dict[str, list[str]]) -> list[str]:
    """Return the genes that a name can mean, an alias only where it is no symbol of another gene."""
    key = _unversioned(name).casefold()
    return current.get(key) or alias.get(key, [])


def _unversioned(name: str) -> str:
    return _VERSIONED.sub(r"\1", name.strip())


def _index(targets: Sequence[str], keys: _Keys) -> dict[str, list[str]]:
    index: dict[str, list[str]] = {}
    for target in targets:
        for key in keys(target):
            index.setdefault(key, []).append(target)
    return index


def _match(name: str, indices: Sequence[tuple[str, _Keys, dict[str, list[str]]]]) -> tuple[str | None, str]:
    for how, keys, index in indices:
        candidates = list(dict.fromkeys(target for key in keys(name) for target in index.get(key, [])))
        if len(candidates) == 1:
            return candidates[0], how
        if candidates:
            return None, "ambiguous"
    return None, "none"


def _synonyms(symbols: Any) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the current symbols that each name (current, former, identifier) and each alias can mean."""
    table = as_pandas(symbols)
    columns = {
        role: next((name for name in names if name in getattr(table, "columns", ())), None)
        for role, names in _COLUMNS.items()
    }
    if columns["symbol"] is None:
        shown = list(table.columns[:5]) if isinstance(table, pd.DataFrame) else type(table).__name__
        raise ValueError(
            f"symbols has no column 'symbol' (there: {shown}); expected a table in the format of HGNC: symbol, "
            "prev_symbol, alias_symbol, ensembl_gene_id."
        )
    approved = table[columns["symbol"]].astype(str)
    current: dict[str, list[str]] = {symbol.casefold(): [symbol] for symbol in approved}
    alias: dict[str, list[str]] = {}
    former: dict[str, list[str]] = {}
    for role, meanings in (("former", former), ("identifier", former), ("alias", alias)):
        if columns[role] is None:
            continue
        for symbol, values in zip(approved, table[columns[role]], strict=True):
            for value in _listed(values):
                meanings.setdefault(value.casefold(), []).append(symbol)
    # A name that is a current symbol means that gene, though another gene once had it.
    return former | current, alias


def _listed(values: Any) -> list[str]:
    if not isinstance(values, str):
        return [] if values is None or np.ndim(values) == 0 else [str(value) for value in values]
    return [value.strip() for value in re.split(r"[|,]", values) if value.strip()]
