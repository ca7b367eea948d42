"""Files of models: what they keep, and what is refused."""

import argparse
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
from estimator_registry import REGISTRY, need_optional
from sklearn.base import clone
from sklearn.preprocessing import FunctionTransformer

from skperturb.persistence import load_model, save_model
from skperturb.responses import AdditiveRegressor

pytest.importorskip("skops.io")


@pytest.fixture
def model():
    return AdditiveRegressor().fit([[1, 0], [0, 1]], [[1.0], [2.0]])


def test_a_model_comes_back_with_what_was_said_about_it(model, tmp_path):
    path = save_model(model, tmp_path / "model.skops", line="responses", outputs=["x"])
    again, about = load_model(path)
    np.testing.assert_array_equal(again.predict([[1, 1]]), [[3.0]])
    assert about.pop("skperturb")
    assert about == {"line": "responses", "outputs": ["x"]}


@pytest.mark.parametrize(
    ("estimator", "inputs"),
    [pytest.param(*case, id=f"{k:02d}-{type(case[0]).__name__}") for k, case in enumerate(REGISTRY)],
)
def test_every_estimator_comes_back(estimator, inputs, tmp_path):
    need_optional(estimator)
    X, y = (np.eye(6, 3), np.arange(12.0).reshape(6, 2)) if inputs.X is None else (inputs.X, inputs.y)
    fitted = clone(estimator).fit(X, y)
    again, _ = load_model(save_model(fitted, tmp_path / "model.skops"))
    apply = "predict" if hasattr(fitted, "predict") else "transform"
    for one, other in zip(getattr(fitted, apply)(X), getattr(again, apply)(X), strict=True):
        np.testing.assert_array_equal(_dense(one), _dense(other))


def _dense(value):
    return value.toarray() if hasattr(value, "toarray") else np.asarray(value)


def test_what_is_no_json_leaves_no_file(model, tmp_path):
    with pytest.raises(TypeError):
        save_model(model, tmp_path / "model.skops", about={1j})
    assert not list(tmp_path.iterdir())


def test_a_pickle_is_never_loaded(model, tmp_path):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "done"),)

    (tmp_path / "model.skops").write_bytes(pickle.dumps(Harm()))
    with pytest.raises(ValueError, match="is a pickle, which runs code"):
        load_model(tmp_path / "model.skops")
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize("harm", [os.system, np.load])
def test_functions_are_not_trusted(harm, tmp_path):
    save_model(FunctionTransformer(harm), tmp_path / "model.skops")
    with pytest.raises(ValueError, match=r"holds 1 types that are not trusted: \w+\.\w+\. If the file is yours"):
        load_model(tmp_path / "model.skops")


def test_functions_of_this_package_are_not_trusted_either(tmp_path):
    from skperturb.metrics import pearson_delta

    save_model(FunctionTransformer(pearson_delta), tmp_path / "model.skops")
    with pytest.raises(ValueError, match="pearson_delta"):
        load_model(tmp_path / "model.skops")


def test_types_of_ones_own_are_named(model, tmp_path):
    model.note = argparse.Namespace(a=1)
    save_model(model, tmp_path / "model.skops")
    with pytest.raises(ValueError, match=r"argparse\.Namespace"):
        load_model(tmp_path / "model.skops")
    again, _ = load_model(tmp_path / "model.skops", trusted=["argparse.Namespace"])
    assert again.note.a == 1
    with pytest.raises(TypeError, match="expected a sequence"):
        load_model(tmp_path / "model.skops", trusted="argparse.Namespace")


@pytest.mark.parametrize("content", [b"", b"text", b"PK"])
def test_other_files_are_refused(content, tmp_path):
    (tmp_path / "model.skops").write_bytes(content)
    with pytest.raises(ValueError, match="no archive of skops"):
        load_model(tmp_path / "model.skops")


def test_another_archive_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(ValueError, match="no model of skops"):
        load_model(tmp_path / "model.zip")


def test_a_damaged_archive_is_refused(model, tmp_path):
    path = save_model(model, tmp_path / "model.skops")
    content = path.read_bytes()
    path.write_bytes(content[:60] + bytes(255 - byte for byte in content[60:90]) + content[90:])
    with pytest.raises(ValueError, match=r"model\.skops is no model of skops: BadZipFile"):
        load_model(path)


def test_damaged_bytes_give_the_model_or_a_refusal(model, tmp_path):
    whole = save_model(model, tmp_path / "model.skops").read_bytes()
    rng, path, refused = np.random.default_rng(0), tmp_path / "damaged.skops", 0
    # The headers of the members too: methods that nobody knows, passwords, places outside the file.
    places = [min(k + int(rng.integers(46)), len(whole) - 1) for k in range(len(whole)) if whole[k : k + 2] == b"PK"]
    for place in [*places, *rng.integers(len(whole), size=60)]:
        content = bytearray(whole)
        content[place] ^= int(rng.integers(1, 256))
        path.write_bytes(content)
        try:
            found = load_model(path)[0].predict([[1, 1]]).tolist()
        except ValueError as error:
            found = str(error)
        assert found == [[3.0]] or "damaged.skops" in found
        refused += isinstance(found, str)
    assert refused > 20


def test_what_a_trusted_module_imports_is_not_trusted(model, tmp_path):
    path = save_model(model, tmp_path / "model.skops")
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(tmp_path / "other.skops", "w") as other:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "schema.json":
                schema = json.loads(content) | {"__module__": "skperturb.persistence", "__class__": "Path"}
                content = json.dumps(schema)
            other.writestr(name, content)
    with pytest.raises(ValueError, match=r"types that are not trusted: skperturb\.persistence\.Path"):
        load_model(tmp_path / "other.skops")


def test_another_version_is_said(model, tmp_path):
    save_model(model, tmp_path / "model.skops", skperturb="0.0.1")
    with pytest.warns(UserWarning, match=r"saved by skperturb 0\.0\.1"):
        load_model(tmp_path / "model.skops")
