"""The configuration of a node: one table of keys, and how flags, environment and a file become settings."""
