"""Room 5, house side: the Jupyter Server extension: REST, WebSocket, supervision of the host.

May import: ``service``, ``wire``, jupyter_server, tornado.
Must never: write the database, run user code, hold scheduling logic.
A change violates this when a handler does more than translate.
"""
