"""Where series go, and when they pass what they must not."""
