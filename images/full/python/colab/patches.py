"""What stands for OpenCV's windows in a notebook."""


def cv2_imshow(image: object) -> None:
    """Shows an image of OpenCV, as a figure."""
    import cv2  # noqa: PLC0415
    import matplotlib.pyplot as plt  # noqa: PLC0415

    plt.figure()
    if image.ndim == 2:
        plt.imshow(image, cmap='gray')
    else:
        plt.imshow(cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA if image.shape[2] == 4 else cv2.COLOR_BGR2RGB))
    plt.axis('off')
    plt.show()
