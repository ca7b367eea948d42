"""Small single-cell files in the layout of scPerturb's, and what is built from them."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.decomposition import PCA

from skperturb import datasets
from skperturb.datasets import DownloadError, build_screen, fetch_norman2019, fetch_papalexi2021
from skperturb.datasets._build_screens import SCREEN_FILES

LABELS = ["control"] * 40 + ["KLF1"] * 20 + ["CEBPA"] * 20 + ["KLF1_CEBPA"] * 20 + ["RARE"] * 3 + ["nan"] * 7


def make_cells(labels=tuple(LABELS), n_genes=60, seed=0):
    rng = np.random.default_rng(seed)
    rates = rng.gamma(2.0, 2.0, size=n_genes)
    counts = rng.poisson(rates * rng.gamma(5.0, 0.2, size=(len(labels), 1))).astype(np.float32)
    obs = pd.DataFrame({"perturbation": pd.Categorical(labels)}, index=[f"cell{k}" for k in range(len(labels))])
    return anndata.AnnData(sp.csr_matrix(counts), obs=obs, var=pd.DataFrame(index=[f"g{k}" for k in range(n_genes)]))


def test_means_and_noise_are_those_of_the_components(tmp_path):
    """The other way round: all in memory, with scikit-learn's PCA."""
    cells = make_cells()
    build_screen("norman2019", cells, n_genes=55, chunk_size=7, data_home=tmp_path)
    screen = fetch_norman2019(tmp_path)
    labelled = np.array(LABELS) != "nan"
    counts = cells.X.toarray()[labelled].astype(float)
    values = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    chosen = np.sort(np.argsort(-values.var(axis=0))[:55])
    scores = pd.DataFrame(PCA(50).fit_transform(values[:, chosen]))
    groups = scores.groupby(np.array(LABELS)[labelled])
    assert screen.data.tolist() == ["CEBPA", "KLF1", "KLF1+CEBPA"]
    expected = (groups.mean() - groups.mean().loc["control"]).loc[screen.target.index].to_numpy()
    # Components are defined up to their signs.
    np.testing.assert_allclose(np.abs(screen.target), np.abs(expected), atol=2e-6)
    noise = (groups.var().sum(axis=1) / groups.size()).loc[screen.target.index]
    np.testing.assert_allclose(screen.noise_variance, noise, atol=2e-6)


def test_a_file_is_read_in_pieces_and_built_once(tmp_path):
    source = tmp_path / "PapalexiSatija2021_eccite_RNA.h5ad"
    make_cells(["control"] * 30 + ["IFNGR2g1"] * 20 + ["IFNGR2g2"] * 20).write_h5ad(source)
    screen = fetch_papalexi2021(tmp_path, path=source)
    assert screen.data.tolist() == ["IFNGR2", "IFNGR2"]
    assert screen.target.index.tolist() == ["IFNGR2g1", "IFNGR2g2"]
    assert screen.noise_variance is None
    file = tmp_path / "responses" / "papalexi2021_pc50.tsv.gz"
    before = file.read_bytes()
    make_cells(["control"] * 30 + ["OTHERg1"] * 40).write_h5ad(source)
    assert fetch_papalexi2021(tmp_path, path=source).data.tolist() == ["IFNGR2", "IFNGR2"]
    build_screen("papalexi2021", source, data_home=tmp_path, overwrite=True)
    assert fetch_papalexi2021(tmp_path).data.tolist() == ["OTHER"]
    assert file.read_bytes() != before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "norman"}, "name='norman' is not known"),
        ({"label": "condition"}, r"label='condition' is no column of cells\.obs; expected one of \['perturbation'\]"),
        ({"control": "ctrl"}, "control='ctrl' names no cell"),
        ({"n_components": 61}, "n_components=61 of 60 genes"),
        ({"min_cells": 41}, r"min_cells=41: no condition has that many cells \(the most: 40\)"),
        ({"min_cells": 1}, "min_cells=1; expected an integer, 2 or more"),
        ({"chunk_size": 0}, "chunk_size=0; expected"),
        ({"cells": "none.h5ad"}, r"cells='none\.h5ad': no such file"),
    ],
)
def test_wrong_arguments_are_named(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        build_screen(**{"name": "norman2019", "cells": make_cells(), "data_home": tmp_path, **options})
    assert not list(tmp_path.iterdir())


def test_values_that_are_no_counts_are_refused(tmp_path):
    cells = make_cells()
    cells.X.data[0] = -1.0
    with pytest.raises(ValueError, match="below 0 or not finite"):
        build_screen("norman2019", cells, data_home=tmp_path)


def test_the_error_names_the_way(tmp_path):
    with pytest.raises(DownloadError, match=r"fetch_norman2019\(path=\.\.\.\)"):
        fetch_norman2019(tmp_path)
    with pytest.raises(DownloadError, match=r"devel\.h5ad of the repository altoslabs/perturbench"):
        datasets.fetch_norman2019_cells(tmp_path)


@pytest.mark.real_data
@pytest.mark.parametrize("name", sorted(SCREEN_FILES))
def test_layout_is_that_of_the_mirror(tmp_path, data_home, name):
    path = build_screen(name, make_cells(), data_home=tmp_path)
    own, mirrored = (pd.read_csv(file, sep="\t") for file in (path, data_home / "responses" / path.name))
    assert list(own) == list(mirrored)
    assert own.dtypes.equals(mirrored.dtypes)
    assert own.iloc[0, 0] == mirrored.iloc[0, 0] == "control"
    # The control's change is zero, its noise is not.
    assert not own.iloc[0, -50:].any()
    assert not mirrored.iloc[0, -50:].any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_sum": np.nan}, "target_sum is NaN"),
        ({"target_sum": -1.0}, "target_sum == -1.0, must be"),
        ({"n_genes": "3"}, "n_genes='3'; expected an integer, 1 or more"),
        ({"label": ["a"]}, "label is a list; expected a str"),
        ({"cells": 3}, "cells is a int 3; expected a path"),
        ({"name": ["norman2019"]}, r"name=\['norman2019'\] is not known"),
    ],
)
def test_arguments_of_other_kinds_are_named(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        build_screen(**{"name": "norman2019", "cells": "nowhere.h5ad", **options})
