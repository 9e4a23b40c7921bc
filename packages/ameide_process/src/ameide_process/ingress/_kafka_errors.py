"""What went wrong between a member and its Kafka group, in words for people."""

from aiokafka import errors
from aiokafka.errors import BrokerResponseError

from ameide_process.configuration import KafkaSubscription
from ameide_process.ingress._transport import TransportError


class FencedInstanceIdError(BrokerResponseError):
    """Another member has joined under our group instance id (KIP-345)."""

    errno = 82
    message = "FENCED_INSTANCE_ID"
    description = "Another member has joined under this group instance id"


_known: dict[int, type[BrokerResponseError]] = vars(errors)["kafka_errors"]
# aiokafka 0.14 does not know the code and says "UnknownError". Of an error in its background only the text is left.
_known.setdefault(FencedInstanceIdError.errno, FencedInstanceIdError)


def unreachable(settings: KafkaSubscription, subscription: str, error: Exception) -> TransportError:
    """Says that the broker does not do what was asked, and what to look at."""
    if settings.group_instance_id is not None and _known[FencedInstanceIdError.errno].__name__ in str(error):
        return TransportError(
            f"kafka has let another member with groupInstanceId {settings.group_instance_id!r} in for subscription "
            f"{subscription}, and so not this one; give each member its own, such as ${{HOSTNAME}} in a StatefulSet"
        )
    where = whereabouts(settings, subscription)
    return TransportError(f"{where}: {what(error)}; check bootstrapServers, and that the broker runs there")


def whereabouts(settings: KafkaSubscription, subscription: str) -> str:
    """Says which broker is not reached, and for what."""
    return f"cannot reach kafka at {','.join(settings.bootstrap_servers)} for subscription {subscription}"


def what(error: BaseException) -> str:
    """Says what an error says, and its kind where it says nothing."""
    return str(error) or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
