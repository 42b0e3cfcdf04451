"""The fleet that is simulated, and what happens to it, as YAML."""
