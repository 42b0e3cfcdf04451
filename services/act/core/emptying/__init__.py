"""Clusters that are to be empty, or are lost: cordons, evacuation, and what is left behind."""
