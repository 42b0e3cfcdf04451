"""What was measured and listed, as one value; pure functions."""
