import asyncio
import os
from pathlib import Path

import psutil
import pytest
from ameide_devstack import BuildError, ToolMissingError
from ameide_devstack._build_cache import Build, built, cache_dir
from ameide_devstack.testing import wait_for


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AMEIDE_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def shell_build(script: str, *, content: bytes = b"") -> Build:
    return Build(
        name="thing-1",
        inputs={"content": content},
        command=("sh", "-c", script),
        environment={"GREETING": "hello"},
        duration="in no time",
        install="install a shell",
    )


def suffixes_in(folder: Path) -> list[str]:
    return [path.suffix for path in folder.iterdir()]


async def test_builds_once_from_its_inputs(cache: Path, capfd: pytest.CaptureFixture[str]):
    build = shell_build('{ echo "$GREETING"; cat content; } > out/result', content=b"world")
    folder = await built(build)
    assert (folder / "result").read_text() == "hello\nworld"
    assert folder.parent == cache == cache_dir()
    stamp = (folder / "result").stat().st_mtime_ns
    assert await built(build) == folder
    assert (folder / "result").stat().st_mtime_ns == stamp
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "ameide-devstack: building thing-1, once; in no time"
    assert len(lines) == 2
    assert lines[1].startswith("ameide-devstack: built thing-1 in 0 s: ")


async def test_other_input_is_another_build():
    script = "cp content out/"
    first, second = await built(shell_build(script, content=b"1")), await built(shell_build(script, content=b"2"))
    assert first != second
    assert (first / "content").read_bytes() == b"1"
    assert (second / "content").read_bytes() == b"2"


async def test_parallel_builders_share_one_build(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    build = shell_build(f"echo built >> {tmp_path / 'count'}; sleep 0.5; touch out/result")
    folders = await asyncio.gather(*(built(build) for _ in range(5)))
    assert len(set(folders)) == 1
    assert (tmp_path / "count").read_text() == "built\n"
    assert capfd.readouterr().err.count("waiting for another process that builds thing-1") == 4


async def test_failure_quotes_the_tool_and_leaves_nothing(cache: Path):
    with pytest.raises(BuildError, match=r"(?s)could not build thing-1: status 7 .*  \| no such module") as caught:
        await built(shell_build("touch out/half; echo no such module >&2; exit 7"))
    assert caught.value.returncode == 7
    assert suffixes_in(cache) == [".lock"]


async def test_cancelled_build_ends_its_tool(cache: Path, tmp_path: Path):
    build = shell_build(f"sleep 1000 & echo $! > {tmp_path / 'pid'}; wait")
    task = asyncio.create_task(built(build))
    pid = int(await wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    assert psutil.pid_exists(pid)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await wait_for(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    assert suffixes_in(cache) == [".lock"]


async def test_leavings_of_a_killed_builder_are_swept(cache: Path):
    build = shell_build("touch out/result")
    left_behind = cache / f".thing-1-{build.digest}-abcdef"
    left_behind.mkdir(parents=True)
    await built(build)
    assert not left_behind.exists()


async def test_missing_tool_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", os.devnull)
    message = "no 'sh' on PATH, which the build of thing-1 needs; install a shell"
    with pytest.raises(ToolMissingError, match=message) as caught:
        await built(shell_build("true"))
    assert caught.value.tool == "sh"
