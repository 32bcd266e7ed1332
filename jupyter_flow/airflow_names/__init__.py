"""Room 3, child side: Airflow's module paths, answered with our objects of the same meaning where Airflow is absent.

May import: ``authoring``, ``operators``, ``sensors``, ``timetables``, ``notifications``, ``model``.
Must never: answer a name with something of another meaning; answer anything outside of ``airflow`` and its modules.
A change violates this when a name is answered by what merely looks like it: such a name gets a line in ``absent``.
"""
