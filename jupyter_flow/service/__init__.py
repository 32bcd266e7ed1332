"""Room 4, house side: the host, and the commands and views that every door shares.

May import: every lower room of the house side.
Must never: know HTTP or a terminal; be asynchronous.
A change violates this when two doors could answer the same question differently.
"""
