# What a program without a screen and without a person before it needs, in place of the site's profile.
options(
  # Figures become PNG files of the workspace, drawn without a window system.
  bitmapType = "cairo",
  device = function(...) grDevices::png(filename = "plot_%d.png", width = 1600, height = 1200, res = 200, ...),
  # Errors say where they happened.
  keep.source = TRUE,
  show.error.locations = TRUE,
  # The terminal is nobody's.
  warn = 1,
  width = 120
)
