"""The base class of every estimator: scikit-learn's, with a link to our documentation."""

from sklearn.base import BaseEstimator as _SklearnBaseEstimator

__all__ = ["BaseEstimator"]


class BaseEstimator(_SklearnBaseEstimator):
    """scikit-learn's ``BaseEstimator`` whose HTML diagram links to skperturb's API page.

    Notes
    -----
    Nothing else belongs here: mixins stand left of this class and carry the behaviour.
    """

    _doc_link_module = "skperturb"
    _doc_link_template = "https://skperturb.readthedocs.io/en/latest/api/skperturb.{estimator_name}.html"

    def _doc_link_url_param_generator(self):
        return {"estimator_name": type(self).__name__}
