"""The first files of a new process: proto, impl stubs and a first business test. Written once, never overwritten."""

from protoc_gen_process.scaffold._new_process import InvalidNameError, new_process

__all__ = ["InvalidNameError", "new_process"]
