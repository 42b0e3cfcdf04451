"""The crossloop command: watch the loop, ask it why, approve, pause, and run the demo."""
