"""From a folder of images to a config: every choice that the user did not make."""
