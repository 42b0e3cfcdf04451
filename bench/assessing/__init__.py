"""Orient measured from the outside: one module per subject, `bench/orient.py` the command."""
