"""``fit … --save`` and ``predict``: the same predictions as the estimators, from a file."""

import numpy as np
import pandas as pd
import pytest
from feedback_model import FEEDBACK

import skperturb.networks
from skperturb.__main__ import main
from skperturb._command_fit import read_conditions
from skperturb._command_labels import read_labels
from skperturb.datasets import load_textbook_models, make_gene_network, make_perturbation_screen
from skperturb.interactions import L3Paths
from skperturb.networks import DynamoDistance
from skperturb.persistence import load_model, save_model
from skperturb.responses import KernelPerturbationRegressor, PerturbationEncoder, pseudobulk

pytest.importorskip("skops.io")


@pytest.fixture
def bulk():
    cells = make_perturbation_screen(12, n_perturbed=6, n_doubles=8, n_cells=6, random_state=0)
    return pseudobulk(cells, "perturbation", "control").target


def test_responses(bulk, tmp_path, capsys):
    bulk.to_csv(tmp_path / "bulk.csv")
    (tmp_path / "labels.txt").write_text("condition\ngene0+gene1\nctrl+gene2\n")
    model, out = str(tmp_path / "model.skops"), tmp_path / "out.csv"
    assert main(["fit", "responses", str(tmp_path / "bulk.csv"), "--save", model]) == 0
    assert main(["predict", model, str(tmp_path / "labels.txt"), "--csv", str(out)]) == 0
    encoder = PerturbationEncoder().set_output(transform="pandas").fit(list(bulk.index))
    kernel = KernelPerturbationRegressor().fit(encoder.transform(list(bulk.index)).set_axis(bulk.index), bulk)
    expected = kernel.predict(encoder.transform(["gene0+gene1", "gene2"]))
    found = pd.read_csv(out)
    assert found["condition"].tolist() == ["gene0+gene1", "ctrl+gene2"]
    np.testing.assert_allclose(found[list(bulk.columns)].to_numpy(), np.asarray(expected), rtol=1e-6, atol=1e-9)
    (tmp_path / "labels.txt").write_text("nobody\n")
    assert main(["predict", model, str(tmp_path / "labels.txt")]) == 2
    assert "none of the 6 known genes" in capsys.readouterr().err
    (tmp_path / "labels.txt").write_text("gene11\n")
    assert main(["predict", model, str(tmp_path / "labels.txt")]) == 2
    assert "(did you mean 'gene1'" in capsys.readouterr().err


def test_responses_in_contexts(bulk, tmp_path, capsys):
    pd.concat([bulk.assign(line="x"), (2 * bulk).assign(line="y")]).to_csv(tmp_path / "bulk.csv")
    (tmp_path / "labels.csv").write_text("gene0,y\ngene0,x\n")
    model, out = str(tmp_path / "model.skops"), tmp_path / "out.csv"
    assert main(["fit", "responses", str(tmp_path / "bulk.csv"), "--contexts", "line", "--save", model]) == 0
    assert main(["predict", model, str(tmp_path / "labels.csv"), "--csv", str(out)]) == 0
    in_y, in_x = pd.read_csv(out)[list(bulk.columns)].to_numpy()
    np.testing.assert_allclose(in_y, 2 * in_x, atol=0.2 * np.abs(in_x).max())
    (tmp_path / "labels.csv").write_text("gene0,z\n")
    assert main(["predict", model, str(tmp_path / "labels.csv")]) == 2
    assert "'z'" in capsys.readouterr().err


def test_interactions(tmp_path, capsys):
    pairs = make_gene_network(30, 3, n_interactions=100, random_state=0).pairs
    pd.DataFrame(pairs).to_csv(tmp_path / "edges.csv", index=False, header=["gene_a", "gene_b"])
    model, out = str(tmp_path / "model.skops"), tmp_path / "out.csv"
    assert main(["fit", "interactions", str(tmp_path / "edges.csv"), "--model", "l3", "--save", model]) == 0
    assert main(["predict", model, str(tmp_path / "edges.csv"), "--csv", str(out)]) == 0
    found = pd.read_csv(out, dtype={"gene_a": str, "gene_b": str})
    expected = L3Paths(random_state=0).fit(pairs.astype(str)).decision_function(found[["gene_a", "gene_b"]])
    np.testing.assert_allclose(found["score"], expected, rtol=1e-8)
    assert found["score"].is_monotonic_decreasing
    table = L3Paths(random_state=0).fit(pairs.astype(str)).predict_proba(found[["gene_a", "gene_b"]])
    np.testing.assert_allclose(found["probability"], table[:, 1], rtol=1e-8)


def test_unknown_genes_of_pairs_are_said_once(tmp_path, capsys):
    (tmp_path / "edges.csv").write_text("gene_a,gene_b\nTP53,MDM2\nMDM2,KLF1\nKLF1,STAT1\n")
    (tmp_path / "pairs.csv").write_text("gene_a,gene_b\nTP53,KLF\nTP53,STAT1\n")
    (tmp_path / "others.csv").write_text("gene_a,gene_b\ntp53,klf1\n")
    model = str(tmp_path / "model.skops")
    assert main(["fit", "interactions", str(tmp_path / "edges.csv"), "--model", "l3", "--save", model]) == 0
    # Warnings are errors here.
    assert main(["predict", model, str(tmp_path / "pairs.csv")]) == 0
    assert "1 of 3 genes are unknown to the model, such as 'KLF' (did you mean 'KLF1'?)" in capsys.readouterr().out
    assert main(["predict", model, str(tmp_path / "others.csv")]) == 2
    assert "names 'tp53' (did you mean 'TP53'?), none of the 4 genes that" in capsys.readouterr().err


def test_names_are_not_described_one_by_one(tmp_path):
    """Each text of an array took some 350 bytes in the file."""
    names = np.array([f"gene{k}" for k in range(200)], dtype=object)
    pairs = np.column_stack([np.repeat(names[:100], 50), np.tile(names[100:150], 100)])
    model = L3Paths(random_state=0).fit(pairs)
    path = save_model(model, tmp_path / "model.skops")
    assert path.stat().st_size < 50 * len(pairs)
    again, _ = load_model(path)
    np.testing.assert_array_equal(again.positive_pairs_, model.positive_pairs_)
    np.testing.assert_array_equal(again.genes_, model.genes_)
    assert again.genes_.dtype == object


def test_networks(tmp_path, capsys):
    for k, text in enumerate(load_textbook_models().data[:3]):
        (tmp_path / f"{k}.xml").write_text(text, encoding="utf-8")
    (tmp_path / "edges.csv").write_text("A,B\nB,C\n")
    model, out = str(tmp_path / "model.skops"), tmp_path / "out.csv"
    assert main(["fit", "networks", str(tmp_path), "--n-models", "1", "--save", model]) == 0
    with pytest.warns(UserWarning, match="have no structure"):
        assert main(["predict", model, str(tmp_path / "edges.csv"), "--top", "1", "--csv", str(out)]) == 0
    assert pd.read_csv(out)[["source", "target"]].to_numpy().tolist() == [["A", "B"], ["B", "C"]]
    assert "3 of 3 models to learn from" in capsys.readouterr().out


def test_nothing_is_learned_from_formal_slopes(tmp_path, capsys, monkeypatch):
    """Of two variables that are stable together, one alone runs away when the other is held."""
    (tmp_path / "feedback.xml").write_text(FEEDBACK)
    taught = []

    class Taught(DynamoDistance):
        def __init__(self, **named):
            super().__init__()

        def fit(self, networks, truths):
            taught.extend(truths)
            return self

    monkeypatch.setattr(skperturb.networks, "GCNEnhancer", Taught)
    monkeypatch.setattr("skperturb._command_fit._save", lambda *given, **named: 0)
    assert main(["fit", "networks", str(tmp_path / "feedback.xml"), "--save", str(tmp_path / "m.skops")]) == 0
    (truth,) = taught
    assert truth["B"].isna().all()
    assert truth["A"].notna().all()
    assert "responses to 1 of 2 variables (B), since the others have no stable state" in capsys.readouterr().out


def test_a_file_of_skops_alone_does_not_say_what_it_predicts(bulk, tmp_path, capsys):
    import skops.io

    skops.io.dump(L3Paths(), tmp_path / "model.skops")
    assert main(["predict", str(tmp_path / "model.skops"), "labels.txt"]) == 2
    assert "does not say what it predicts" in capsys.readouterr().err


def test_a_missing_folder_is_said_before_the_fit(bulk, tmp_path, capsys):
    bulk.to_csv(tmp_path / "bulk.csv")
    assert main(["fit", "responses", str(tmp_path / "bulk.csv"), "--save", str(tmp_path / "no" / "m.skops")]) == 2
    assert "make it first" in capsys.readouterr().err


def test_labels_and_contexts_are_found_by_name(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("# planned\nbatch,line,perturbation\n1,K562,KLF1+TP53\n2,RPE1,0012\n")
    table = read_conditions(path, ["line"])
    assert table.to_numpy().tolist() == [["KLF1+TP53", "K562"], ["0012", "RPE1"]]
    path.write_text("KLF1;K562\nTP53;RPE1\n")
    assert read_conditions(path, ["line"]).to_numpy().tolist() == [["KLF1", "K562"], ["TP53", "RPE1"]]


@pytest.mark.parametrize(
    ("text", "contexts", "message"),
    [
        # Two genes in a row are no combination: only the first would be read.
        ("KLF1,TP53\n", [], "has 2 columns and 1 rows; expected 1 columns.* labels that hold ',' into quotes"),
        ("perturbation,batch\nKLF1,1\n", ["line"], r"has the columns \['perturbation', 'batch'\]"),
        ("perturbation\n", [], "has 1 columns and 0 rows"),
        ("KLF1,\nTP53,RPE1\n", ["line"], "an empty cell in row 0"),
        ("label\nKLF1\nlabel\nTP53\n", [], "its first line again in row 2"),
    ],
)
def test_labels_that_cannot_be_read(tmp_path, text, contexts, message):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_conditions(tmp_path / "labels.csv", contexts)


@pytest.mark.parametrize(
    ("name", "text", "sep", "labels"),
    [
        ("a.txt", "KLF1,TP53\nMYC\n", "+", ["KLF1,TP53", "MYC"]),
        ("a.csv", "KLF1,TP53\nMYC\n", ",", ["KLF1,TP53", "MYC"]),
        ("a.csv", "KLF1;TP53\nMYC\n", "+;", ["KLF1;TP53", "MYC"]),
        ("a.csv", '"KLF1,TP53"\n"MYC"\n', "+", ["KLF1,TP53", "MYC"]),
        ("a.txt", "label\nKLF1,TP53\n0012\n", "+", ["KLF1,TP53", "0012"]),
        ("a.csv", "line,label\nx,KLF1\ny,1E5\n", ",", ["KLF1", "1E5"]),
    ],
)
def test_separators_of_genes_in_lists_of_labels(tmp_path, name, text, sep, labels):
    path = tmp_path / name
    path.write_text(text)
    assert read_conditions(path, sep=list(sep))[""].tolist() == labels
    looked_at = read_labels(path, sep=list(sep))[0]
    assert looked_at.iloc[:, -1].tolist() == labels
