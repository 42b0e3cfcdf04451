"""Actions on Liqo's peerings: two clusters joined, and taken apart again."""
