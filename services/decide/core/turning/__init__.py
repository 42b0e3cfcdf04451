"""What limits a placement the most, and the smallest changes with another answer."""
