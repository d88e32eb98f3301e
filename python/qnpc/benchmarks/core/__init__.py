"""What `qnpc bench crypto` and `qnpc bench mls` run: the core beside its peers, on the same work, in the same run.

A row is one piece of work and whoever can do it. Contestants take turns in slices of a few milliseconds on one core, so that whatever else
the machine does meets all of them alike; each one's figure is the median of its slices. A row that is lost says so.
"""
