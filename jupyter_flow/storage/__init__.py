"""Room 1, house side: the one SQL drawer.

May import: SQLAlchemy, Alembic, ``model``.
Must never: hand out a live row or connection, know a schedule, write a ``state`` column outside ``runs.py``.
A change violates this when SQL stands in another room, or a dialect's name outside ``database.py``.
"""
