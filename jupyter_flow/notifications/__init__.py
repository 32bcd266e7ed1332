"""Room of the child side: notifiers, what tells people of a run from a callback.

May import ``model`` and ``authoring``; never the house side, never the runner. A change violates this when a notifier
reads the house's settings or database itself: it asks by ``authoring.runtime``.
"""
