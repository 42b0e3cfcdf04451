"""The figures of Decide: what its engine, and the loop around it, make of made-up fleets."""
