"""What Act computes: admission, the next step of a plan, alerts, status. Pure functions."""
