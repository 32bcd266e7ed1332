"""Room 3, child side: one process per attempt or parse; the papermill engine; kernels; templating.

May import: ``operators``, ``authoring``, ``model``, ``wire``, papermill, nbclient, jinja2.
Must never: import the house side, hold a database URL or a server token.
A change violates this when an attempt could change a state.
"""
