import time
from pathlib import Path

import numpy as np
import pytest

from skperturb.datasets import ChecksumWarning, DownloadError, _biomodels, fetch_biomodels
from skperturb.datasets._fetch import read_registry

ADDRESS = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    monkeypatch.setattr(_biomodels, "_BASE_URL", ADDRESS)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_offline_error(tmp_path):
    with pytest.raises(DownloadError) as caught:
        fetch_biomodels(404, data_home=tmp_path)
    message = str(caught.value)
    assert f"{ADDRESS}/BIOMD0000000404?filename=BIOMD0000000404_url.xml" in message
    assert str(tmp_path / "biomodels" / "BIOMD0000000404.xml") in message
    assert "SKPERTURB_DATA" in message


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, 0], r"ids\[1\] = 0 is not among the 611 models"),
        (612, r"ids\[0\] = 612 is not among"),
        ("BIOMD0000099999", r"ids\[0\] = 'BIOMD0000099999' is not among"),
        (["BIOMD0000000001", "404"], r"ids\[1\] = '404' is not a BioModels id; expected an integer"),
        ([True], r"ids\[0\] = True is not a BioModels id"),
        ([1.0], r"ids\[0\] = 1\.0 is not a BioModels id"),
        (1.5, r"ids must be an id or an iterable of ids, got 1\.5"),
    ],
)
def test_bad_ids(ids, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        fetch_biomodels(ids, data_home=tmp_path)


def test_an_edited_model_is_used_with_a_warning(tmp_path):
    path = tmp_path / "biomodels" / "BIOMD0000000007.xml"
    path.parent.mkdir()
    path.write_text('<sbml xmlns="http://www.sbml.org/sbml/level2"><model id="m" name="Doe2001_x"/></sbml>')
    with pytest.warns(ChecksumWarning, match=r"BIOMD0000000007\.xml"):
        models = fetch_biomodels([7], data_home=tmp_path)
    assert models.data == [path]
    assert models.groups == ["Doe2001"]


@pytest.mark.real_data
def test_all_models(data_home):
    start = time.monotonic()
    models = fetch_biomodels(data_home=data_home)
    assert time.monotonic() - start < 10
    assert len(models.data) == len(models.ids) == len(models.groups) == len(models.names) == 611
    assert all(isinstance(path, Path) and path.is_file() for path in models.data)
    assert [path.stem for path in models.data] == models.ids
    assert [path.name for path in models.data] == list(read_registry("biomodels"))
    assert all(models.groups)
    # Measured: 437 publications.
    assert len(set(models.groups)) == 437


@pytest.mark.real_data
@pytest.mark.parametrize(
    "ids",
    [
        (26, 27, 28, 29, 30, 31),  # Markevich 2004
        (73, 74, 78, 83),  # Leloup 2003; the last has no publication in its annotation
        (383, 393),  # Arnold 2011
        (604, 607),  # Petelenz-Kurdziel 2013: no author and year in the name
        (1, 2),  # Edelstein 1996
    ],
)
def test_variants_share_a_group(data_home, ids):
    models = fetch_biomodels(data_home=data_home)
    groups = {models.groups[number - 1] for number in ids}
    assert len(groups) == 1


@pytest.mark.real_data
def test_different_publications_have_different_groups(data_home):
    models = fetch_biomodels([9, 10, 21, 26, 404], data_home=data_home)
    assert len(set(models.groups)) == 5


@pytest.mark.real_data
def test_order_and_kinds_of_ids(data_home):
    models = fetch_biomodels(["BIOMD0000000404", 1, np.int64(2)], data_home=data_home)
    assert models.ids == ["BIOMD0000000404", "BIOMD0000000001", "BIOMD0000000002"]
    assert fetch_biomodels("BIOMD0000000404", data_home=data_home).ids == ["BIOMD0000000404"]
    assert models.names[0] == "Bray1993_chemotaxis"
