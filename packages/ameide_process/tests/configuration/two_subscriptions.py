"""A process with two subscriptions and an output, and what a cluster binds them to."""

import dataclasses

import bound_ingress
from ameide_process.contract import EmittedFact, Subscription

CONTRACT = dataclasses.replace(
    bound_ingress.CONTRACT,
    name="order-fulfillment",
    default_task_queue="order-fulfillment",
    api_major=2,
    subscriptions=(
        Subscription(name="orders-facts", kind="kafka", binding_ref="orders-facts"),
        Subscription(name="payments", kind="kafka", binding_ref="payments-facts"),
    ),
    emits=(EmittedFact(message_type="m", event_type="orders.Done.v1", stream="orders.events"),),
)
KAFKA = {"kind": "kafka", "bootstrapServers": "broker-1:9092, broker-2:9092"}
SASL = {"mechanism": "PLAIN", "username": "u", "passwordFile": "/p"}
SUBSCRIPTIONS = {
    "orders-facts": {**KAFKA, "topic": "facts.orders.v1"},
    "payments-facts": {
        **KAFKA,
        "topics": ["a", "b"],
        "format": "json",
        "consumerGroup": "g",
        "deadLetter": "dead-letter.pay",
    },
}
OUTPUTS = {
    "dead-letter": {**KAFKA, "topic": "dead"},
    "dead-letter.pay": {**KAFKA, "topic": "dead-pay"},
    "orders.events": {**KAFKA, "topic": "events"},
}
