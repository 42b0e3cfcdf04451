"""Orient: what does it mean?

Consumes every `Observation` and publishes one `Insight` for it: the fleet put together, the
quality each user group gets and which hop eats it, and the incidents with their likely causes.
Touches nothing but the bus.
"""
