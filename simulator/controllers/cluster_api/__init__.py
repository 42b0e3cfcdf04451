"""Plays the controllers and webhooks of Cluster API 1.14, where its CRDs are installed."""
