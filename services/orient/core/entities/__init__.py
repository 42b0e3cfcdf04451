"""Nodes, links, components and clusters, each judged by all its signals together."""
