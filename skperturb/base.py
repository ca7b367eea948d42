"""The base class of every estimator: scikit-learn's, with a link to our documentation and a state of plain data."""

from sklearn.base import BaseEstimator as _SklearnBaseEstimator

from skperturb._persistence import PlainStateMixin

__all__ = ["BaseEstimator"]


class BaseEstimator(PlainStateMixin, _SklearnBaseEstimator):
    """scikit-learn's ``BaseEstimator`` whose HTML diagram links to skperturb's API page and whose state is plain data.

    Notes
    -----
    Nothing else belongs here: mixins stand left of this class and carry the behaviour.
    """

    _doc_link_module = "skperturb"
    _doc_link_template = "https://skperturb.readthedocs.io/en/latest/api/{public_module}.{estimator_name}.html"

    def _doc_link_url_param_generator(self):
        # skperturb.networks._distance is private; its page is that of skperturb.networks.
        public_module = ".".join(type(self).__module__.split(".")[:2])
        return {"public_module": public_module, "estimator_name": type(self).__name__}
