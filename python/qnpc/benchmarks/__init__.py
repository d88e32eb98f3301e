"""What `qnpc bench` runs: how much one node delivers, and how long a message takes.

A benchmark is a node in a process of its own, the load in this one, and a report of what was measured and nothing else. It stands above the
node and the client as the command line does. Members of a load are lean, for what they burn is missing in the figure; how lean they are is
said in the report.
"""
