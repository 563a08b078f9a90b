"""The same laws, put to other clients: worlds, subjects, reports and the command line."""
