"""What Apache Kafka refuses for its size, and what it says then."""

import pytest
from ameide_devstack import ApacheKafka
from ameide_process.configuration import KafkaOutput
from ameide_process.outputs import OutputRecord, OutputTooLargeError, open_output

pytestmark = pytest.mark.e2e


async def test_a_record_over_the_topics_limit_is_refused_by_name_and_does_not_hold_up_others() -> None:
    async with ApacheKafka() as broker:
        await broker.create_topic("dead", config={"max.message.bytes": "100000"})
        settings = KafkaOutput.model_validate(
            {"kind": "kafka", "bootstrapServers": broker.bootstrap_servers, "topic": "dead"}
        )
        output = open_output("dead-letter", settings)
        await output.publish(OutputRecord(b"small"))
        with pytest.raises(
            OutputTooLargeError, match=r"raise max\.message\.bytes of Kafka topic dead to at least"
        ) as caught:
            await output.publish(OutputRecord(b"x" * 200_000))
        assert 200_000 < caught.value.size < 202_000
        await output.publish(OutputRecord(b"small again"))
        await output.close()
