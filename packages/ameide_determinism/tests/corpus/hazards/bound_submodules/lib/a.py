import random

from . import clock


def go():
    return clock.stamp(), random.random()  # expect: randomness
