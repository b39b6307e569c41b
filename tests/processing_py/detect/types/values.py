"""Values as confirmers get them."""

from processing_py.detect.value import Value
from processing_py.points.leaf import Leaf


def value(text, *path):
    """``text`` as the query parameter ``q`` or at ``path``."""
    return Value(Leaf(path or (("get", "q"),), text))
