"""Subcommands of ``cldmm``: each file adds its options and runs one command.

Nothing heavy is imported before the options are read, so that ``--help`` is fast.
"""
