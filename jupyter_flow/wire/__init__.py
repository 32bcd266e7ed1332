"""Room 0, the ground of both sides: framing and client of ``house.sock``, and where the house is found.

May import: the standard library and ``model``.
Must never: know what a command means, touch the database, or import a third-party library.
A change violates this when a name of a DAG, run or task appears here.
"""
