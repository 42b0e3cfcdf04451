"""Decide's pure functions: from an Insight and a memory to decisions."""
