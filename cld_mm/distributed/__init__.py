"""Process groups, collectives and the rank watchdog; knows no model."""
