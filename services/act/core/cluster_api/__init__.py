"""Actions on Cluster API's objects (v1beta2): clusters made, resized and deleted."""
