"""Sprint timebox: what people write of the process."""
