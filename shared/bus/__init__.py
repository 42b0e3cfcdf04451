"""The bus: typed messages over NATS JetStream, or in one process."""
