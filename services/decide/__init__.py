"""Decide: what should change?

Consumes every `Insight` and, beside it, the newest `Control`; publishes one `Decision` per
application and cycle: always when it acts, and when it holds, as often as that is news. Touches
nothing but the bus.
"""
