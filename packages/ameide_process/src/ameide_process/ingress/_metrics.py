"""What the ingress counts. Names follow Prometheus; `messaging` semantics of OpenTelemetry where it has a word."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ameide_process.telemetry import LATENCY_BUCKETS

BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class IngressMetrics:
    """The metrics of an ingress program; every one has the label `subscription`, or `port` where several share one."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Registers the metrics.

        Args:
            registry: Where; a registry takes them once.
        """
        by_subscription = ["subscription"]
        self.events = Counter(
            "ameide_ingress_events",
            "Messages by their end: accepted (Temporal has it), duplicate (a closed workflow had applied it), "
            "dead_letter, refused (told its producer so), tombstone.",
            ["subscription", "outcome"],
            registry=registry,
        )
        self.dead_letters = Counter(
            "ameide_ingress_dead_letters",
            "Messages that the dead-letter stream took, by reason.",
            ["subscription", "reason"],
            registry=registry,
        )
        self.signals = Counter(
            "ameide_ingress_signals",
            "Accepted calls: signal_with_start started the workflow, signal found it running.",
            ["subscription", "call"],
            registry=registry,
        )
        self.call_failures = Counter(
            "ameide_ingress_call_failures",
            "Failed calls, by what the failure means.",
            ["subscription", "verdict"],
            registry=registry,
        )
        self.signal_duration = Histogram(
            "ameide_ingress_signal_duration_seconds",
            "Time of one accepted call.",
            by_subscription,
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.signal_events = Histogram(
            "ameide_ingress_signal_events",
            "Events in one accepted call.",
            by_subscription,
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self.commits = Counter(
            "ameide_ingress_commits",
            "Commits, by whether the broker took them; some fail at every rebalance.",
            ["subscription", "result"],
            registry=registry,
        )
        self.lag = Gauge(
            "ameide_ingress_lag_messages",
            "Messages between the committed position and the end of the partition.",
            ["subscription", "source", "partition"],
            registry=registry,
        )
        self.oldest_age = Gauge(
            "ameide_ingress_oldest_unacknowledged_age_seconds",
            "How long the oldest message has been here without an acknowledgement.",
            by_subscription,
            registry=registry,
        )
        self.in_flight = Gauge(
            "ameide_ingress_in_flight_events", "Messages taken and not committed.", by_subscription, registry=registry
        )
        self.in_flight_bytes = Gauge(
            "ameide_ingress_in_flight_bytes", "The same in bytes, about.", by_subscription, registry=registry
        )
        self.parked_keys = Gauge(
            "ameide_ingress_parked_keys",
            "Keys held up by a failure of their own for over a second.",
            by_subscription,
            registry=registry,
        )
        self.paused_partitions = Gauge(
            "ameide_ingress_paused_partitions",
            "Assigned partitions that are paused.",
            by_subscription,
            registry=registry,
        )
        self.assigned_partitions = Gauge(
            "ameide_ingress_assigned_partitions", "Assigned partitions.", by_subscription, registry=registry
        )
        self.http_requests = Counter(
            "ameide_ingress_http_requests",
            "Requests that subscriptions by HTTP answered, by status.",
            ["subscription", "status"],
            registry=registry,
        )
        self.http_requests_in_work = Gauge(
            "ameide_ingress_http_requests_in_work",
            "Requests whose body is read (reading), or whose events are not taken yet (waiting).",
            ["subscription", "stage"],
            registry=registry,
        )
        self.http_body_bytes = Gauge(
            "ameide_ingress_http_body_bytes", "Bodies of these in memory.", by_subscription, registry=registry
        )
        self.http_connections = Gauge(
            "ameide_ingress_http_connections",
            "Open connections: new (no request yet), idle (answered, kept), serving, leaving (refused, ending).",
            ["port", "state"],
            registry=registry,
        )
        self.http_turned_away = Counter(
            "ameide_ingress_http_turned_away",
            "Connections and requests that the port ended before a subscription saw them, by reason.",
            ["port", "reason"],
            registry=registry,
        )
