"""Runtime of generated Temporal processes: all that generated code and impl packages may import.

Rooms, by what they may touch:

- `contract`, `workflow_id`, `converter`, `routing`: what a process declares, and how a message finds its workflow.
- `workflow`: the semantics of a process inside Temporal's sandbox: inbox, deduplication, Continue-As-New, completion.
- `activity`: what an activity knows of its call.
- `ingress`, `outputs`, `worker`: the mains' machinery, which talks to brokers and to Temporal.
- `configuration`, `serving`: environment, mounted files, health and metrics endpoints.
- `startup`, `connection`, `telemetry`, `logs`, `trace_context`, `kafka_security`: what both mains do alike.
- `testing`: the fixture that generated tests and business tests share.
"""
