"""Whether the Secrets that a resource names are there and whole."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from ameide_operator.conditions._reasons import Reason
from ameide_operator.conditions._verdict import Verdict, available, failing
from ameide_operator.planning import SecretUse
from ameide_operator.secret_summary import SecretSummary

BLOCKING: Final = frozenset({Reason.SECRET_MISSING, Reason.SECRET_KEY_MISSING, Reason.CERTIFICATE_INVALID})
"""Reasons for which no pods are made or changed: they could not start."""


def judge_secrets(uses: Iterable[SecretUse], secrets: Mapping[str, SecretSummary | None], *, now: datetime) -> Verdict:
    """Looks at every use of a Secret.

    Args:
        uses: Places of spec that name a Secret.
        secrets: What is there, by name; None or absent: no such Secret.
        now: The time, in UTC.

    Returns:
        The gravest finding, with all findings of its reason in the message.
    """
    findings: dict[Reason, list[str]] = {}
    count = 0
    for use in uses:
        count += 1
        found = _finding(use, secrets.get(use.secret), now)
        if found:
            findings.setdefault(found[0], []).append(found[1])
    if not count:
        return available("spec names no Secret")
    for reason in _BY_GRAVITY:
        if reason in findings:
            message = "; ".join(dict.fromkeys(findings[reason]))
            return Verdict(holds=reason is Reason.CERTIFICATE_EXPIRING, reason=reason, message=message)
    return available("all Secrets that spec names are there")


def seconds_until_next_finding(secrets: Iterable[SecretSummary | None], *, now: datetime) -> float | None:
    """When a certificate will be spoken of, or expire; None: never. No event tells that time passes."""
    times = [time for each in secrets if each for time in (each.renew_by, each.expires) if time and time > now]
    return min(((time - now).total_seconds() for time in times), default=None)


def blocking(verdict: Verdict) -> bool:
    """Whether pods could not start with Secrets like these."""
    return verdict.reason in BLOCKING


def temporal_secrets(
    uses: Iterable[SecretUse], secrets: Mapping[str, SecretSummary | None], *, now: datetime
) -> Verdict | None:
    """What keeps the operator from connecting to Temporal, if anything."""
    verdict = judge_secrets([use for use in uses if use.temporal], secrets, now=now)
    return failing(verdict.reason, verdict.message) if blocking(verdict) else None


_BY_GRAVITY: Final = (
    Reason.SECRET_MISSING,
    Reason.SECRET_KEY_MISSING,
    Reason.CERTIFICATE_INVALID,
    Reason.CERTIFICATE_EXPIRED,
    Reason.CERTIFICATE_EXPIRING,
)


def _finding(use: SecretUse, secret: SecretSummary | None, now: datetime) -> tuple[Reason, str] | None:
    if secret is None:
        return Reason.SECRET_MISSING, f"Secret {use.secret!r} of {use.field} is not there; create it"
    missing = [key for key in use.keys if key not in secret.keys]
    if missing:
        keys = " and ".join(repr(key) for key in missing)
        it = "them" if len(missing) > 1 else "it"
        return Reason.SECRET_KEY_MISSING, f"Secret {use.secret!r} of {use.field} has no key {keys}; add {it}"
    if secret.fault:
        return Reason.CERTIFICATE_INVALID, f"Secret {use.secret!r} of {use.field}: {secret.fault}; replace it"
    if secret.expires is None or secret.renew_by is None or now < secret.renew_by:
        return None
    return _expiry(use, secret.expires, now)


def _expiry(use: SecretUse, expires: datetime, now: datetime) -> tuple[Reason, str]:
    when = f"{expires:%Y-%m-%d %H:%M} UTC"
    if expires <= now:
        return Reason.CERTIFICATE_EXPIRED, f"the certificate in Secret {use.secret!r} expired on {when}; renew it"
    return Reason.CERTIFICATE_EXPIRING, f"the certificate in Secret {use.secret!r} expires on {when}; renew it"
