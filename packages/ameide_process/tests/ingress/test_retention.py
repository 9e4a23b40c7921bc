"""Messages that outlive histories: said once in the log, and in /readyz only while such messages are read."""

import time
from datetime import timedelta

import structlog
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._retention import Retention

DAY = timedelta(days=1)


def message(age: timedelta | None) -> Message:
    taken = None if age is None else int((time.time() - age.total_seconds()) * 1000)
    return Message(Partition("orders", 0), 1, b"", timestamp_ms=taken)


def test_a_source_that_keeps_longer_is_said_once_and_is_no_standing_warning():
    with structlog.testing.capture_logs() as logs:
        retention = Retention("orders-facts")
        for _ in range(3):
            retention.compare(7 * DAY, DAY)
    (line,) = logs
    assert "the source keeps messages for 7 days, the namespace closed workflows for 1 day" in line["reason"]
    retention.saw([message(DAY / 2), message(None)])
    assert not retention.warning


def test_for_ever_is_a_time_too():
    with structlog.testing.capture_logs() as logs:
        Retention("orders-facts").compare(timedelta.max, DAY)
    assert "keeps messages for ever" in logs[0]["reason"]


def test_what_is_kept_no_longer_or_not_said_is_no_matter():
    with structlog.testing.capture_logs() as logs:
        retention = Retention("orders-facts")
        retention.compare(DAY, DAY)
        retention.compare(None, DAY)
        retention.compare(DAY, None)
    assert not logs
    retention.saw([message(100 * DAY)])
    assert not retention.warning


def test_a_message_older_than_the_histories_is_warned_of():
    retention = Retention("orders-facts")
    retention.compare(7 * DAY, DAY)
    retention.saw([message(DAY / 2), message(2 * DAY)])
    assert "messages older than 1 day are read" in retention.warning


def test_messages_may_come_before_the_namespace_answers():
    retention = Retention("orders-facts")
    retention.saw([message(2 * DAY)])
    retention.saw([message(DAY / 2)])
    assert not retention.warning
    retention.compare(None, DAY)
    assert "messages older than 1 day are read" in retention.warning
