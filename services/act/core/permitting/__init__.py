"""What Act has to be granted, by which role, and what lacks of it."""
