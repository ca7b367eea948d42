"""The estimator contract for inputs that are no 2-D arrays, in the manner of scikit-learn's checks.

For an estimator that takes a sequence of objects, scikit-learn's own checks reduce to a single one. The
checks here are scikit-learn's that need no data, and ours, which run on data that the caller supplies.
"""

import copy
import pickle
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags

from skperturb._sklearn import data_free_checks

__all__ = [
    "CONTRACT_CHECKS",
    "MATRIX_CHECKS",
    "assert_equal_values",
    "check_name",
    "contract_checks",
    "parametrize_with_contract",
]

_METHODS = ("predict", "transform")


def parametrize_with_contract(estimators_and_data: Sequence[tuple[Any, Any, Any]]) -> Any:
    """Parametrise a pytest test with every check of the contract.

    Parameters
    ----------
    estimators_and_data : sequence of (estimator, X, y)
        Instances, each with at least three valid samples of different sizes and their targets; ``y`` is None
        for estimators that take none.

    Returns
    -------
    pytest.MarkDecorator
        Calls the test with ``estimator`` and ``check``, for a body of ``check(estimator)``.

    Raises
    ------
    TypeError
        If an estimator is a class.

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.networks import DynamoDistance
    >>> from skperturb.testing import parametrize_with_contract
    >>> X = [np.eye(2), np.ones((3, 3)), np.tri(4)]
    >>> @parametrize_with_contract([(DynamoDistance(), X, X)])
    ... def test_contract(estimator, check):
    ...     check(estimator)
    """
    import pytest

    cases = []
    for estimator, X, y in estimators_and_data:
        for check in contract_checks(estimator, X, y):
            cases.append(pytest.param(estimator, check, id=f"{estimator}-{check_name(check)}"))
    return pytest.mark.parametrize(("estimator", "check"), cases)


def contract_checks(estimator: Any, X: Any, y: Any = None) -> Iterator[Callable[[Any], None]]:
    """Yield the checks of the contract, each a function of the estimator alone.

    Parameters
    ----------
    estimator : estimator instance
        The estimator that the checks will run on.
    X : sequence of at least three samples
        Valid samples.
    y : sequence of targets, default=None
        The targets of the samples.

    Yields
    ------
    callable
        A check: ``check(estimator)`` raises an AssertionError when the contract is broken.

    Raises
    ------
    TypeError
        If `estimator` is a class.
    ValueError
        If `X` has fewer than three samples.

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.networks import DynamoDistance
    >>> from skperturb.testing import check_name, contract_checks
    >>> X = [np.eye(2), np.ones((3, 3)), np.tri(4)]
    >>> names = [check_name(check) for check in contract_checks(DynamoDistance(), X, X)]
    >>> "check_pickle_round_trip" in names
    True
    """
    if isinstance(estimator, type):
        raise TypeError(f"estimator is the class {estimator.__name__}; expected an instance.")
    if len(X) < 3:
        raise ValueError(f"X has {len(X)} samples; expected at least 3, so that order and subsets can be told.")
    name = type(estimator).__name__
    for data_free_check in data_free_checks():
        yield partial(data_free_check, name)
    for check in CONTRACT_CHECKS + (MATRIX_CHECKS if _is_matrix(X[0]) else ()):
        yield partial(check, X=X, y=y)


def _is_matrix(sample: Any) -> bool:
    return sp.issparse(sample) or hasattr(sample, "__array__")


def check_name(check: Any) -> str:
    """Return the name of the function behind a check.

    Parameters
    ----------
    check : callable
        One of `contract_checks`.

    Returns
    -------
    str

    Examples
    --------
    >>> from functools import partial
    >>> from skperturb.testing import check_name
    >>> check_name(partial(sorted, reverse=True))
    'sorted'
    """
    return check.func.__name__ if isinstance(check, partial) else check.__name__


def assert_equal_values(actual: Any, expected: Any, *, rtol: float = 1e-10) -> None:
    """Assert that two results agree: numbers to `rtol`, labels, shapes and everything else exactly.

    Parameters
    ----------
    actual, expected : object
        Arrays, sparse matrices, DataFrames, `InfluenceNetwork` objects, or (nested) sequences of them.
    rtol : float, default=1e-10
        Relative tolerance, applied to the largest magnitude of a matrix.

    Raises
    ------
    AssertionError
        If the two differ.

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.testing import assert_equal_values
    >>> assert_equal_values([np.eye(2)], [np.eye(2)])
    """
    assert type(actual) is type(expected), f"{type(actual)} is not {type(expected)}"
    if isinstance(expected, list | tuple) or getattr(expected, "dtype", None) == np.dtype(object):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_equal_values(one, other, rtol=rtol)
        return
    if hasattr(expected, "jacobian"):
        actual, expected = actual.jacobian, expected.jacobian
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_index_equal(actual.index, expected.index)
        pd.testing.assert_index_equal(actual.columns, expected.columns)
    if sp.issparse(expected):
        actual, expected = actual.toarray(), expected.toarray()
    _assert_close(np.asarray(actual), np.asarray(expected), rtol)


def _assert_close(actual: np.ndarray, expected: np.ndarray, rtol: float) -> None:
    if expected.dtype.kind in "fc":
        scale = float(np.max(np.abs(expected), initial=0.0))
        np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol * scale)
    else:
        np.testing.assert_array_equal(actual, expected)


def _method(estimator: Any) -> str:
    for name in _METHODS:
        if hasattr(estimator, name):
            return name
    raise AssertionError(f"{type(estimator).__name__} has neither of the methods {_METHODS}.")


def _apply(estimator: Any, X: Any) -> Any:
    return getattr(estimator, _method(estimator))(X)


def _take(samples: Any, positions: Sequence[int]) -> list[Any]:
    items = list(samples)
    return [items[k] for k in positions]


def check_fit_and_score_take_y(estimator: Any, X: Any, y: Any) -> None:
    """Check that y is the second argument of fit and score, so that pipelines can pass it."""
    for name in ("fit", "score", "fit_transform"):
        if hasattr(estimator, name):
            arguments = list(signature(getattr(estimator, name)).parameters)
            assert arguments[:2] == ["X", "y"], f"{name} takes {arguments}"


def check_fit_returns_self(estimator: Any, X: Any, y: Any) -> None:
    """Check that fit returns the estimator itself."""
    estimator = clone(estimator)
    assert estimator.fit(X, y) is estimator


def check_fit_sets_only_fitted_attributes(estimator: Any, X: Any, y: Any) -> None:
    """Check that fit only adds attributes with a trailing underscore or a leading one."""
    estimator = clone(estimator)
    before = set(vars(estimator))
    estimator.fit(X, y)
    added = {name for name in set(vars(estimator)) - before if not name.endswith("_") and name[0] != "_"}
    assert not added, f"fit adds the attributes {sorted(added)}"


def check_parameters_unchanged(estimator: Any, X: Any, y: Any) -> None:
    """Check that neither fit nor prediction changes a parameter."""
    estimator = clone(estimator)
    before = copy.deepcopy(estimator.get_params(deep=False))
    _apply(estimator.fit(X, y), X)
    after = estimator.get_params(deep=False)
    assert set(before) == set(after)
    for name, value in before.items():
        assert repr(after[name]) == repr(value), f"{name} changed from {value!r} to {after[name]!r}"


def check_input_unchanged(estimator: Any, X: Any, y: Any) -> None:
    """Check that neither fit nor prediction changes the samples or the targets."""
    before_X, before_y = pickle.dumps(X), pickle.dumps(y)
    fitted = clone(estimator).fit(X, y)
    _apply(fitted, X)
    if y is not None and hasattr(fitted, "score"):
        fitted.score(X, y)
    assert pickle.dumps(X) == before_X, "X was changed"
    assert pickle.dumps(y) == before_y, "y was changed"


def check_fit_idempotent_on_objects(estimator: Any, X: Any, y: Any) -> None:
    """Check that a second fit gives the same result as the first, exactly."""
    fitted = clone(estimator).fit(X, y)
    first = _apply(fitted, X)
    assert_equal_values(_apply(fitted.fit(X, y), X), first, rtol=0)


def check_pickle_round_trip(estimator: Any, X: Any, y: Any) -> None:
    """Check that a fitted estimator gives the same result after pickling."""
    fitted = clone(estimator).fit(X, y)
    restored = pickle.loads(pickle.dumps(fitted))
    assert_equal_values(_apply(restored, X), _apply(fitted, X), rtol=0)


def check_clone_round_trip(estimator: Any, X: Any, y: Any) -> None:
    """Check that a clone of a fitted estimator is unfitted, with equal parameters and results."""
    fitted = clone(estimator).fit(X, y)
    twin = clone(fitted)
    learned = [name for name in vars(twin) if name.endswith("_") and not name.startswith("__")]
    assert not learned, f"the clone kept {learned}"
    assert_equal_values(_apply(twin.fit(X, y), X), _apply(fitted, X), rtol=0)


def check_unfitted(estimator: Any, X: Any, y: Any) -> None:
    """Check that every method of an unfitted estimator raises NotFittedError, or works if its tags say stateless."""
    unfitted = clone(estimator)
    if not get_tags(unfitted).requires_fit:
        assert_equal_values(_apply(unfitted, X), _apply(clone(estimator).fit(X, y), X), rtol=0)
        return
    for name in (*_METHODS, "predict_proba", "predict_log_proba", "decision_function", "score"):
        method = getattr(unfitted, name, None)
        if method is not None:
            _assert_needs_fit(partial(method, X, y) if name == "score" else partial(method, X), name)


def _assert_needs_fit(call: Callable[[], Any], name: str) -> None:
    try:
        call()
    except NotFittedError:
        return
    except Exception as error:
        raise AssertionError(f"{name} before fit raises {error!r}; expected NotFittedError") from error
    raise AssertionError(f"{name} works before fit, but the tag requires_fit is True")


def check_sample_order_invariance(estimator: Any, X: Any, y: Any) -> None:
    """Check that the result for a sample does not depend on the order of the samples."""
    fitted = clone(estimator).fit(X, y)
    order = list(range(len(X)))[::-1]
    assert_equal_values(list(_apply(fitted, _take(X, order))), _take(_apply(fitted, X), order))


def check_subset_invariance(estimator: Any, X: Any, y: Any) -> None:
    """Check that the result for a sample does not depend on the other samples."""
    fitted = clone(estimator).fit(X, y)
    single = [_apply(fitted, _take(X, [k]))[0] for k in range(len(X))]
    assert_equal_values(single, list(_apply(fitted, X)))


def check_returns_object_array(estimator: Any, X: Any, y: Any) -> None:
    """Check that the result is a 1-D object array, for samples of equal sizes too."""
    fitted = clone(estimator).fit(X, y)
    for samples in (X, _take(X, [0, 0, 0])):
        result = _apply(fitted, samples)
        assert isinstance(result, np.ndarray)
        assert result.dtype == object
        assert result.shape == (len(samples),)


def check_containers(estimator: Any, X: Any, y: Any) -> None:
    """Check that list, tuple, 1-D object array and Series of the samples give the same result."""
    fitted = clone(estimator).fit(X, y)
    expected = _apply(fitted, X)
    array = np.empty(len(X), dtype=object)
    for k, item in enumerate(X):
        array[k] = item
    for container in (list(X), tuple(X), array, pd.Series(list(X), index=range(5, 5 + len(X)))):
        assert_equal_values(_apply(fitted, container), expected, rtol=0)


def _assert_refused(estimator: Any, X: Any, y: Any, make_bad: Callable[[], Any], *words: str) -> None:
    """Assert that fit and prediction refuse the bad input with a message that holds every one of `words`."""
    fitted = clone(estimator).fit(X, y)
    for call in (clone(estimator).fit, partial(_apply, fitted)):
        bad = make_bad()
        message = _message_of_refusal(call, bad)
        missing = [word for word in words if word not in message]
        assert not missing, f"the message lacks {missing}: {message}"


def _message_of_refusal(call: Callable[[Any], Any], bad: Any) -> str:
    try:
        call(bad)
    except (TypeError, ValueError) as error:
        return str(error)
    raise AssertionError(f"{type(bad).__name__} input was accepted")


def _identity(value: Any) -> Any:
    return value


def check_dict_refused(estimator: Any, X: Any, y: Any) -> None:
    """Check that a dict is refused by name."""
    _assert_refused(estimator, X, y, lambda: dict(enumerate(X)), "X", "dict")


def check_generator_refused(estimator: Any, X: Any, y: Any) -> None:
    """Check that a generator is refused by name."""
    _assert_refused(estimator, X, y, lambda: (item for item in X), "X", "generator")


def check_empty_refused(estimator: Any, X: Any, y: Any) -> None:
    """Check that an empty sequence is refused."""
    _assert_refused(estimator, X, y, list, "X", "empty")


def check_bad_element_named(estimator: Any, X: Any, y: Any) -> None:
    """Check that an element that is no sample at all is refused by its position."""
    _assert_refused(estimator, X, y, lambda: [*_take(X, [0, 1]), object()], "X[2]")


def check_not_finite_refused(estimator: Any, X: Any, y: Any) -> None:
    """Check that a matrix with NaN or infinity is refused by its position."""
    for value in (np.nan, np.inf):
        bad = np.eye(3)
        bad[1, 2] = value
        _assert_refused(estimator, X, y, partial(list, [*_take(X, [0]), bad]), "X[1]", str(value), "(1, 2)")


def check_not_square_refused(estimator: Any, X: Any, y: Any) -> None:
    """Check that a matrix that is not square is refused by its position."""
    _assert_refused(estimator, X, y, lambda: [*_take(X, [0]), np.ones((2, 3))], "X[1]", "(2, 3)", "square")


def check_single_matrix_refused(estimator: Any, X: Any, y: Any) -> None:
    """Check that a single matrix in place of a sequence is refused, with the remedy."""
    for single in (np.eye(3), sp.eye_array(3), pd.DataFrame(np.eye(3))):
        _assert_refused(estimator, X, y, partial(_identity, single), "X", "[X]")


CONTRACT_CHECKS = (
    check_fit_and_score_take_y,
    check_fit_returns_self,
    check_fit_sets_only_fitted_attributes,
    check_parameters_unchanged,
    check_input_unchanged,
    check_fit_idempotent_on_objects,
    check_pickle_round_trip,
    check_clone_round_trip,
    check_unfitted,
    check_sample_order_invariance,
    check_subset_invariance,
    check_returns_object_array,
    check_containers,
    check_dict_refused,
    check_generator_refused,
    check_empty_refused,
    check_bad_element_named,
)

# Only for estimators whose samples are matrices.
MATRIX_CHECKS = (check_not_finite_refused, check_not_square_refused, check_single_matrix_refused)
