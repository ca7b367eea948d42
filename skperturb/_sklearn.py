"""The only module that imports scikit-learn's private names, so that a rename is mended here."""

from collections.abc import Callable, Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeVar

from sklearn.utils._param_validation import HasMethods, Hidden, Interval, Options, StrOptions

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
    "N_JOBS",
    "HasMethods",
    "Hidden",
    "Interval",
    "Options",
    "StrOptions",
    "data_free_checks",
    "fit_context",
    "validate_params",
]

#: What joblib takes: 0 it refuses where work begins, and without the name of the parameter's owner.
N_JOBS = [Interval(Integral, None, -1, closed="right"), Interval(Integral, 1, None, closed="left"), None]


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
