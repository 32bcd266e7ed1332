"""Room 2, child side: notifiers, which tell people of a run from a callback.

May import: ``authoring``, ``model``.
Must never: import the house side or the runner, or read the house's settings by itself (it asks for them).
A change violates this when a notifier needs more than the context it is called with and what the house answers.
"""
