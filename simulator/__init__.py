"""The embedded default: a fleet that speaks the real protocols on loopback."""
