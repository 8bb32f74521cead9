# Settings for a program without a screen and a terminal, in place of the site's profile.
options(
  # Reads a program; its file can go then.
  dragoman.parse = function(path) {
    lines <- readLines(path, encoding = "UTF-8", warn = FALSE)
    unlink(path)
    Sys.unsetenv("_PROGRAM_SOURCE")
    parse(text = lines, srcfile = srcfilecopy(path, lines), keep.source = TRUE, encoding = "UTF-8")
  },
  # Figures become PNG files of the workspace, drawn without a window system.
  bitmapType = "cairo",
  device = function(...) grDevices::png(filename = "plot_%d.png", width = 1600, height = 1200, res = 200, ...),
  # Errors say where they happened.
  keep.source = TRUE,
  show.error.locations = TRUE,
  # Warnings come at once, and lines are as wide as a page.
  warn = 1,
  width = 120
)
