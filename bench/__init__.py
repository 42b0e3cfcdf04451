"""Figures of the whole product: one JSON line each (name, value, unit, size)."""
