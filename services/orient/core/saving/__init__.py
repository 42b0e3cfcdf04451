"""The memory as arrays and JSON, and back."""
