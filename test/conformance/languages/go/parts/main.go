package main

import (
	"fmt"

	"example.com/anything/shapes"
)

func main() {
	fmt.Println("parts", plus(shapes.Area(6)))
}
