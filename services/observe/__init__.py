"""What is the case?

Consumes: time, and the outcomes of Act. Reads Thanos and Kubernetes, and writes nothing there.
Publishes: one `Observation` each cycle.
"""
