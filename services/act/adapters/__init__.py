"""Act's ports made real: one file per system."""
