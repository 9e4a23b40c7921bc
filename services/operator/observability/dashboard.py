"""Writes the Grafana dashboard of a process, `dashboard.json` beside it: run it after a change, and commit both.

A panel is a line here and forty in Grafana's JSON; the same lines give the same bytes.
"""

import json
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("dashboard.json")
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH, HEIGHT = 12, 8
"""Of a panel, in Grafana's grid of 24 columns."""

Panel = tuple[str, str, str, list[tuple[str, str]]]
"""Title, unit, what it says, and its queries with their legends."""

ROWS: list[tuple[str, list[Panel]]] = [
    (
        "Is it well",
        [
            (
                "Failing checks",
                "short",
                "Checks of /readyz that fail; /readyz of the pod says why, and what to do.",
                [('sum by (job, check) (1 - ameide_readiness_check{job=~"$job"})', "{{job}} {{check}}")],
            ),
            (
                "Oldest unacknowledged message",
                "s",
                "Age of the oldest message that neither Temporal nor the dead-letter stream has.",
                [
                    (
                        (
                            "max by (job, subscription) "
                            '(ameide_ingress_oldest_unacknowledged_age_seconds{job=~"$job",subscription=~"$subscription"})'
                        ),
                        "{{job}} {{subscription}}",
                    )
                ],
            ),
        ],
    ),
    (
        "Ingress",
        [
            (
                "Events by outcome",
                "ops",
                "Messages that came to their end: accepted, duplicate, dead_letter, tombstone.",
                [
                    (
                        (
                            "sum by (subscription, outcome) "
                            '(rate(ameide_ingress_events_total{job=~"$job",subscription=~"$subscription"}[$__rate_interval]))'
                        ),
                        "{{subscription}} {{outcome}}",
                    )
                ],
            ),
            (
                "Lag",
                "short",
                "Messages between the committed position and the end of each partition.",
                [
                    (
                        (
                            "sum by (subscription, source, partition) "
                            '(ameide_ingress_lag_messages{job=~"$job",subscription=~"$subscription"})'
                        ),
                        "{{source}}/{{partition}}",
                    )
                ],
            ),
            (
                "Signal latency",
                "s",
                "Time of one accepted call to Temporal.",
                [
                    (
                        (
                            f"histogram_quantile({quantile}, sum by (subscription, le) (rate("
                            'ameide_ingress_signal_duration_seconds_bucket{job=~"$job",subscription=~"$subscription"}'
                            "[$__rate_interval])))"
                        ),
                        f"{{{{subscription}}}} {name}",
                    )
                    for quantile, name in ((0.5, "p50"), (0.99, "p99"))
                ],
            ),
            (
                "Calls",
                "ops",
                "Accepted calls: signal_with_start started a workflow, signal found it running.",
                [
                    (
                        (
                            "sum by (subscription, call) "
                            '(rate(ameide_ingress_signals_total{job=~"$job",subscription=~"$subscription"}[$__rate_interval]))'
                        ),
                        "{{subscription}} {{call}}",
                    )
                ],
            ),
            (
                "Failed calls",
                "ops",
                "By what the failure means; `service` is Temporal away, `busy` a workflow that continues as new.",
                [
                    (
                        (
                            "sum by (subscription, verdict) (rate("
                            'ameide_ingress_call_failures_total{job=~"$job",subscription=~"$subscription"}[$__rate_interval]))'
                        ),
                        "{{subscription}} {{verdict}}",
                    )
                ],
            ),
            (
                "In flight",
                "short",
                "Messages taken and not committed.",
                [
                    (
                        (
                            "sum by (subscription) "
                            '(ameide_ingress_in_flight_events{job=~"$job",subscription=~"$subscription"})'
                        ),
                        "{{subscription}}",
                    )
                ],
            ),
            (
                "Parked keys and paused partitions",
                "short",
                "Keys held up by a failure of their own, and partitions that take nothing meanwhile.",
                [
                    (
                        f'sum by (subscription) ({metric}{{job=~"$job",subscription=~"$subscription"}})',
                        f"{{{{subscription}}}} {name}",
                    )
                    for metric, name in (
                        ("ameide_ingress_parked_keys", "parked"),
                        ("ameide_ingress_paused_partitions", "paused"),
                    )
                ],
            ),
            (
                "Dead letters",
                "short",
                "What the dead-letter stream took in each interval, by reason: of the ingress, and of the worker.",
                [
                    (
                        (
                            "sum by (subscription, reason) (increase("
                            'ameide_ingress_dead_letters_total{job=~"$job",subscription=~"$subscription"}'
                            "[$__rate_interval]))"
                        ),
                        "{{subscription}} {{reason}}",
                    ),
                    (
                        'sum by (reason) (increase(ameide_worker_dead_letters_total{job=~"$job"}[$__rate_interval]))',
                        "worker {{reason}}",
                    ),
                ],
            ),
        ],
    ),
    (
        "Ingress by HTTP",
        [
            (
                "Requests by status",
                "ops",
                "Answers of subscriptions: 202 is taken; 401 shows no token; 408, 429 and 503 ask to come again.",
                [
                    (
                        (
                            "sum by (subscription, status) (rate("
                            'ameide_ingress_http_requests_total{job=~"$job",subscription=~"$subscription"}'
                            "[$__rate_interval]))"
                        ),
                        "{{subscription}} {{status}}",
                    )
                ],
            ),
            (
                "Requests in work",
                "short",
                "reading: their body is on its way; waiting: their events are not taken yet.",
                [
                    (
                        (
                            "sum by (subscription, stage) "
                            '(ameide_ingress_http_requests_in_work{job=~"$job",subscription=~"$subscription"})'
                        ),
                        "{{subscription}} {{stage}}",
                    )
                ],
            ),
            (
                "Connections",
                "short",
                "new: no request yet; idle: answered, and kept; serving; leaving: refused, and ending.",
                [
                    (
                        'sum by (job, port, state) (ameide_ingress_http_connections{job=~"$job"})',
                        "{{job}} {{port}} {{state}}",
                    )
                ],
            ),
            (
                "Turned away",
                "ops",
                "Connections and requests that a port ended before a subscription saw them, by reason.",
                [
                    (
                        (
                            "sum by (job, port, reason) "
                            '(rate(ameide_ingress_http_turned_away_total{job=~"$job"}[$__rate_interval]))'
                        ),
                        "{{job}} {{port}} {{reason}}",
                    )
                ],
            ),
        ],
    ),
    (
        "Worker",
        [
            (
                "Events in their workflows",
                "ops",
                "applied; duplicate, dropped because it was applied before; failed in its handler; rejected; late.",
                [
                    (
                        'sum by (job, outcome) (rate(ameide_process_events_total{job=~"$job"}[$__rate_interval]))',
                        "{{job}} {{outcome}}",
                    )
                ],
            ),
            (
                "Task slots in use",
                "short",
                "Workflow and activity tasks that workers run now.",
                [
                    (
                        'sum by (job, worker_type) (temporal_worker_task_slots_used{job=~"$job"})',
                        "{{job}} {{worker_type}}",
                    )
                ],
            ),
        ],
    ),
]


def dashboard() -> dict[str, Any]:
    """Makes the dashboard as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS:
        panels.append({"type": "row", "title": title, "gridPos": {"h": 1, "w": 24, "x": 0, "y": y}, "panels": []})
        y += 1
        for number, panel in enumerate(row):
            panels.append(_panel(panel, x=number % 2 * WIDTH, y=y + number // 2 * HEIGHT))
        y += (len(row) + 1) // 2 * HEIGHT
    for number, panel in enumerate(panels, start=1):
        panel["id"] = number
    return {
        "uid": "ameide-process",
        "title": "Ameide process",
        "tags": ["ameide", "temporal"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"},
                _variable("job", "Program", "label_values(ameide_process_info, job)"),
                _variable(
                    "subscription",
                    "Subscription",
                    'label_values(ameide_ingress_assigned_partitions{job=~"$job"}, subscription)',
                ),
            ]
        },
        "panels": panels,
    }


def _variable(name: str, label: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "sort": 1,
    }


def _panel(panel: Panel, *, x: int, y: int) -> dict[str, Any]:
    title, unit, description, queries = panel
    return {
        "type": "timeseries",
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "gridPos": {"h": HEIGHT, "w": WIDTH, "x": x, "y": y},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]}},
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": DATASOURCE, "expr": expression, "legendFormat": legend}
            for number, (expression, legend) in enumerate(queries)
        ],
    }


def rendered() -> str:
    """Renders the file."""
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    TARGET.write_text(rendered(), encoding="utf-8")
