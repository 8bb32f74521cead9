args <- commandArgs(trailingOnly = TRUE)
mode <- args[1]
input <- function() readLines(file("stdin"), warn = FALSE)
if (mode == "unicode") {
  cat("héllo 世界 🎉\n")
  cat(input(), sep = "\n")
} else if (mode == "args") {
  cat(args[-1], sep = "\n")
} else if (mode == "eof") {
  cat(length(input()), "\n", sep = "")
} else if (mode == "files") {
  cat(2 * as.integer(readLines("data/in.txt", warn = FALSE)), file = "/mnt/data/out.txt")
} else if (mode == "exit") {
  quit(status = 7)
} else if (mode == "crash") {
  check <- function() {
    stop("an assumption is wrong") # the line that fails
  }
  check()
} else if (mode == "threads") {
  cat(sum(unlist(parallel::mclapply(c(10, 20, 30, 40), function(n) sum(0:(n - 1)), mc.cores = 4))), "\n", sep = "")
} else if (mode == "library") {
  words <- table(strsplit("banana apple apple", " ")[[1]])
  cat(paste0(names(words), ":", words, collapse = " "), "\n", sep = "")
} else if (mode == "work") {
  count <- 0
  for (n in 2:(as.integer(args[2]) - 1)) {
    d <- 2
    while (d * d <= n && n %% d != 0) d <- d + 1
    if (d * d > n) count <- count + 1
  }
  cat(count, "\n", sep = "")
} else if (mode == "endless") {
  cat("before\n")
  while (TRUE) {}
}
