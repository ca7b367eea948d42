"""Parameter and condition tables of PEtab."""

import pytest

from skperturb.datasets import load_textbook_models
from skperturb.sbml import KineticModel, read_conditions, read_parameters, steady_states

HEADER = "parameterId\tparameterScale\tnominalValue\n"


@pytest.fixture
def model():
    return KineticModel.from_sbml(load_textbook_models().data[0])


def test_values_enter_a_model(model, tmp_path):
    name = model.parameters.index[-1]
    (tmp_path / "p.tsv").write_text(f"{HEADER}{name}\tlog10\t0.25\nsd_x\tlin\t1\n")
    values = read_parameters(tmp_path / "p.tsv", model)
    # On the linear scale, though it is estimated on another one.
    assert values.to_dict() == {name: 0.25}
    assert values.attrs["left_out"] == ["sd_x"]
    assert model.with_parameters(values).parameters[name] == 0.25
    assert read_parameters(tmp_path / "p.tsv").to_dict() == {name: 0.25, "sd_x": 1.0}
    (tmp_path / "p.tsv").write_text(f"{HEADER}sd_x\tlin\t1\n")
    with pytest.raises(ValueError, match=r"no parameter of the model: its ids are \['sd_x'\]"):
        read_parameters(tmp_path / "p.tsv", model)


def test_conditions_are_sets_of_parameters(model, tmp_path):
    name = model.parameters.index[-1]
    (tmp_path / "c.tsv").write_text(f"conditionId\tconditionName\t{name}\na\tfirst\t2\nb\tsecond\tk_b\n")
    table = read_conditions(tmp_path / "c.tsv", {"k_b": 0.5})
    assert table.to_dict("index") == {"a": {name: 2.0}, "b": {name: 0.5}}
    found = steady_states(model, table)
    assert list(found.index) == ["a", "b"]
    with pytest.raises(ValueError, match=rf"row 1 \(b\), column '{name}': the value is 'k_b'"):
        read_conditions(tmp_path / "c.tsv")
    with pytest.raises(ValueError, match=r"parameters\['k_b'\]: the value is nan"):
        read_conditions(tmp_path / "c.tsv", {"k_b": float("nan")})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id\tnominalValue\nk\t1\n", "expected 'parameterId' among them"),
        ("parameterId\tscale\nk\tlin\n", "expected 'nominalValue' among them"),
        (f"{HEADER}k\tlin\tmany\n", r"row 0 \(k\): the value is 'many'"),
        (f"{HEADER}k\tlin\t\n", r"row 0 \(k\): the value is ''"),
        (f"{HEADER}k\tlin\tinf\n", "finite number"),
        (f"{HEADER}k\tlin\t1\nk\tlin\t2\n", "row 1: 'k' a second time"),
        (f"{HEADER}\tlin\t1\n", "row 0: an empty id"),
        (f"{HEADER}k\tlog2\t1\n", "parameterScale is 'log2'"),
        (f"{HEADER}k\tlin\t1\t2\n", "different length: 4 columns in line 2, 3 in"),
        (f"lin\tk\n{HEADER}", "different length"),
        (f"{HEADER}k\tlin\t1_000\n", "the value is '1_000'"),
        (HEADER, "no row below them"),
        ("", "is empty"),
        ("parameterId\tnominalValue\tnominalValue\nk\t1\t2\n", "two columns 'nominalValue'"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, text, message):
    (tmp_path / "p.tsv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_parameters(tmp_path / "p.tsv")


def test_other_arguments(tmp_path, model):
    with pytest.raises(TypeError, match="path is "):
        read_parameters({"k": 1})
    (tmp_path / "p.tsv").write_text(f"{HEADER}k\tlin\t1\n")
    with pytest.raises(TypeError, match="expected a KineticModel"):
        read_parameters(tmp_path / "p.tsv", "model.xml")
    (tmp_path / "c.tsv").write_text("conditionId\na\n")
    with pytest.raises(ValueError, match="changes nothing"):
        read_conditions(tmp_path / "c.tsv")
