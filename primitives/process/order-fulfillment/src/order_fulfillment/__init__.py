"""Order fulfilment: what people write of the process."""
