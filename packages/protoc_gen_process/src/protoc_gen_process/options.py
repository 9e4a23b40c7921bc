"""The options that `buf.gen.yaml` passes to the plugin."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PluginOptions:
    """Options of one call; the framework parses them from `key=value` pairs.

    Attributes:
        part: What to generate: `messages`, what packaging of the message tree needs, or `processes`.
        source_root: Directory that proto paths are relative to; it is put before the paths in diagnostics.
    """

    part: Literal["messages", "processes"]
    source_root: str = ""
