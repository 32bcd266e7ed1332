"""A small world in one thread: hosts, runners, database and clocks under a schedule that one seed decides.

The product decides (desk, book, dispatch, recording, recovery, commands, storage on a real SQLite database); only
time, processes and the parser are simulated. See ``docs/deterministic-simulation.md``.
"""
