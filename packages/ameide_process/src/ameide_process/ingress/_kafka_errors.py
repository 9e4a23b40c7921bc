"""What went wrong between a member and its Kafka group, in words for people."""

from ameide_process.configuration import KafkaSubscription
from ameide_process.ingress._transport import TransportError


def unreachable(settings: KafkaSubscription, subscription: str, error: Exception) -> TransportError:
    """Says that the broker does not do what was asked, and what to look at."""
    where = whereabouts(settings, subscription)
    return TransportError(f"{where}: {what(error)}; check bootstrapServers, and that the broker runs there")


def whereabouts(settings: KafkaSubscription, subscription: str) -> str:
    """Says which broker is not reached, and for what."""
    return f"cannot reach kafka at {','.join(settings.bootstrap_servers)} for subscription {subscription}"


def what(error: BaseException) -> str:
    """Says what an error says, and its kind where it says nothing."""
    return str(error) or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
