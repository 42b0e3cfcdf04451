"""Act: did it change?

Consumes `Decision`, `Approval`, `Control` and `Insight`, writes to Kubernetes and Alertmanager, and
publishes an `Outcome` whenever a decision gets further. Its ledger is the status of the
Application, so that one which is killed goes on where it was.
"""
