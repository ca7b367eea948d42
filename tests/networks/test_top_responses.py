"""top_responses."""

import numpy as np
import pandas as pd
import pytest

from skperturb.networks import top_responses

NAMES = list("abc")
S = pd.DataFrame([[1.0, np.nan, 0.0], [-2.0, 1.0, np.inf], [2.0, 0.5, 1.0]], index=NAMES, columns=NAMES)


def test_strongest_first_with_what_is_left_out_counted():
    table = top_responses(S)
    assert table[["source", "target", "rank", "response", "sign"]].to_numpy().tolist() == [
        ["a", "b", 1, -2.0, -1],
        ["a", "c", 1, 2.0, 1],
        ["b", "c", 1, 0.5, 1],
    ]
    assert table.attrs == {"undefined": 1, "infinite": 1, "none": 1}


def test_k_and_certainty():
    certainty = pd.DataFrame(np.arange(9.0).reshape(3, 3) / 9, index=NAMES, columns=NAMES)
    table = top_responses(S, 1, probability=certainty)
    assert table["target"].tolist() == ["b", "c"]
    np.testing.assert_allclose(table["certainty"], [3 / 9, 7 / 9])


def test_variables_that_died_out_are_left_out():
    table = top_responses(S, state={"a": 1e-38, "b": 2.0, "c": 1e-10})
    assert table[["source", "target"]].to_numpy().tolist() == [["b", "c"]]
    assert table.attrs == {"undefined": 1, "infinite": 1, "none": 1, "vanishing": 2}
    assert top_responses(S[["b"]], state=pd.Series({"a": 0.0, "b": 1.0, "c": 1.0}))["target"].tolist() == ["c"]
    with pytest.raises(ValueError, match="state is nan for 'b'"):
        top_responses(S, state={"a": 1.0, "b": np.nan, "c": 1.0})
    with pytest.raises(ValueError, match=r"state lacks 1 of 3 names \(\['c'\]\)"):
        top_responses(S, state={"a": 1.0, "b": 1.0})
    with pytest.raises(TypeError, match="expected a Series or dict"):
        top_responses(S, state=[1.0, 2.0, 3.0])


def test_fewer_sources_than_nodes_and_plain_arrays():
    assert top_responses(S[["b"]])["target"].tolist() == ["c"]
    assert top_responses(S.to_numpy())["target"].tolist() == [1, 2, 2]


@pytest.mark.parametrize("bad", [[["x", "y"], ["z", "u"]], [1.0, 2.0, "a"]])
def test_no_matrix_of_numbers(bad):
    with pytest.raises(TypeError, match=r"expected real numbers|is not numeric"):
        top_responses(pd.DataFrame(bad))


def test_other_labels_are_refused():
    with pytest.raises(ValueError, match="labels differ"):
        top_responses(S, probability=S.iloc[::-1])
