area <- function(side) side * side
