"""The mirrored screens."""

import numpy as np
import pytest

from skperturb import datasets
from skperturb.datasets import DownloadError, fetch_norman2019


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "n_conditions", "noisy"),
    [
        ("norman2019", 236, True),
        ("replogle2022", 300, True),
        ("nadig2025", 300, True),
        ("frangieh2021", None, False),
        ("papalexi2021", None, False),
        ("tian2021", None, False),
    ],
)
def test_pseudobulks(data_home, name, n_conditions, noisy):
    screen = getattr(datasets, f"fetch_{name}")(data_home)
    assert screen.target.shape == (len(screen.data), 50)
    assert np.isfinite(screen.target.to_numpy()).all()
    assert "control" not in screen.data
    assert (screen.noise_variance is not None) is noisy
    assert "fitted on all cells" in screen.DESCR
    assert n_conditions in (None, len(screen.data))


@pytest.mark.real_data
def test_labels(data_home):
    assert sum("+" in label for label in fetch_norman2019(data_home).data) == 131
    assert "IFNGR2" in datasets.fetch_papalexi2021(data_home).data


@pytest.mark.real_data
def test_gene_information(data_home):
    graph, terms = datasets.fetch_gene_graph(data_home), datasets.fetch_gene_terms(data_home)
    assert len(graph) == 266_279
    assert terms.to_numpy().sum() == 101_062
    cells = datasets.fetch_norman2019_cells(data_home)
    assert cells.shape == (5961, 500)


def test_missing_file_names_path_and_variable(tmp_path):
    with pytest.raises(DownloadError, match=r"norman2019_pc50[\s\S]*SKPERTURB_DATA"):
        fetch_norman2019(tmp_path)
