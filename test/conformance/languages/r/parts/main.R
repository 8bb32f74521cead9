source("helper.R")
source("shapes/square.R")
cat("parts", plus(area(6)), "\n")
