"""The loop: observe, orient, decide, act."""
