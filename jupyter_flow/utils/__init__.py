"""Room 2, child side: small helpers under paths that older documents teach.

May import: ``authoring``, ``timetables``.
Must never: hold anything that another room needs.
A change violates this when new code imports it.
"""
