"""Secrets of a Colab user; there are none here."""


class SecretNotFoundError(Exception):
    """No secret has this name."""


class NotebookAccessError(Exception):
    """A notebook may not read this secret."""


def get(key: str) -> str:
    raise SecretNotFoundError(f'There are no secrets here, so {key} is not known.')
