"""The files of `fetch_ecoli_interactions`, built from public ones."""

import re
import tempfile
import zipfile
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd

from skperturb._validation import check_path
from skperturb.datasets._built import check_target, write_built
from skperturb.datasets._fetch import DataHome, get_data_home
from skperturb.datasets._read_interactions import read_interactions

__all__ = ["build_ecoli_interactions"]

_ORGANISM = re.compile(r"Escherichia_coli", re.IGNORECASE)
# The columns of DOOR's operon table; its per-gene table has neither.
_OPERON_COLUMNS = ("ID", "Size", "Synonyms", "Symbols")


def build_ecoli_interactions(
    interactions: str | PathLike,
    genes: str | PathLike,
    expression: str | PathLike,
    gene_info: str | PathLike,
    operons: str | PathLike,
    *,
    data_home: DataHome = None,
    overwrite: bool = False,
) -> dict[str, Path]:
    r"""Build the files that `fetch_ecoli_interactions` reads, from files that you downloaded.

    Parameters
    ----------
    interactions : str or path-like
        BioGRID's TAB2 or TAB3, or the archive of all organisms of a release (``BIOGRID-ORGANISM-….tab2.zip``), of which
        the members of *Escherichia coli* are read; or a table of two columns of names, such as
        ``edgelist_biogrid_name.csv`` of GNE.
    genes : str or path-like
        The genes in their order: a table with the columns ``#ID`` and ``Name`` (DREAM5's ``gene_ids.tsv``).
    expression : str or path-like
        PRECISE's ``log_tpm.csv``: a row for each locus ("b0001"), a column for each sample.
    gene_info : str or path-like
        PRECISE's ``gene_info.csv``: a row for each locus, with the column ``gene_name``.
    operons : str or path-like
        DOOR's operons with the columns ``ID``, ``Size``, ``Synonyms`` (loci) and ``Symbols``, separated by blanks or
        tabs.
    data_home : str or path-like, default=None
        See `get_data_home`.
    overwrite : bool, default=False
        Replace files that are there.

    Returns
    -------
    paths : dict of str to pathlib.Path
        The files that were written, by "interactions", "genes", "expression" and "operons".

    Raises
    ------
    ValueError
        If a file has not the layout above, holds nothing for the genes, or a target is there and `overwrite` is False.

    Notes
    -----
    Interactions of a pair with itself, repeated ones and those with other genes are left out; the end that stands first
    in `genes` comes first. A locus is called by the operons' symbol, else by PRECISE's name, whichever is one of the
    genes. Each gene's expression is scaled to mean 0 and standard deviation 1 and rounded to four digits; genes that do
    not vary are left out.

    Examples
    --------
    >>> from skperturb.datasets import build_ecoli_interactions, fetch_ecoli_interactions
    >>> files = ["BIOGRID-ORGANISM-3.4.163.tab2.zip", "gene_ids.tsv", "log_tpm.csv", "gene_info.csv", "operons.txt"]
    >>> paths = build_ecoli_interactions(*files)  # doctest: +SKIP
    >>> network = fetch_ecoli_interactions()  # doctest: +SKIP
    """
    sources = {"interactions": interactions, "genes": genes, "expression": expression, "gene_info": gene_info}
    given = {name: check_path(path, name) for name, path in {**sources, "operons": operons}.items()}
    missing = [f"{name}={str(path)!r}" for name, path in given.items() if not path.is_file()]
    if missing:
        raise ValueError(f"{', '.join(missing)}: no such file; download it first, see the page 'Data of the tables'.")
    used = {"expression": ("expression", "gene_info", "operons", "genes"), "interactions": ("interactions", "genes")}
    files = {
        name: f"interactions/ecoli_{name}.tsv" + (".gz" if name in used else "")
        for name in ("interactions", "genes", "expression", "operons")
    }
    home = get_data_home(data_home)
    for file in files.values():
        check_target(file, home, overwrite)
    names = _read_genes(given["genes"])
    operon_table = _read_operons(given["operons"])
    tables = {
        "interactions": _read_pairs(given["interactions"], names),
        "genes": names.to_frame(index=False, name="gene"),
        "expression": _read_expression(given["expression"], given["gene_info"], operon_table, names),
        "operons": operon_table[["operon", "size", "genes"]],
    }
    return {
        name: write_built(
            table,
            files[name],
            home,
            {source: given[source] for source in used.get(name, (name,))},
            overwrite=overwrite,
        )
        for name, table in tables.items()
    }


def _columns(table: pd.DataFrame, wanted: tuple[str, ...], path: Path) -> pd.DataFrame:
    missing = [name for name in wanted if name not in table]
    if missing:
        raise ValueError(f"{path} has no column {missing[0]!r}; found {list(table.columns[:8])}, expected {wanted}.")
    return table


def _read_genes(path: Path) -> pd.Index:
    table = _columns(pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False), ("Name",), path)
    names = pd.Index(table["Name"].str.strip(), dtype=object)
    if not names.is_unique:
        raise ValueError(f"{path} names {names[names.duplicated()][0]!r} twice; expected each gene once.")
    return names


def _read_pairs(path: Path, names: pd.Index) -> pd.DataFrame:
    if path.suffix == ".zip":
        with tempfile.TemporaryDirectory() as folder:
            found = [_pairs_of(member) for member in _unpack(path, Path(folder))]
    else:
        found = [_pairs_of(path)]
    pairs = np.concatenate(found)
    ends = np.sort(np.column_stack([names.get_indexer(pairs[:, end]) for end in (0, 1)]), axis=1)
    ends = np.unique(ends[ends[:, 0] >= 0], axis=0)
    if not len(ends):
        raise ValueError(f"{path} holds no pair of the {len(names)} genes, but names such as {pairs[0].tolist()}.")
    return pd.DataFrame(names.to_numpy()[ends], columns=["gene_a", "gene_b"])


def _unpack(path: Path, folder: Path) -> list[Path]:
    with zipfile.ZipFile(path) as archive:
        members = [name for name in archive.namelist() if not name.endswith("/")]
        chosen = members if len(members) == 1 else [name for name in members if _ORGANISM.search(name)]
        if not chosen:
            raise ValueError(f"{path} has no member of Escherichia coli among its {len(members)}: {members[:3]} …")
        # Members of an archive may have paths; only their last part is used.
        unpacked = [folder / Path(name).name for name in chosen]
        for name, target in zip(chosen, unpacked, strict=True):
            target.write_bytes(archive.read(name))
    return unpacked


def _pairs_of(path: Path) -> np.ndarray:
    # The edge list of GNE begins with a pair whose two names are not words of a header.
    return read_interactions(path).pairs


def _read_operons(path: Path) -> pd.DataFrame:
    text = path.read_text(encoding="utf-8")
    separator = "\t" if "\t" in text.split("\n", 1)[0] else " "
    raw = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False)
    table = _columns(raw, _OPERON_COLUMNS, path)
    result = {"operon": table["ID"].astype(int), "size": table["Size"].astype(int)}
    return pd.DataFrame({**result, "genes": table["Symbols"], "loci": table["Synonyms"]})


def _symbols_of_loci(operons: pd.DataFrame) -> dict[str, str]:
    """Return the symbol of each locus, for the operons that list as many symbols as loci."""
    symbols: dict[str, str] = {}
    for loci, genes in zip(operons["loci"], operons["genes"], strict=True):
        both = [re.split(r"\s*;\s*", text.strip()) for text in (loci, genes)]
        if len(both[0]) == len(both[1]):
            symbols.update(zip(*both, strict=True))
    return symbols


def _read_expression(path: Path, info_path: Path, operons: pd.DataFrame, names: pd.Index) -> pd.DataFrame:
    values = pd.read_csv(path, index_col=0)
    info = _columns(pd.read_csv(info_path, index_col=0, keep_default_na=False), ("gene_name",), info_path)
    candidates = (_symbols_of_loci(operons), info["gene_name"].to_dict())
    known = set(names)
    called = [next((table[locus] for table in candidates if table.get(locus) in known), None) for locus in values.index]
    values = values.loc[[name is not None for name in called]].set_axis([name for name in called if name is not None])
    # Repeated insertion elements share a name: the first locus stands for it.
    values = values[~values.index.duplicated()].astype(float)
    deviation = values.std(axis=1, ddof=0)
    values = values[deviation > 0]
    if not len(values):
        raise ValueError(f"{path} has no varying row for the {len(names)} genes; its rows are {called[:3]} …")
    scaled = values.sub(values.mean(axis=1), axis=0).div(deviation[deviation > 0], axis=0).round(4)
    ordered = scaled.loc[names[names.isin(scaled.index)]]
    ordered.columns = pd.Index([str(k) for k in range(ordered.shape[1])])
    # One block of memory: pandas 3 warns of columns that lie apart.
    return ordered.copy().rename_axis("gene").reset_index()
