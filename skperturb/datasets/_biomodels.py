"""The curated kinetic models of BioModels."""

import re
from collections.abc import Iterable
from numbers import Integral

from sklearn.utils import Bunch

from skperturb.datasets._fetch import DataHome, fetch_file, read_registry
from skperturb.datasets._publications import publication_groups, read_publications

__all__ = ["fetch_biomodels"]

_BASE_URL = "https://www.ebi.ac.uk/biomodels/model/download"

_DESCR = """\
Curated kinetic models of BioModels
===================================

Kinetic models of published articles, curated by BioModels (https://www.ebi.ac.uk/biomodels), as SBML
level 2 and 3 files. The registry of this package names the first 611 curated models by their checksums.
The models are distributed under CC0 and the terms of use of BioModels.

Many publications are present in several variants. `groups` names the publication of each model: pass it
to a grouped splitter such as `sklearn.model_selection.GroupKFold`, or a score measures how well variants
are remembered.

Malik-Sheriff, R. S. et al. BioModels: 15 years of sharing computational models in life science.
Nucleic Acids Research 48(D1), D407-D415 (2020). doi:10.1093/nar/gkz1055.
"""


def fetch_biomodels(
    ids: int | str | Iterable[int | str] | None = None,
    *,
    data_home: DataHome = None,
    verbose: int = 0,
) -> Bunch:
    """Load curated kinetic models of BioModels, downloading those that are missing.

    A model that lies in the data home is used without any network access. If its checksum is not the
    registered one (a newer version of the model, or an edited one), it is used all the same, and a
    `ChecksumWarning` names it.

    Parameters
    ----------
    ids : int, str, or iterable of these, default=None
        The models to load, as ``404`` or ``"BIOMD0000000404"``. None means all 611 of the registry.
    data_home : str or path-like, default=None
        See `get_data_home`. The models are ``<data_home>/biomodels/BIOMD0000000001.xml`` and so on.
    verbose : int, default=0
        If positive, a progress bar is shown.

    Returns
    -------
    models : sklearn.utils.Bunch
        ``data`` (list of pathlib.Path, in the order of `ids`), ``ids`` (list of str), ``groups`` (list of
        str: models of one publication share a group), ``names`` (list of str: the models' own names) and
        ``DESCR``.

    Raises
    ------
    ValueError
        If an id is not a BioModels id or not in the registry.
    DownloadError
        If a model is missing and cannot be downloaded.

    Notes
    -----
    Two models share a group when they share a publication (the ``bqmodel:isDescribedBy`` of their
    annotation) or when their names begin with the same author and year. Groups depend only on the
    models loaded together: through a model that is not loaded, no groups are joined.

    Examples
    --------
    >>> from skperturb.datasets import fetch_biomodels
    >>> models = fetch_biomodels([404, "BIOMD0000000001"])  # doctest: +SKIP
    >>> [path.name for path in models.data]  # doctest: +SKIP
    ['BIOMD0000000404.xml', 'BIOMD0000000001.xml']
    """
    registry = read_registry("biomodels")
    model_ids = _check_ids(ids, registry)
    paths = [
        fetch_file(
            f"biomodels/{model_id}.xml",
            f"{_BASE_URL}/{model_id}?filename={model_id}_url.xml",
            registry[f"{model_id}.xml"],
            data_home=data_home,
        )
        for model_id in _progress(model_ids, verbose)
    ]
    found = [read_publications(path) for path in paths]
    return Bunch(
        data=paths,
        ids=model_ids,
        groups=publication_groups([keys for _, keys in found], model_ids),
        names=[name for name, _ in found],
        DESCR=_DESCR,
    )


def _check_ids(ids: int | str | Iterable[int | str] | None, registry: dict[str, str]) -> list[str]:
    known = [name.removesuffix(".xml") for name in registry]
    if ids is None:
        return known
    if isinstance(ids, (str, Integral)):
        ids = [ids]
    if not isinstance(ids, Iterable):
        raise ValueError(f"ids must be an id or an iterable of ids, got {ids!r}.")
    return [_check_id(given, position, set(known)) for position, given in enumerate(ids)]


def _check_id(given: object, position: int, known: set[str]) -> str:
    expected = 'expected an integer such as 404 or a string such as "BIOMD0000000404"'
    if isinstance(given, Integral) and not isinstance(given, bool):
        model_id = f"BIOMD{int(given):010d}"
    elif isinstance(given, str) and re.fullmatch(r"BIOMD\d{10}", given):
        model_id = given
    else:
        raise ValueError(f"ids[{position}] = {given!r} is not a BioModels id; {expected}.")
    if model_id not in known:
        raise ValueError(
            f"ids[{position}] = {given!r} is not among the {len(known)} models of the registry "
            f"({min(known)} to {max(known)}); {expected}."
        )
    return model_id


def _progress(model_ids: list[str], verbose: int) -> Iterable[str]:
    from tqdm import tqdm

    return tqdm(model_ids, desc="BioModels", unit="model", disable=None if verbose else True)
