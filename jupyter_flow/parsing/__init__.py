"""Room 3, house side: DAG files to DagSpecs, in bounded children; bundles.

May import: ``execution.children``, ``storage``, ``model``, ``wire``; watchfiles.
Must never: import a DAG file or anything from the child side.
A change violates this when a DAG file's code could run in this process.
"""
