"""Arguments of conditions that leave their level and return between two looks."""

import math
from types import SimpleNamespace

import pytest

from skperturb.sbml._solving.crossings import Look, Watch


def watch(f, slope):
    """What `Watch` needs to look at one argument that has to stay above zero."""

    def look(time):
        return Look(time, [f(time)], [slope(time)], [float(f(time) > 0.0)], [])

    return SimpleNamespace(_conditions=SimpleNamespace(bounds=lambda index, level: (0.0, math.inf)), _at=look)


@pytest.mark.parametrize(("span", "least", "stays"), [(2.0, -0.01, False), (3.0, -0.01, False), (3.0, 0.6, True)])
def test_the_cubic_through_the_ends_sees_a_dip_beside_the_middle(span, least, stays):
    # A parabola is its own cubic; its least value lies at .6, away from the middle, which is above zero.
    seen = watch(lambda t: (t - 0.6) ** 2 + least, lambda t: 2.0 * (t - 0.6))
    ends_and_middle = [seen._at(part * span) for part in (0.0, 0.5, 1.0)]
    assert Watch._cubic_stays(seen, 0, 1.0, *ends_and_middle) is stays


def test_a_dip_between_steep_sides_is_followed_to_its_ground():
    seen = watch(lambda t: 1e3 * (t - 0.37) ** 2 - 1e-7, lambda t: 2e3 * (t - 0.37))
    found = Watch._at_turn(seen, 0, 1.0, seen._at(0.0), seen._at(1.0), [1.0])
    assert found is not None
    assert found[1].levels == [0.0]
    assert abs(found[1].time - 0.37) < 1e-4
    # One that stays above zero is left as soon as it cannot be reached any more.
    seen = watch(lambda t: 1e3 * (t - 0.37) ** 2 + 1.0, lambda t: 2e3 * (t - 0.37))
    assert Watch._at_turn(seen, 0, 1.0, seen._at(0.0), seen._at(1.0), [1.0]) is None
