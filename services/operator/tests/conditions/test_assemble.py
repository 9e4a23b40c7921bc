"""How conditions sum up, and when their times move."""

from ameide_operator.conditions import STALLED, Reason, Verdict, assemble, available, failing, invalid, unknown
from ameide_operator.models import Condition, ConditionType
from hypothesis import given
from hypothesis import strategies as st

PARTS = [
    ConditionType.SECRETS_READY,
    ConditionType.TEMPORAL_READY,
    ConditionType.NAMESPACE_READY,
    ConditionType.WORKER_READY,
    ConditionType.INGRESS_READY,
]
VERDICTS = st.builds(Verdict, st.sampled_from([True, False, None]), st.sampled_from(Reason), st.just("m"))


def by_type(conditions: list[Condition]) -> dict[str, Condition]:
    return {each.type: each for each in conditions}


def assembled(verdicts: dict[ConditionType, Verdict], before: list[Condition] | None = None, now: str = "t1"):
    return assemble(verdicts, generation=3, before=before or [], now=now)


WELL = {part: available("well") for part in PARTS}


@given(st.fixed_dictionaries(dict.fromkeys(PARTS, VERDICTS)))
def test_ready_is_true_only_when_all_are(verdicts: dict[ConditionType, Verdict]):
    conditions = by_type(assembled(verdicts))
    assert (conditions["Ready"].status == "True") == all(each.holds for each in verdicts.values())
    assert all(each.observed_generation == 3 for each in conditions.values())
    trouble = {"Reconciling", "Stalled"} & set(conditions)
    if conditions["Ready"].status == "True":
        assert trouble == set()
    else:
        assert trouble == ({"Stalled"} if Reason(conditions["Ready"].reason) in STALLED else {"Reconciling"})


@given(st.fixed_dictionaries(dict.fromkeys(PARTS, VERDICTS)), st.fixed_dictionaries(dict.fromkeys(PARTS, VERDICTS)))
def test_time_moves_exactly_when_the_status_does(
    first: dict[ConditionType, Verdict], second: dict[ConditionType, Verdict]
):
    before = assembled(first)
    after = by_type(assembled(second, before, now="t2"))
    for each in before:
        if each.type in after:
            moved = after[each.type].last_transition_time == "t2"
            assert moved == (after[each.type].status != each.status)


def test_first_failure_is_the_reason_and_comes_before_what_is_not_known():
    verdicts = WELL | {
        ConditionType.SECRETS_READY: unknown(Reason.PROGRESSING, "?"),
        ConditionType.NAMESPACE_READY: failing(Reason.NOT_FOUND, "no namespace"),
        ConditionType.WORKER_READY: failing(Reason.CRASH_LOOP, "crashes"),
    }
    conditions = by_type(assembled(verdicts))
    assert conditions["DependenciesReady"].reason == "NotFound"
    assert conditions["WorkloadReady"].reason == "CrashLoopBackOff"
    assert (conditions["Ready"].reason, conditions["Ready"].message) == ("NotFound", "no namespace")


def test_warning_is_passed_on_while_all_is_well():
    warning = Verdict(holds=True, reason=Reason.CERTIFICATE_EXPIRING, message="soon")
    ready = by_type(assembled(WELL | {ConditionType.SECRETS_READY: warning}))["Ready"]
    assert (ready.status, ready.reason) == ("True", "CertificateExpiring")


def test_invalid_spec_is_all_that_is_said():
    conditions = by_type(assembled(invalid("spec.worker: wrong")))
    assert {each.reason for each in conditions.values()} == {"InvalidSpec"}
    assert conditions["Ready"].status == conditions["WorkerReady"].status == "False"
    assert conditions["TemporalReady"].status == "Unknown"
    assert conditions["Stalled"].message == "spec.worker: wrong"
