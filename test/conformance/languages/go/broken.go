package main

import "fmt"

func main() {
	var broken int = "text"
	fmt.Println("it ran")
}
