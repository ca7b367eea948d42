"""Scores from the interactions of genes with similar expression, by hand."""

import numpy as np
import pandas as pd
import pytest

from skperturb.reproduce._expression_neighbors import ExpressionNeighbors

# a correlates with b and with c by one half each, b with c by minus one half; d and e never change.
EXPRESSION = pd.DataFrame(
    [[1.0, -1.0, 0.0], [1.0, 0.0, -1.0], [0.0, -1.0, 1.0], [2.0, 2.0, 2.0], [0.0, 0.0, 0.0]], index=list("abcde")
)


@pytest.mark.parametrize(
    ("pair", "score"),
    [
        # b interacts with d and e, c with e: half of the weight of a's neighbours for d, all of it for e.
        (("a", "d"), 0.5 + 0.01 * 1 / 1.5),
        (("e", "a"), 1.0 + 0.01 * 2 / 1.5),
        # c has fewer interactions than b and resembles no gene but a, which has none.
        (("b", "c"), 0.01 * 2 / 1.5),
        (("c", "b"), 0.01 * 2 / 1.5),
    ],
)
def test_score_is_the_share_of_neighbours_that_interact(pair, score):
    model = ExpressionNeighbors(EXPRESSION, random_state=0).fit([("b", "d"), ("b", "e"), ("c", "e")])
    assert model.transform([pair])[0, 0] == pytest.approx(np.log(score + 1e-6), rel=1e-9)


def test_weight_is_the_square_of_a_correlation():
    # a correlates with b by one, with c by one half: four fifths and one fifth.
    expression = EXPRESSION.copy()
    expression.loc["b"] = 3.0 * expression.loc["a"]
    model = ExpressionNeighbors(expression, random_state=0).fit([("b", "d"), ("c", "e")])
    found = np.exp(model.transform([("a", "d"), ("a", "e")])[:, 0])
    np.testing.assert_allclose(found, [0.8 + 0.01, 0.2 + 0.01], rtol=1e-5)
