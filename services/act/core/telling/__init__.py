"""What people are told: the status of Applications, and alerts."""
