"""What the tests share: requests made of proto sources by a real compiler, without a process per request.

One `buf build` compiles many files to an image, which keeps source locations and source-retained options; requests of
any of the files are then made of the image, as buf itself makes them.
"""

import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from protobuf.wkt import FileDescriptorProto, FileDescriptorSet
from protobuf.wkt.google.protobuf.compiler.plugin_pb import CodeGeneratorRequest, CodeGeneratorResponse

from protoc_gen_process.plugin import respond


class CompileError(RuntimeError):
    """The compiler refuses the sources."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the plugin said to a request."""

    error: str
    files: Mapping[str, str]


class ProtoImage:
    """Compiled proto files."""

    def __init__(self, files: Sequence[FileDescriptorProto]) -> None:
        self._files = {file.name: file for file in files}

    @classmethod
    def build(cls, *modules: Path) -> "ProtoImage":
        """Compiles all proto files below some directories, which imports are relative to.

        Raises:
            CompileError: The compiler refuses them.
        """
        with tempfile.TemporaryDirectory(prefix="proto-image-") as directory:
            workspace = Path(directory)
            paths = [f"module{index}" for index in range(len(modules))]
            for path, module in zip(paths, modules, strict=True):
                shutil.copytree(module, workspace / path, ignore=_all_but_protos)
            lines = ["version: v2", "modules:", *(f"  - path: {path}" for path in paths)]
            (workspace / "buf.yaml").write_text("\n".join(lines), encoding="utf-8")
            # Arguments are constants, and buf is a pinned dependency.
            done = subprocess.run(  # noqa: S603 -- see above
                [_buf(), "build", "-o", "-#format=binpb"], cwd=workspace, capture_output=True, check=False
            )
        if done.returncode != 0:
            raise CompileError(done.stderr.decode())
        return cls(FileDescriptorSet.from_binary(done.stdout).file)

    @property
    def files(self) -> Collection[FileDescriptorProto]:
        """The compiled files, imports included."""
        return self._files.values()

    @property
    def paths(self) -> Collection[str]:
        """Paths of the compiled files."""
        return self._files.keys()

    def request(self, requested: Collection[str], parameter: str) -> CodeGeneratorRequest:
        """Makes the request that a compiler makes to generate some of the files.

        Args:
            requested: The files to generate. Others have lost their source-retained options, as imports do.
            parameter: The plugin's options.
        """
        needed = self._with_imports(requested)
        files = [file for path, file in self._files.items() if path in needed]
        return CodeGeneratorRequest(
            file_to_generate=[file.name for file in files if file.name in requested],
            parameter=parameter,
            proto_file=[_without_custom_options(file) for file in files],
            source_file_descriptors=[file for file in files if file.name in requested],
        )

    def generate(self, requested: Collection[str], parameter: str) -> Answer:
        """Returns what the plugin says to a request."""
        return answer_to(self.request(requested, parameter).to_binary())

    def _with_imports(self, requested: Collection[str]) -> set[str]:
        needed: set[str] = set()
        waiting = list(requested)
        while waiting:
            path = waiting.pop()
            if path not in needed:
                needed.add(path)
                waiting += [*self._files[path].dependency, *self._files[path].option_dependency]
        return needed


def answer_to(request: bytes) -> Answer:
    """Returns what the plugin says to a serialized request."""
    response = CodeGeneratorResponse.from_binary(respond(request))
    return Answer(response.error, {file.name: file.content for file in response.file})


def _buf() -> str:
    found = shutil.which("buf", path=sysconfig.get_path("scripts"))
    if found is None:
        msg = "buf is not installed beside this Python; run uv sync"
        raise CompileError(msg)
    return found


def _all_but_protos(directory: str, names: list[str]) -> set[str]:
    return {name for name in names if not name.endswith(".proto") and not (Path(directory) / name).is_dir()}


def _without_custom_options(file: FileDescriptorProto) -> FileDescriptorProto:
    return FileDescriptorProto.from_binary(file.to_binary(), ignore_unknown_fields=True)
