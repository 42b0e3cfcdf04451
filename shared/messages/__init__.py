"""What travels on the bus: one file per arrow of the loop, values only."""
