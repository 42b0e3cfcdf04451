"""What the four services have in common: the vocabulary, the messages, the bus, the runtime."""
