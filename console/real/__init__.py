"""The real servers on loopback: Kubernetes, Prometheus, Thanos, Alertmanager as children."""
