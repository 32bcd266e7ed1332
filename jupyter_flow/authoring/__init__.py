"""Room 1, child side: what a DAG file imports: DAG, operator base, decorators, context.

May import: ``model``, ``wire``, jinja2 for finding names in templates.
Must never: import an operator, the runner or the house side.
A change violates this when a DAG file cannot be loaded without a house.
"""
