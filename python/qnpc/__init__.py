"""qnpc: end-to-end encrypted group chat that one person can host and anyone can script."""
