from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .workflows import Shop


class Pricing:
    def price(self) -> float:
        return self.factor() * random.random()  # expect: randomness

    def factor(self):
        return 1

    def tags(self) -> "set[str]":
        return make_tags(self)


def make_tags(shop: Shop):
    from shop.workflows import make

    return make()
