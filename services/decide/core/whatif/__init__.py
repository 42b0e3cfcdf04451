"""What would be decided if the fleet were another: changes to a value, never to the world."""
