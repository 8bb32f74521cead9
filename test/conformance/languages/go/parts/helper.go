package main

func plus(n int) int { return n + 6 }
