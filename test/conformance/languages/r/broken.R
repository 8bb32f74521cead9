cat("it ran\n")
broken <- (1 + }
