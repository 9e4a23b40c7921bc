"""Options are for the generator: none of their text reaches a message or a stub that runs in production."""

import re
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "packages/ameide_core_proto/src"
GENERATED = ROOT / "packages/ameide_core_proto/gen"
OPTION = re.compile(r"option \(ameide_core_proto\.[\w.]+\) = \{(.*?)\n?\s*\};", re.DOTALL)
TEXT = re.compile(r'"([^"]+)"')


def _option_texts() -> set[str]:
    """Every string that stands inside one of our options in a proto source and could be no part of an identifier."""
    texts: set[str] = set()
    for source in SOURCES.rglob("*.proto"):
        for block in OPTION.findall(source.read_text()):
            texts.update(text for text in TEXT.findall(block) if not text.isidentifier())
    return texts


def _processes() -> list[Path]:
    return [path for path in SOURCES.rglob("*.proto") if "process.v1.process) =" in path.read_text()]


def test_there_are_options_to_look_for() -> None:
    texts = _option_texts()
    assert "order-fulfillment" in texts
    assert "orders.OrderPlaced.v1" in texts


@pytest.mark.parametrize("source", _processes(), ids=lambda path: path.stem)
def test_no_option_text_is_in_a_generated_file(source: Path) -> None:
    stem = source.relative_to(SOURCES).with_suffix("")
    for suffix in ("_pb2.py", "_pb2.pyi"):
        content = (GENERATED / f"{stem}{suffix}").read_bytes()
        leaked = {text for text in _option_texts() if text.encode() in content}
        assert not leaked


@pytest.mark.parametrize("source", _processes(), ids=lambda path: path.stem)
def test_no_option_number_is_in_the_generated_descriptor(source: Path) -> None:
    """The serialized descriptor holds the options as unknown fields when they are retained, whatever their text."""
    stem = source.relative_to(SOURCES).with_suffix("")
    namespace: dict[str, object] = {}
    pool = descriptor_pool.DescriptorPool()
    captured: list[bytes] = []

    def capture(serialized: bytes) -> object:
        captured.append(serialized)
        return pool

    text = (GENERATED / f"{stem}_pb2.py").read_text()
    literal = re.search(r"AddSerializedFile\((b'.*?')\)\n", text, re.DOTALL)
    assert literal is not None
    exec(f"capture({literal.group(1)})", {"capture": capture}, namespace)
    file = descriptor_pb2.FileDescriptorProto.FromString(captured[0])
    options = [file.options, *(message.options for message in file.message_type)]
    options += [field.options for message in file.message_type for field in message.field]
    options += [method.options for service in file.service for method in service.method]
    assert [option for option in options if option.SerializeToString()] == []
