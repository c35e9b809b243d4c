"""docs/tables.md, drawn from the tables of the code: the life of a service, and the rows of the decide table."""
