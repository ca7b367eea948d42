"""Bio-impact ranks, their classes and the factor, against hand-computed cases and the published upper bounds."""

import numpy as np
import pandas as pd
import pytest

from skperturb.networks import (
    DynamoDistance,
    InfluenceNetwork,
    bio_impact_matrix,
    enhancement_factor,
    scaled_impact_matrix,
)

A = np.array([[-1.0, 0, 0, 0], [2, -1, 0, 0], [0, 3, -1, 0], [0, 0, 0.5, -4]])
S = np.array([[1.0, 0, 0, 0], [-0.5, 1, 0, 0], [2, 0.8, 1, 0], [-4, 0.8, 0.1, 1]])


def test_ranks_ascend_inside_each_column_and_ties_share():
    expected = [[2, 1, 1.5, 2], [1, 4, 1.5, 2], [3, 2.5, 4, 2], [4, 2.5, 3, 4]]
    np.testing.assert_allclose(bio_impact_matrix(A, S), expected)


def test_classes_are_logarithms_of_ranks():
    ranks = bio_impact_matrix(A, S)
    np.testing.assert_allclose(scaled_impact_matrix(A, S), np.ceil(np.log2(ranks)) + 1)
    assert scaled_impact_matrix(A, S)[3, 0] == 3


def test_jacobian_source_ranks_the_jacobian_and_needs_no_truth():
    np.testing.assert_allclose(bio_impact_matrix(A, source="jacobian"), bio_impact_matrix(A, A))
    assert bio_impact_matrix(A, source="jacobian")[1, 0] == 4


def test_normalize_divides_each_column_by_its_diagonal():
    for function in (bio_impact_matrix, scaled_impact_matrix):
        plain, normal = function(A, S), function(A, S, normalize=True)
        np.testing.assert_allclose(normal * np.diag(plain), plain)
        np.testing.assert_allclose(np.diag(normal), 1)


def test_factor_offers_ranks_and_classes():
    np.testing.assert_array_equal(enhancement_factor(A, S), scaled_impact_matrix(A, S))
    np.testing.assert_array_equal(enhancement_factor(A, S, scaled=False), bio_impact_matrix(A, S))


def test_names_align_the_truth_and_label_the_result():
    names = ["a", "b", "c", "d"]
    network = InfluenceNetwork(A, names=names)
    truth = pd.DataFrame(S, index=names, columns=names)
    shuffled = truth.loc[["d", "b", "a", "c"], ["c", "d", "a", "b"]]
    result = bio_impact_matrix(network, shuffled)
    np.testing.assert_array_equal(result, bio_impact_matrix(A, S))
    assert list(result.columns) == names


@pytest.mark.parametrize(
    ("network", "sensitivity", "message"),
    [
        (A, None, "sensitivity is None"),
        (A, S[:3, :3], r"shape \(3, 3\); expected \(4, 4\)"),
        (A[:3], S, "expected a square matrix"),
        (A, np.full((4, 4), np.nan), "sensitivity has no defined entry"),
        (InfluenceNetwork(A), pd.DataFrame(S, index=list("abcd"), columns=list("abcd")), "different names"),
    ],
)
def test_bad_input_is_refused(network, sensitivity, message):
    with pytest.raises(ValueError, match=message):
        scaled_impact_matrix(network, sensitivity)


def test_undefined_responses_use_up_no_rank():
    truth = S.copy()
    truth[1, 0], truth[2, 0] = np.nan, -np.inf
    ranks = bio_impact_matrix(A, truth)
    assert np.isnan(ranks[1, 0])
    assert ranks[2, 0] == 3
    np.testing.assert_array_equal(ranks[:, 1:], bio_impact_matrix(A, S)[:, 1:])


def test_empty_network_has_an_empty_factor():
    assert enhancement_factor(np.empty((0, 0)), np.empty((0, 0))).shape == (0, 0)


def test_factor_times_distance_is_zero_where_nothing_is_reached():
    enhanced = enhancement_factor(A, S) * DynamoDistance().predict([A])[0]
    assert (enhanced[np.triu_indices(4, 1)] == 0).all()
