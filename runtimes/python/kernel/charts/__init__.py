"""The data of charts beside their images: application/vnd.dragoman.chart+json.

A chart is {kind, title, x, y, series}; x and y are {label, unit, scale, ticks?}, a series is {kind, label, points} with one
[x, y] a point. Kinds: line, scatter, bar ([category, value]), histogram ([centre, count]), pie ([label, share]), area
([x, low, high]), heatmap ([x, y, value]), box ([label, {low, q1, median, q3, high, outliers}]), image (no points), and composite:
series of several kinds, or several `charts` in one figure.
"""

MIME = 'application/vnd.dragoman.chart+json'
