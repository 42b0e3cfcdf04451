"""Where the facts come from: Thanos and Kubernetes."""
