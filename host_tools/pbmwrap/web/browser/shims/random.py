"""`random.Random` of `random`: the plant's noise, which is off in the browser."""

import math
import random as _random


class Random:
    """Noise of one seed, not the same as CPython's."""

    def __init__(self, seed=0):
        self.seed(seed)

    def seed(self, seed):
        """Restart from `seed`."""
        _random.seed(seed)

    def gauss(self, mean, deviation):
        """Return a number by the normal distribution (Box-Muller)."""
        distance = math.sqrt(-2.0 * math.log(1.0 - _random.random()))
        return mean + deviation * distance * math.cos(2.0 * math.pi * _random.random())
