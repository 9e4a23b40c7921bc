import pytest
from ameide_devstack.testing import wait_for, wait_until


async def test_returns_the_first_true_result():
    answers = iter(["", None, "now", "later"])
    assert await wait_for(lambda: next(answers)) == "now"
    assert next(answers) == "later"


async def test_says_what_it_last_saw():
    async def never() -> list[int]:
        return []

    with pytest.raises(TimeoutError, match=r"still \[\] after 0\.05 s"):
        await wait_until(never, timeout_s=0.05)


async def test_passes_errors_on():
    def broken() -> bool:
        raise LookupError

    with pytest.raises(LookupError):
        await wait_for(broken)
