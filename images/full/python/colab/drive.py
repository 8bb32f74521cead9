"""There is no drive: files of the user lie in the working folder."""


def mount(mountpoint: str, force_remount: bool = False, *_, **__) -> None:
    """Says what to do instead, and lets the program go on; its files are not where it looks for them."""
    print(f'There is no drive to mount at {mountpoint}. Files of the user are in the working folder.')


def flush_and_unmount(*_, **__) -> None:
    """There is nothing to write back."""
