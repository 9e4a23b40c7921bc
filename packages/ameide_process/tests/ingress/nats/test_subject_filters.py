"""The settings refuse the subjects that a real server refuses, and no others."""

from itertools import combinations_with_replacement

from ameide_devstack import NatsServer
from ameide_process.configuration import NatsSubscription
from ameide_process.ingress.nats._consumer import wanted_config
from ameide_process.jetstream import JetStreamError, ask_jetstream
from pydantic import ValidationError

STREAM = "filtered"
FILTERS = [">", "a.>", "a.*", "*.*", "*.b", "a.b", "a.b.>", "a.b.*", "a.*.c", "*.*.c"]
OVERLAPPING_FILTERS = 10138
"""Code of the server's refusal."""


def configured(subjects: list[str]) -> NatsSubscription | None:
    settings = {"kind": "nats", "servers": ["n:1"], "stream": STREAM, "subjects": subjects}
    try:
        return NatsSubscription.model_validate(settings)
    except ValidationError:
        return None


async def test_settings_take_the_subjects_that_the_server_takes(server: NatsServer) -> None:
    plain = configured([])
    assert plain is not None
    async with server.client() as client:
        await ask_jetstream(client, f"STREAM.CREATE.{STREAM}", {"name": STREAM, "subjects": ["a.>", "b.>"]})
        codes: set[int] = set()
        for number, subjects in enumerate(map(list, combinations_with_replacement(FILTERS, 2))):
            name = f"c{number}"
            question = {"stream_name": STREAM, "config": wanted_config(plain, name, subjects), "action": "create"}
            try:
                await ask_jetstream(client, f"CONSUMER.CREATE.{STREAM}.{name}", question)
                code = 0
            except JetStreamError as error:
                code = error.code
            assert code == (OVERLAPPING_FILTERS if configured(subjects) is None else 0), subjects
            codes.add(code)
    assert codes == {0, OVERLAPPING_FILTERS}
