import math
from decimal import ROUND_HALF_UP, Decimal


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP) + math.floor(1)
