"""Requests as compilers made them once, byte for byte.

They hold the plugin to what compilers really send, whatever the installed compiler sends today. Made anew, after a
change of the goldens that they are of, by `uv run pytest packages/protoc_gen_process --bless`.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from protobuf.wkt.google.protobuf.compiler.plugin_pb import CodeGeneratorRequest
from protoc_gen_process.testing import answer_to

TESTS = Path(__file__).parent
REQUESTS = TESTS / "requests"
GOLDEN = {
    "buf-all-options": "all-options",
    "buf-imported-types": "imported-types",
    "protoc-awkward-names": "awkward-names",
    "protoc-flat-keys": "flat-keys",
    "protoc-imported-types": "imported-types",
}
"""The golden that each request is of."""

CAPTURE = f"""#!{sys.executable}
import os, pathlib, sys
pathlib.Path(os.environ["CAPTURED"]).write_bytes(sys.stdin.buffer.read())
sys.stdout.buffer.write(bytes([16, 3, 24, 230, 7, 32, 233, 7]))  # proto3 optional and editions, 998 to 1001
"""


def _capture(name: str, option_protos: Path, root: Path) -> None:
    """Lets a compiler write its request for the protos of a golden."""
    shutil.copytree(option_protos, root / "options")
    shutil.copytree(TESTS / "goldens" / GOLDEN[name] / "protos", root / "protos")
    plugin = root / "protoc-gen-capture"
    plugin.write_text(CAPTURE)
    plugin.chmod(0o755)
    parameter = "part=processes,source_root=protos"
    if name.startswith("buf-"):
        (root / "buf.yaml").write_text("version: v2\nmodules:\n  - path: options\n  - path: protos\n")
        entry = f"{{local: {plugin}, out: out, opt: '{parameter}', strategy: all}}"
        (root / "buf.gen.yaml").write_text(f"version: v2\nplugins:\n  - {entry}\n")
        command = [Path(sysconfig.get_path("scripts")) / "buf", "generate"]
    else:
        paths = sorted(path.relative_to(root / "protos").as_posix() for path in (root / "protos").rglob("*.proto"))
        command = [sys.executable, "-m", "grpc_tools.protoc", "-Ioptions", "-Iprotos", f"--plugin={plugin}"]
        command += [f"--capture_out={root}", f"--capture_opt={parameter}", *paths]
    environment = os.environ | {"CAPTURED": str(REQUESTS / f"{name}.binpb")}
    subprocess.run(command, cwd=root, env=environment, check=True)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_stored_request_gives_the_golden(name: str, bless: bool, option_protos: Path, tmp_path: Path) -> None:
    if bless:
        _capture(name, option_protos, tmp_path)
    answer = answer_to((REQUESTS / f"{name}.binpb").read_bytes())
    assert not answer.error
    expected = TESTS / "goldens" / GOLDEN[name] / "expected"
    files = [path for path in expected.rglob("*") if path.is_file()]
    assert answer.files == {path.relative_to(expected).as_posix(): path.read_text(encoding="utf-8") for path in files}


def test_a_request_without_source_locations_is_still_judged() -> None:
    request = CodeGeneratorRequest.from_binary((REQUESTS / "protoc-flat-keys.binpb").read_bytes())
    for file in request.source_file_descriptors:
        file.source_code_info = None
    answer = answer_to(request.to_binary())
    assert not answer.error
    assert "src/flat_keys_generated/contract.py" in " ".join(answer.files)


def test_a_problem_without_source_locations_is_at_the_beginning_of_its_file() -> None:
    request = CodeGeneratorRequest.from_binary((REQUESTS / "protoc-flat-keys.binpb").read_bytes())
    for file in request.source_file_descriptors:
        file.source_code_info = None
        for message in file.message_type:
            message.name = message.name.replace("FlatKeysStart", "FlatKeysBegin")
    first, *problems = answer_to(request.to_binary()).error.splitlines()
    assert first == "1 problem; nothing was generated"
    assert problems[0].startswith("protos/goldens/flat_keys/v1/flat_keys.proto:1:1: the file has no start message")
