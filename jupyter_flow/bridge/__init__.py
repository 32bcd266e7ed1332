"""Room 3, child side: the bridge to Dask: the process that holds the Dask client, and what runs in Dask's workers.

May import: ``model``, ``wire``, distributed, fsspec, psutil.
Must never: import the house side, hold a database URL; give Dask more than an attempt id and where to ask.
A change violates this when a result or a token of an attempt travels through Dask.
"""
