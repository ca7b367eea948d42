"""The only module that imports scikit-learn's private names, so that a rename is mended here."""

from collections.abc import Callable, Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeVar

from sklearn.utils._param_validation import HasMethods, Hidden, Interval, Options, StrOptions

from skperturb._validation import MOST_JOBS

if TYPE_CHECKING:
    Function = TypeVar("Function", bound=Callable[..., Any])

    # scikit-learn has no types, so that all that these two decorate would be Any, for users too.
    def fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[Function], Function]:
        """Return `sklearn.base._fit_context`."""

    def validate_params(
        parameter_constraints: Mapping[str, Any], *, prefer_skip_nested_validation: bool
    ) -> Callable[[Function], Function]:
        """Return `sklearn.utils._param_validation.validate_params`."""
else:
    from sklearn.base import _fit_context as fit_context
    from sklearn.utils._param_validation import validate_params

__all__ = [
    "MOST_BATCH",
    "MOST_DRAWS",
    "MOST_EPOCHS",
    "MOST_LAYERS",
    "MOST_MODELS",
    "MOST_NEGATIVES",
    "MOST_WIDTH",
    "N_JOBS",
    "HasMethods",
    "Hidden",
    "Interval",
    "Options",
    "StrOptions",
    "count",
    "data_free_checks",
    "fit_context",
    "validate_params",
]

#: What joblib takes: 0 it refuses where work begins, and without the name of the parameter's owner.
N_JOBS = [Interval(Integral, -MOST_JOBS, -1, closed="both"), Interval(Integral, 1, MOST_JOBS, closed="both"), None]

# Above these, work does not end or fit in memory whatever the data are, so that a slip is better named than tried.
#: Draws, cells, samples, splits: of the shortest steps so many take hours.
MOST_DRAWS = 10_000_000
#: Rows at a time: all that C can count, as a number that only means "all" stays allowed.
MOST_BATCH = 2**63 - 1
#: Rounds that may stop before: a number that only means "until it stops" stays allowed.
MOST_EPOCHS = 1_000_000_000
#: Networks that are trained one after the other, each in seconds.
MOST_MODELS = 10_000
#: Negatives drawn beside each interaction: ten thousand times as many as are usual, for all of a batch at once.
MOST_NEGATIVES = 100_000
#: Layers of a network.
MOST_LAYERS = 1_000
#: Columns of a layer or an embedding: two layers of them have 10^10 weights between them.
MOST_WIDTH = 100_000


def count(least: int = 1, most: int = MOST_DRAWS) -> Interval:
    """Return the constraint of a whole number of things that are made.

    Parameters
    ----------
    least, most : int
        Both are allowed.

    Returns
    -------
    Interval
    """
    return Interval(Integral, least, most, closed="both")


def data_free_checks() -> tuple[Callable[..., None], ...]:
    """Return those of scikit-learn's estimator checks that need no data that the estimator accepts.

    Returns
    -------
    tuple of callable
        Functions ``check(name, estimator)``.
    """
    # Undocumented names of a module that is large and needed by tests only.
    from sklearn.utils import estimator_checks as checks

    return (
        checks.check_estimator_cloneable,
        checks.check_estimator_tags_renamed,
        checks.check_valid_tag_types,
        checks.check_estimator_repr,
        checks.check_no_attributes_set_in_init,
        checks.check_do_not_raise_errors_in_init_or_set_params,
        checks.check_mixin_order,
        checks.check_parameters_default_constructible,
        checks.check_get_params_invariance,
        checks.check_set_params,
        checks.check_param_validation,
    )
