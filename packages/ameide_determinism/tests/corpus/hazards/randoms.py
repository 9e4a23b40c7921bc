import functools
import os
import random
import secrets
import uuid
from functools import partial
from random import choice, shuffle as mix
from random import *
from uuid import uuid4 as new_id

import numpy as np
from faker import Faker
from temporalio import workflow

SEED = random.randint(0, 9)  # expect: randomness
fake = Faker()  # expect: randomness


def random_key(_):
    return random.random()  # expect: randomness


@workflow.defn
class Randoms:
    def __init__(self) -> None:
        self.id = uuid.uuid4()  # expect: random-uuid

    @workflow.run
    async def run(self) -> None:
        random.random()  # expect: randomness
        choice([1])  # expect: randomness
        mix([1])  # expect: randomness
        randint(1, 2)  # expect: randomness
        random.Random().random()  # expect: randomness
        random.SystemRandom().random()  # expect: randomness
        secrets.token_hex()  # expect: randomness
        os.urandom(8)  # expect: randomness
        np.random.rand(3)  # expect: randomness
        np.random.default_rng().random()  # expect: randomness
        fake.name()  # expect: randomness
        SEED
        sorted([1], key=random_key)
        partial(random.random)()  # expect: randomness
        draw = functools.partial(random.randint, 1, 6)  # expect: randomness
        draw()  # expect: randomness
        uuid.uuid1()  # expect: random-uuid
        uuid.getnode()  # expect: random-uuid
        new_id()  # expect: random-uuid
        make = {"id": uuid.uuid4}
        make["id"]()  # expect: random-uuid
        table = [random.random, random.gauss]
        for draw_one in table:
            draw_one()  # expect: randomness
        [random.random for _ in "ab"][0]()  # expect: randomness
