"""Asks an unready pod why, by its /readyz."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx2

from ameide_operator.conditions import ReadinessReport

TIMEOUT_SECONDS: Final = 2.0
"""For the whole answer; a pod that takes longer has other troubles."""

ANSWER_LIMIT: Final = 64 * 1024
"""Bytes of an answer that are read."""

FRESH_SECONDS: Final = 10.0
"""How long an answer stands before the same pod is asked again."""

_CHECK_LIMIT: Final = 20
_REASON_LIMIT: Final = 512


class ReadinessProbe:
    """Answers of pods, each asked at most once in `FRESH_SECONDS`."""

    def __init__(self, port: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._port = port
        self._clock = clock
        self._answers: dict[str, tuple[float, ReadinessReport]] = {}
        self._client = httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False)

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.aclose()

    async def ask(self, pod: Mapping[str, Any]) -> ReadinessReport:
        """What a pod says of itself."""
        uid, name = pod["metadata"]["uid"], pod["metadata"]["name"]
        now = self._clock()
        self._answers = {key: value for key, value in self._answers.items() if now - value[0] < FRESH_SECONDS}
        if uid in self._answers:
            return self._answers[uid][1]
        host = pod["status"]["podIP"]
        address = f"[{host}]" if ":" in host else host
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                content = await self._read(f"http://{address}:{self._port}/readyz")
            report = ReadinessReport(name, checks=_failing(content))
        except TimeoutError:
            report = ReadinessReport(name, unreachable=f"no answer to the operator within {TIMEOUT_SECONDS:g} s")
        except (httpx2.HTTPError, ValueError) as error:
            cause = str(error) or type(error).__name__
            said = cause if isinstance(error, ValueError) else f"the operator cannot reach it: {cause}"
            report = ReadinessReport(name, unreachable=said)
        self._answers[uid] = (now, report)
        return report

    async def _read(self, url: str) -> bytes:
        content = b""
        async with self._client.stream("GET", url) as response:
            async for part in response.aiter_bytes():
                content += part
                if len(content) > ANSWER_LIMIT:
                    raise ValueError(f"its answer is longer than {ANSWER_LIMIT} bytes")
        return content


def _failing(content: bytes) -> dict[str, str]:
    try:
        answer = json.loads(content)
        checks = [check for check in answer["checks"] if not check["ok"]]
        return {str(check["name"]): str(check["reason"])[:_REASON_LIMIT] for check in checks[:_CHECK_LIMIT]}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("its answer is not that of a program of ours") from error
