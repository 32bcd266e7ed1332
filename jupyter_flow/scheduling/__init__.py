"""Room 2, house side: decides what is due, ready, done. A pure core.

May import: ``model``.
Must never: do I/O, read a clock, touch the database, start a process.
A change violates this when the same arguments could give another decision.
"""
