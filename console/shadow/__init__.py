"""What would have happened to applications in `shadow` or `advise`, against what did."""
