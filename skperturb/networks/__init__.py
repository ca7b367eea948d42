"""From a Jacobian to a perturbation pattern: what topology alone predicts."""

from skperturb._network import InfluenceNetwork
from skperturb.networks._distance import DynamoDistance
from skperturb.networks._enhancer.estimator import GCNEnhancer
from skperturb.networks._enhancer.factor import bio_impact_matrix, enhancement_factor, scaled_impact_matrix
from skperturb.networks._first_neighbor import DynamoFirstNeighbor
from skperturb.networks._propagation import DynamoPropagation
from skperturb.networks._structural.estimator import StructuralSensitivity
from skperturb.networks._structural.found import RankedResponses
from skperturb.networks._structural.responses import ResponseMatrix, response_matrix
from skperturb.networks._top_responses import top_responses
from skperturb.networks._write_network import write_network

__all__ = [
    "DynamoDistance",
    "DynamoFirstNeighbor",
    "DynamoPropagation",
    "GCNEnhancer",
    "InfluenceNetwork",
    "RankedResponses",
    "ResponseMatrix",
    "StructuralSensitivity",
    "bio_impact_matrix",
    "enhancement_factor",
    "response_matrix",
    "scaled_impact_matrix",
    "top_responses",
    "write_network",
]
