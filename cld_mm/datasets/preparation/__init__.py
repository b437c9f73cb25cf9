"""Downloads of public datasets and conversion to the layouts that configs expect."""
