"""The vocabulary: frozen values that every service speaks of, free of IO, clocks and chance."""
