"""Attributes outside of the project that are hazards when they are read."""

from typing import Final

ATTRIBUTES: Final = {
    "os.environ": "environment",
    "os.environb": "environment",
    "os.name": "interpreter",
    "sys.argv": "interpreter",
    "sys.orig_argv": "interpreter",
    "sys.version": "interpreter",
    "sys.version_info": "interpreter",
    "sys.hexversion": "interpreter",
    "sys.implementation": "interpreter",
    "sys.platform": "interpreter",
    "sys.executable": "interpreter",
    "sys.prefix": "interpreter",
    "sys.base_prefix": "interpreter",
    "sys.path": "interpreter",
    "sys.flags": "interpreter",
    "sys.modules": "dynamic-import",
    "sys.meta_path": "dynamic-import",
    "sys.path_hooks": "dynamic-import",
    "sys.stdin": "file-io",
    "time.timezone": "local-time-zone",
    "time.altzone": "local-time-zone",
    "time.daylight": "local-time-zone",
    "time.tzname": "local-time-zone",
    "tempfile.tempdir": "file-io",
    "sys.api_version": "interpreter",
    "sys.byteorder": "interpreter",
    "sys.maxunicode": "",
}


def rule_of_attribute(name: str) -> str:
    """The rule that reading an attribute breaks; empty: none."""
    return ATTRIBUTES.get(name, "")
