"""Perturbation screens, and what is known about the perturbed genes."""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skperturb._cell_files import open_cells
from skperturb.datasets._build_screens import SCREEN_FILES, build_screen
from skperturb.datasets._fetch import DataHome, fetch_file, get_data_home, unpublished_file

__all__ = [
    "fetch_frangieh2021",
    "fetch_gene_graph",
    "fetch_gene_terms",
    "fetch_nadig2025",
    "fetch_norman2019",
    "fetch_norman2019_cells",
    "fetch_papalexi2021",
    "fetch_replogle2022",
    "fetch_tian2021",
]

_CAVEAT = (
    "Mean change to control of each condition in the space of 50 principal components, up to one global rotation; "
    "Euclidean distances, cosines and every linear or kernel model are unaffected by it. The principal components "
    "behind it were fitted on all cells, test conditions included."
)


def _fetch(file: str, data_home: DataHome) -> Path:
    return fetch_file(*unpublished_file("responses", f"responses/{file}"), data_home=data_home)


def _pseudobulk(name: str, data_home: DataHome, path: str | PathLike | None, title: str, guide: str = "") -> Bunch:
    file = SCREEN_FILES[name][0]
    if path is not None and not (get_data_home(data_home) / "responses" / file).is_file():
        build_screen(name, path, data_home=data_home)
    table = pd.read_csv(_fetch(file, data_home), sep="\t", index_col=0)
    noise = table.pop("noise_variance") if "noise_variance" in table else None
    kept = table.index != "control"
    labels = table.index[kept].str.replace("_", "+")
    if guide:
        labels = labels.str.replace(f"{guide}$", "", regex=True)
    return Bunch(
        data=labels.to_numpy(dtype=object),
        target=table[kept].set_axis(table.index[kept]),
        noise_variance=None if noise is None else noise[kept],
        DESCR=f"{title}\n\n{_CAVEAT}",
    )


def fetch_norman2019(data_home: DataHome = None, *, path: str | PathLike | None = None) -> Bunch:
    """Load the CRISPRa screen of Norman et al.: 105 single genes and 131 pairs in K562 cells.

    Parameters
    ----------
    data_home : str or path-like, default=None
        See `get_data_home`. The file is ``<data_home>/responses/norman2019_pc50.tsv.gz``.
    path : str or path-like, default=None
        The screen's file of scPerturb. If the data home has no file, it is built from this one by `build_screen`; its
        numbers are then other ones.

    Returns
    -------
    screen : sklearn.utils.Bunch
        ``data`` (labels such as "KLF1+CEBPA", for `PerturbationEncoder`), ``target`` (DataFrame, conditions × 50
        principal components, mean change to control), ``noise_variance`` (Series: the variance of the noise of that
        mean, or None) and ``DESCR``.

    Raises
    ------
    DownloadError
        If the file is not in the data home and `path` is not given: it has no public address as it stands.

    References
    ----------
    Norman, T. M. et al. Exploring genetic interaction manifolds constructed from rich single-cell phenotypes.
    Science 365, 786 (2019). doi:10.1126/science.aax4438.

    Examples
    --------
    >>> from skperturb.datasets import fetch_norman2019
    >>> screen = fetch_norman2019()  # doctest: +SKIP
    >>> len(screen.data) == len(screen.target)  # doctest: +SKIP
    True
    """
    return _pseudobulk("norman2019", data_home, path, "Norman et al. 2019, K562, CRISPRa")


def fetch_replogle2022(data_home: DataHome = None, *, path: str | PathLike | None = None) -> Bunch:
    """Load 300 knock-downs of the CRISPRi screen of Replogle et al. in K562 cells.

    Parameters
    ----------
    data_home : str or path-like, default=None
        See `get_data_home`.
    path : str or path-like, default=None
        The screen's file of scPerturb. If the data home has no file, it is built from this one by `build_screen`; its
        numbers are then other ones.

    Returns
    -------
    screen : sklearn.utils.Bunch
        As `fetch_norman2019`.

    Raises
    ------
    DownloadError
        If the file is not in the data home and `path` is not given: it has no public address as it stands.

    References
    ----------
    Replogle, J. M. et al. Mapping information-rich genotype-phenotype landscapes with genome-scale Perturb-seq.
    Cell 185, 2559 (2022). doi:10.1016/j.cell.2022.05.013.

    Examples
    --------
    >>> from skperturb.datasets import fetch_replogle2022
    >>> screen = fetch_replogle2022()  # doctest: +SKIP
    >>> len(screen.data) == len(screen.target)  # doctest: +SKIP
    True
    """
    return _pseudobulk("replogle2022", data_home, path, "Replogle et al. 2022, K562, CRISPRi")


def fetch_nadig2025(data_home: DataHome = None, *, path: str | PathLike | None = None) -> Bunch:
    """Load 300 knock-downs of the CRISPRi screen of Nadig et al. in Jurkat cells.

    Parameters
    ----------
    data_home : str or path-like, default=None
        See `get_data_home`.
    path : str or path-like, default=None
        The screen's file of scPerturb. If the data home has no file, it is built from this one by `build_screen`; its
        numbers are then other ones.

    Returns
    -------
    screen : sklearn.utils.Bunch
        As `fetch_norman2019`.

    Raises
    ------
    DownloadError
        If the file is not in the data home and `path` is not given: it has no public address as it stands.

    References
    ----------
    Nadig, A. et al. Transcriptome-wide analysis of differential expression in perturbation atlases. Nature Genetics
    57, 1228 (2025). doi:10.1038/s41588-025-02169-3.

    Examples
    --------
    >>> from skperturb.datasets import fetch_nadig2025
    >>> screen = fetch_nadig2025()  # doctest: +SKIP
    >>> len(screen.data) == len(screen.target)  # doctest: +SKIP
    True
    """
    return _pseudobulk("nadig2025", data_home, path, "Nadig et al. 2025, Jurkat, CRISPRi")


def fetch_frangieh2021(data_home: DataHome = None, *, path: str | PathLike | None = None) -> Bunch:
    """Load the knock-out screen of Frangieh et al. in melanoma cells.

    Parameters
    ----------
    data_home : str or path-like, default=None
        See `get_data_home`.
    path : str or path-like, default=None
        The screen's file of scPerturb. If the data home has no file, it is built from this one by `build_screen`; its
        numbers are then other ones.

    Returns
    -------
    screen : sklearn.utils.Bunch
        As `fetch_norman2019`, without noise.

    Raises
    ------
    DownloadError
        If the file is not in the data home and `path` is not given: it has no public address as it stands.

    References
    ----------
    Frangieh, C. J. et al. Multimodal pooled Perturb-CITE-seq screens in patient models define mechanisms of cancer
    immune evasion. Nature Genetics 53, 332 (2021). doi:10.1038/s41588-021-00779-1.

    Examples
    --------
    >>> from skperturb.datasets import fetch_frangieh2021
    >>> screen = fetch_frangieh2021()  # doctest: +SKIP
    >>> len(screen.data) == len(screen.target)  # doctest: +SKIP
    True
    """
    return _pseudobulk("frangieh2021", data_home, path, "Frangieh et al. 2021, melanoma, knock-out")


def fetch_papalexi2021(data_home: DataHome = None, *, path: str | PathLike | None = None) -> Bunch:
    """Load the knock-out screen of Papalexi et al. in THP-1 cells, one condition for each guide.

    Parameters
    ----------
    data_home : str or path-like, default=None
        See `get_data_home`.
    path : str or path-like, default=None
        The screen's file of scPerturb. If the data home has no file, it is built from this one by `build_screen`; its
        numbers are then other ones.

    Returns
    -------
    screen : sklearn.utils.Bunch
        As `fetch_norman2019`, without noise; the labels in ``data`` name the gene, the index of ``target`` the guide.

    Raises
    ------
    DownloadError
        If the file is not in the data home and `path` is not given: it has no public address as it stands.

    References
    ----------
    Papalexi, E. et al. Characterizing the molecular regulation of inhibitory immune checkpoints with multimodal
    single-cell screens. Nature Genetics 53, 322 (2021). doi:10.1038/s41588-021-00778-2.

    Examples
    --------
    >>> from skperturb.datasets import fetch_papalexi2021
    >>> screen = fetch_papalexi2021()  # doctest: +SKIP
    >>> len(screen.data) == len(screen.target)  # doctest: +SKIP
    True
    """
    return _pseudobulk("papalexi2021", data_home, path, "Papalexi et al. 2021, THP-1, knock-out", guide=r"g\d+")


def fetch_tian2021(data_home: DataHome = None, *, path: str | PathLike | None = None) -> Bunch:
    """Load the CRISPRi screen of Tian et al. in neurons.

    Parameters
    ----------
    data_home : str or path-like, default=None
        See `get_data_home`.
    path : str or path-like, default=None
        The screen's file of scPerturb. If the data home has no file, it is built from this one by `build_screen`; its
        numbers are then other ones.

    Returns
    -------
    screen : sklearn.utils.Bunch
        As `fetch_norman2019`, without noise.

    Raises
    ------
    DownloadError
        If the file is not in the data home and `path` is not given: it has no public address as it stands.

    References
    ----------
    Tian, R. et al. Genome-wide CRISPRi/a screens in human neurons link lysosomal failure to ferroptosis. Nature
    Neuroscience 24, 1020 (2021). doi:10.1038/s41593-021-00862-0.

    Examples
    --------
    >>> from skperturb.datasets import fetch_tian2021
    >>> screen = fetch_tian2021()  # doctest: +SKIP
    >>> len(screen.data) == len(screen.target)  # doctest: +SKIP
    True
    """
    return _pseudobulk("tian2021", data_home, path, "Tian et al. 2021, neurons, CRISPRi")


def fetch_norman2019_cells(data_home: DataHome = None, *, backed: bool = False) -> Any:
    """Load 5,961 single cells × 500 highly variable genes of two screens, log-normalized.

    Parameters
    ----------
    data_home : str or path-like, default=None
        See `get_data_home`.
    backed : bool, default=False
        Leave the expression on the disk.

    Returns
    -------
    anndata.AnnData
        With ``obs["perturbation"]`` (control: "control"), ``obs["dataset"]`` ("norman19", "mcfaline23") and
        ``obs["cell_type"]``.

    Raises
    ------
    DownloadError
        If the file is not in the data home: nothing is downloaded, because its address was never tried. It is
        ``src/perturbench/data/resources/devel.h5ad`` of the repository altoslabs/perturbench on GitHub.

    References
    ----------
    Wu, Y. et al. PerturBench: Benchmarking machine learning models for cellular perturbation analysis (2024).
    arXiv:2408.10609.

    Examples
    --------
    >>> from skperturb.datasets import fetch_norman2019_cells
    >>> cells = fetch_norman2019_cells(backed=True)  # doctest: +SKIP
    >>> "control" in set(cells.obs["perturbation"])  # doctest: +SKIP
    True
    """
    return open_cells(_fetch("norman2019_mcfaline2023_500hvg.h5ad", data_home), in_memory=not backed)


def fetch_gene_graph(data_home: DataHome = None) -> pd.DataFrame:
    """Load 266,279 typed edges among 3,254 human genes from STRING, hu.MAP, Reactome, SIGNOR, Pathway Commons and GO.

    Parameters
    ----------
    data_home : str or path-like, default=None
        See `get_data_home`.

    Returns
    -------
    DataFrame
        ``gene_a``, ``gene_b`` and ``source``: the ``graph`` of `KernelPerturbationRegressor` and `APPRegressor`.

    Raises
    ------
    DownloadError
        If the file is not in the data home: it has no public address as it stands. `build_gene_graph` makes one.

    Examples
    --------
    >>> from skperturb.datasets import fetch_gene_graph
    >>> fetch_gene_graph().columns.tolist()  # doctest: +SKIP
    ['gene_a', 'gene_b', 'source']
    """
    return pd.read_csv(_fetch("gene_graph_edges.tsv.gz", data_home), sep="\t")


def fetch_gene_terms(data_home: DataHome = None) -> pd.DataFrame:
    """Load the Gene Ontology terms (of 3 to 500 genes) of human genes.

    Parameters
    ----------
    data_home : str or path-like, default=None
        See `get_data_home`.

    Returns
    -------
    DataFrame of bool, genes × terms
        A table for ``gene_features`` of `KernelPerturbationRegressor` and `APPRegressor`.

    Raises
    ------
    DownloadError
        If the file is not in the data home: it has no public address as it stands. `build_gene_terms` makes one.

    References
    ----------
    The Gene Ontology Consortium. The Gene Ontology knowledgebase in 2023. Genetics 224, iyad031 (2023).

    Examples
    --------
    >>> from skperturb.datasets import fetch_gene_terms
    >>> fetch_gene_terms().dtypes.unique()  # doctest: +SKIP
    array([dtype('bool')], dtype=object)
    """
    rows = pd.read_csv(_fetch("gene_go_terms.tsv.gz", data_home), sep="\t")
    genes, terms = pd.factorize(rows["gene"], sort=True), pd.factorize(rows["term"], sort=True)
    member = np.zeros((len(genes[1]), len(terms[1])), dtype=bool)
    member[genes[0], terms[0]] = True
    return pd.DataFrame(member, index=genes[1].to_numpy(dtype=object), columns=terms[1])
