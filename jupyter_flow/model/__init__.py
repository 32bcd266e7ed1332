"""Room 0, the ground of both sides: the words, rules and records of the house.

May import: the standard library and other files of this room; for schedules croniter and dateutil, when they are
asked for.
Must never: do I/O, read a clock, start a process, import any other third-party library or another room.
A change violates this when a function here could give another answer tomorrow for the same arguments.
"""
