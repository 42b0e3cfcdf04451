"""The placement engine: a fleet and its services as arrays in, where each replica runs out."""
