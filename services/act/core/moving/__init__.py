"""Actions on one application: where its pods run, how many there are, how far it is stretched."""
