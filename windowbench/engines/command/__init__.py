"""Any program that keeps the engine protocol, started by the command line that the user gives."""
