"""Room 5, child side: ``%%dag``, ``%flow`` in the author's kernel.

May import: ``authoring``, ``operators``, ``wire``, IPython.
Must never: open the database or import the house side.
A change violates this when the author's kernel could write state.
"""
