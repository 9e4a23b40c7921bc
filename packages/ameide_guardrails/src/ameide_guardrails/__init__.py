"""Gates of a workspace of generated processes. They know no process by name: they read the workspace's members."""
