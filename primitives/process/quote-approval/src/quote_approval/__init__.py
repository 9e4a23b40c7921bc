"""Quote approval: what people write of the process."""
