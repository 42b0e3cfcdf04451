"""What the fleet itself should become: grow, shrink, create or peer clusters, or wait."""
