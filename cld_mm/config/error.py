"""The error of a config that cannot be meant."""


class ConfigError(ValueError):
    """A config that cannot be meant; the message names the key and the cure."""
