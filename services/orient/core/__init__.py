"""The judgement itself, as pure functions."""
