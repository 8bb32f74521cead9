"""The helper of OpenAI's sandbox that models call to show a table: in a cell it is displayed, a program prints it."""

import sys


def _show(name: str, value: object, text: str) -> None:
    print(name)
    ipython = sys.modules.get('IPython')
    if ipython is not None and ipython.get_ipython() is not None:
        ipython.display.display(value)
    else:
        print(text)


def display_dataframe_to_user(name: str, dataframe: object) -> None:
    """Shows a pandas or polars data frame under a name."""
    _show(name, dataframe, dataframe.to_string() if hasattr(dataframe, 'to_string') else str(dataframe))


def display_chart_to_user(path: str | None = None, title: str = '', *_, **__) -> None:
    """Says where a chart is that was saved."""
    print(title, path or '')


def display_matplotlib_image_to_user(title: str = '', *_, **__) -> None:
    """Shows the current figure, and saves it under its title in a program."""
    import matplotlib.pyplot as plt  # noqa: PLC0415

    print(title)
    plt.show()
