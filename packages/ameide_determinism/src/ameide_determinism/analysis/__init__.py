"""Follows what a workflow executes, on the syntax tree: values, calls, and the hazards on the way."""
