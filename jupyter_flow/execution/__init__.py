"""Room 3, house side: starts and watches children: forkservers, runners, their results and their end.

May import: ``model``, ``wire``, psutil.
Must never: import the child side (it is started by module name), write the database, decide.
A change violates this when a state is chosen here.
"""
