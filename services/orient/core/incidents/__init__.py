"""What is wrong, and what is behind it: from deviations to incidents with their suspects."""
