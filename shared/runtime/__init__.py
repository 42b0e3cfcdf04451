"""What every process needs and no core may see: settings, clock, logs, metrics, probes, clients."""
