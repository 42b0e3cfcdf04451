"""What Act is measured by: real servers, a fleet that is declared to it, and the measurements."""
