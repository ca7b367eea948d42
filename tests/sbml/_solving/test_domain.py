"""States at which rates are not finite."""

import numpy as np

from skperturb.sbml._solving.domain import Domain


def rates(_time, x):
    """One rate is not finite below zero, the other always is."""
    return np.array([np.sqrt(x[0]), 1.0])


def call(domain, x):
    with np.errstate(invalid="ignore", over="ignore"):
        return domain(0.0, np.array(x))


def test_one_rate_that_is_not_finite_forbids_the_state():
    domain = Domain(rates, np.array([True, False]))
    domain.forbids = True
    assert (call(domain, [-1.0, 1.0]) > 1e99).all()
    assert domain.left_at is not None
    assert domain.left_at[2].tolist() == [True, False]


def test_a_trace_below_zero_counts_as_nothing():
    domain = Domain(rates, np.array([True, False]))
    assert call(domain, [-1e-9, 1.0]).tolist() == [0.0, 1.0]
    assert (domain.mended, domain.left_at) == (1, None)


def test_a_product_that_overflows_is_no_reason():
    domain = Domain(lambda _time, x: x)
    assert call(domain, [1e200, 1.0]).tolist() == [1e200, 1.0]
