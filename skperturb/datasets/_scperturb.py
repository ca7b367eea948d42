"""All cells of a screen, in the files of the scPerturb collection."""

from typing import Any

from skperturb._cell_files import open_cells
from skperturb._near_names import nearest
from skperturb.datasets._fetch import DataHome, fetch_unregistered

__all__ = ["fetch_adamson2016", "fetch_scperturb"]

_SCPERTURB_ADDRESS = "https://zenodo.org/records/13350497/files/"
_SCPERTURB_FILES = {
    "adamson2016": "AdamsonWeissman2016_GSM2406681_10X010.h5ad",
    "frangieh2021": "FrangiehIzar2021_RNA.h5ad",
    "nadig2025_jurkat": "NadigOConner2024_jurkat.h5ad",
    "norman2019": "NormanWeissman2019_filtered.h5ad",
    "papalexi2021": "PapalexiSatija2021_eccite_RNA.h5ad",
    "replogle2022_k562": "ReplogleWeissman2022_K562_essential.h5ad",
    "replogle2022_rpe1": "ReplogleWeissman2022_rpe1.h5ad",
    "tian2021_crispri": "TianKampmann2021_CRISPRi.h5ad",
}


def fetch_scperturb(
    name: str, data_home: DataHome = None, *, known_hash: str | None = None, backed: bool = True
) -> Any:
    """Load all cells of a screen, in the file of the scPerturb collection.

    Parameters
    ----------
    name : {"adamson2016", "frangieh2021", "nadig2025_jurkat", "norman2019", "papalexi2021", "replogle2022_k562", \
            "replogle2022_rpe1", "tian2021_crispri"}
        The screen.
    data_home : str or path-like, default=None
        See `get_data_home`. The file is ``<data_home>/scperturb/<name of the file in the collection>``.
    known_hash : str, default=None
        Checksum of the file, such as "md5:…", which the page of the collection shows. Without it a file that is in the
        data home is used, but nothing is downloaded: the package knows no checksum of these files.
    backed : bool, default=True
        Leave the expression on the disk; the files hold up to several gigabytes.

    Returns
    -------
    anndata.AnnData
        Counts, with ``obs["perturbation"]``. For `pseudobulk`, pass ``target_sum=10_000``.

    Raises
    ------
    ValueError
        If the name is not known.
    DownloadError
        If the file is not in the data home and could not be downloaded. The message names address and path.

    References
    ----------
    Peidli, S. et al. scPerturb: harmonized single-cell perturbation data. Nature Methods 21, 531 (2024).
    doi:10.1038/s41592-023-02144-y.

    Examples
    --------
    >>> from skperturb.datasets import fetch_scperturb
    >>> cells = fetch_scperturb("norman2019")  # doctest: +SKIP
    >>> "control" in set(cells.obs["perturbation"])  # doctest: +SKIP
    True
    """
    if name not in _SCPERTURB_FILES:
        alike = nearest(str(name), _SCPERTURB_FILES)
        raise ValueError(f"name={name!r} is not known{alike}; expected one of {sorted(_SCPERTURB_FILES)}.")
    file = _SCPERTURB_FILES[name]
    path = fetch_unregistered(f"scperturb/{file}", _SCPERTURB_ADDRESS + file, known_hash, data_home=data_home)
    return open_cells(path, in_memory=not backed)


def fetch_adamson2016(data_home: DataHome = None, *, known_hash: str | None = None, backed: bool = True) -> Any:
    r"""Load the CRISPRi screen of Adamson et al. of the unfolded protein response in K562 cells, all cells.

    Parameters
    ----------
    data_home, known_hash, backed
        See `fetch_scperturb`.

    Returns
    -------
    anndata.AnnData
        Counts, with ``obs["perturbation"]``. Labels are a gene and a plasmid ("ASCC3_pDS051"): pass
        ``guide_suffix=r"_p[A-Z]+\d+"`` and ``control=["62(mod)", "Gal4-4(mod)"]`` to whatever reads them, and leave out
        cells without a label ("*", "nan").

    Raises
    ------
    DownloadError
        See `fetch_scperturb`.

    References
    ----------
    Adamson, B. et al. A multiplexed single-cell CRISPR screening platform enables systematic dissection of the
    unfolded protein response. Cell 167, 1867 (2016). doi:10.1016/j.cell.2016.11.048.

    Examples
    --------
    >>> from skperturb.datasets import fetch_adamson2016
    >>> cells = fetch_adamson2016()  # doctest: +SKIP
    >>> "perturbation" in cells.obs  # doctest: +SKIP
    True
    """
    return fetch_scperturb("adamson2016", data_home, known_hash=known_hash, backed=backed)
