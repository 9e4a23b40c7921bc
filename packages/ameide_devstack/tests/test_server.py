"""The supervisor, with a server of ten lines in the place of a real one."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest
from ameide_devstack import PortTakenError, Server, ServerExitError, ServerStartError, _loopback_ports
from ameide_devstack._loopback_ports import PortLease
from ameide_devstack.testing import wait_for

# Listens, after `sys.argv[2]` seconds, on port `sys.argv[1]`; has a child; on SIGTERM says so and ends.
_ECHO = """
import signal, socket, subprocess, sys, time
child = subprocess.Popen(["sleep", "1000"])
print("child", child.pid, flush=True)
def end(*_):
    print("ended politely", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if sys.argv[3:] == ["stubborn"] else end)
time.sleep(float(sys.argv[2]))
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    s.accept()[0].close()
"""


class ToyServer(Server):
    name = "toy"

    def __init__(
        self, *, arguments: Sequence[object] = (0,), port: int | None = None, data_dir: Path | None = None
    ) -> None:
        super().__init__(ports={"toy": port}, data_dir=data_dir)
        self._arguments = [str(argument) for argument in arguments]

    async def _command(self) -> Sequence[str]:
        return [sys.executable, "-c", _ECHO, str(self.port("toy")), *self._arguments]

    async def _why_not_ready(self) -> str | None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port("toy"))
        except OSError as error:
            return str(error)
        writer.close()
        return None

    def child_pid(self) -> int:
        return int(self.log_path.read_text().split()[-1])


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_leaves_nothing_behind():
    async with ToyServer() as server:
        pid, child, data = server.pid, server.child_pid(), server.data_dir
        assert server.running
        assert data.is_dir()
        assert psutil.pid_exists(child)
    assert not server.running
    assert gone(pid)
    await wait_for(lambda: gone(child))
    assert not data.exists()


async def test_restart_and_kill_keep_port_and_log():
    async with ToyServer() as server:
        port, first = server.port("toy"), server.pid
        await server.restart()
        assert gone(first)
        assert server.port("toy") == port
        assert "ended politely" in server.log_path.read_text()
        second, child = server.pid, server.child_pid()
        await server.kill()
        assert gone(second)
        await wait_for(lambda: gone(child))
        with pytest.raises(RuntimeError, match="toy is not running"):
            _ = server.pid
        await server.restart()
        assert server.pid not in {first, second}
        assert server.log_path.read_text().count("child") == 3
        assert server.log_path.read_text().count("ended politely") == 1


async def test_kills_what_ignores_sigterm():
    async with ToyServer(arguments=[0, "stubborn"]) as server:
        server.stop_timeout_s = 0.2
        pid = server.pid
        await server.stop()
        assert gone(pid)


async def test_paused_server_is_silent_until_it_goes_on():
    async with ToyServer() as server:

        async def answers() -> bool:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port("toy"))
            try:
                async with asyncio.timeout(0.3):
                    await reader.read()  # the server closes each connection
            except TimeoutError:
                return False
            finally:
                writer.close()
            return True

        assert await answers()
        server.pause()
        assert not await answers()
        server.resume()
        assert await answers()
        server.pause()
        await server.stop()
        assert "ended politely" in server.log_path.read_text()


async def test_start_twice_is_refused():
    async with ToyServer() as server:
        with pytest.raises(RuntimeError, match="running already"):
            await server.start()
        assert server.running


async def test_exit_before_ready_quotes_the_log():
    server = ToyServer(arguments=["not a number"])
    with pytest.raises(ServerStartError) as caught:
        async with server:
            pass
    assert caught.value.returncode == 1
    assert "exited with status 1" in str(caught.value)
    assert "could not convert string to float: 'not a number'" in caught.value.log_tail
    assert "  | ValueError: could not convert" in str(caught.value)
    assert not server.data_dir.exists()


async def test_late_server_is_reported_and_killed():
    server = ToyServer(arguments=[1000])
    server.start_timeout_s = 0.5
    with pytest.raises(ServerStartError, match=r"toy was not ready after 0\.5 s: .*Connect call failed") as caught:
        await server.start()
    assert caught.value.returncode is None
    await wait_for(lambda: gone(server.child_pid()))
    await server.close()


async def test_cancelled_start_leaves_no_process():
    server = ToyServer(arguments=[1000])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await server.start()
    assert not server.running
    await wait_for(lambda: gone(server.child_pid()))
    await server.close()


async def test_taken_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"toy: port {port} of 127.0.0.1 is taken") as caught:
            async with ToyServer(port=port):
                pass
    assert caught.value.port == port


async def test_death_of_a_server_is_told_and_it_can_start_again():
    async with ToyServer() as server:
        child = server.child_pid()
        watch = asyncio.create_task(server.wait_for_exit())
        await asyncio.sleep(0)
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(ServerExitError, match="toy ended by itself with status -9") as caught:
            await watch
        assert caught.value.log_tail == f"child {child}"
        with pytest.raises(ServerExitError):
            await server.wait_for_exit()
        assert not server.running
        await server.start()
        assert server.running
        await wait_for(lambda: gone(child))


async def test_end_on_purpose_is_no_failure():
    async with ToyServer() as server:
        for end in (server.stop, server.kill, server.restart):
            watch = asyncio.create_task(server.wait_for_exit())
            await asyncio.sleep(0)
            await end()
            await watch
            if not server.running:
                await server.start()
    with pytest.raises(RuntimeError, match="toy was not started"):
        await server.wait_for_exit()


async def test_given_data_folder_survives(tmp_path: Path):
    async with ToyServer(data_dir=tmp_path / "kept") as server:
        pass
    assert "ended politely" in server.log_path.read_text()


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_servers_end_with_the_process_that_started_them(signal_number: signal.Signals, tmp_path: Path):
    program = textwrap.dedent(
        f"""
        import asyncio, importlib.util, pathlib, signal
        # A shell starts what runs in its background with SIGINT ignored, and Python leaves it so.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        spec = importlib.util.spec_from_file_location("toy_test", {__file__!r})
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        async def main():
            async with module.ToyServer(data_dir=pathlib.Path({str(tmp_path)!r})) as server:
                print(server.pid, server.child_pid(), flush=True)
                await asyncio.sleep(1000)
        asyncio.run(main())
        """
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: ASYNC220 # returns at once
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert len(pids) == 2
    assert not any(gone(pid) for pid in pids)
    os.kill(process.pid, signal_number)
    process.wait()
    await wait_for(lambda: all(gone(pid) for pid in pids))


def test_leases_never_overlap_between_processes():
    # By path: the package's front door imports Temporal's SDK, four times over.
    program = (
        f"import runpy, sys; PortLease = runpy.run_path({_loopback_ports.__file__!r})['PortLease'];"
        "leases = [PortLease() for _ in range(200)];"
        "print(*[lease.port for lease in leases], flush=True); sys.stdin.read()"
    )
    holders = [
        subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    ports = [port for holder in holders if holder.stdout for port in holder.stdout.readline().split()]
    for holder in holders:
        holder.communicate()
    assert len(ports) == 800
    assert len(set(ports)) == 800


def test_released_lease_can_be_taken_again(monkeypatch: pytest.MonkeyPatch):
    lease = PortLease()
    monkeypatch.setattr("ameide_devstack._loopback_ports._FIRST_PORT", lease.port)
    monkeypatch.setattr("ameide_devstack._loopback_ports._PORT_COUNT", 1)
    lease.release()
    assert PortLease().port == lease.port
