"""Event journal: a process that shows which events were applied, and in which order."""
