"""Another name of the same helpers in OpenAI's sandbox."""

from ace_tools import (  # noqa: F401
    display_chart_to_user,
    display_dataframe_to_user,
    display_matplotlib_image_to_user,
)


def log_exception(message: str) -> None:
    """OpenAI's sandbox keeps such words for itself."""


def log_matplotlib_img_fallback(reason: str, metadata: object = None) -> None:
    """OpenAI's sandbox keeps such words for itself."""
