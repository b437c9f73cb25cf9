"""Checks that several losses share."""


def check_temperature(temperature: float) -> None:
    """Raise a ValueError unless the temperature is above zero."""
    if not temperature > 0:
        raise ValueError(
            f'temperature is {temperature}, but it divides the logits and '
            'must be above 0: the recipes use 0.07 to 0.8.'
        )
