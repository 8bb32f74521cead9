plus <- function(n) n + 6
