package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
)

func main() {
	args := os.Args[1:]
	switch args[0] {
	case "unicode":
		fmt.Println("héllo 世界 🎉")
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		fmt.Println(strings.TrimSpace(line))
	case "args":
		fmt.Println(strings.Join(args[1:], "\n"))
	case "eof":
		all, _ := io.ReadAll(os.Stdin)
		fmt.Println(len(all))
	case "files":
		text, _ := os.ReadFile("data/in.txt")
		n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		os.WriteFile("/mnt/data/out.txt", []byte(strconv.Itoa(2*n)), 0o644)
	case "exit":
		os.Exit(7)
	case "crash":
		fmt.Println(args[5]) // the line that fails
	case "threads":
		var group sync.WaitGroup
		sums := make([]int, 4)
		for at, n := range []int{10, 20, 30, 40} {
			group.Add(1)
			go func() {
				defer group.Done()
				for i := range n {
					sums[at] += i
				}
			}()
		}
		group.Wait()
		fmt.Println(sums[0] + sums[1] + sums[2] + sums[3])
	case "library":
		words := map[string]int{}
		for _, word := range strings.Fields("banana apple apple") {
			words[word]++
		}
		all := []string{}
		for word, count := range words {
			all = append(all, fmt.Sprintf("%s:%d", word, count))
		}
		sort.Strings(all)
		fmt.Println(strings.Join(all, " "))
	case "work":
		limit, _ := strconv.Atoi(args[1])
		count := 0
		for n := 2; n < limit; n++ {
			d := 2
			for d*d <= n && n%d != 0 {
				d++
			}
			if d*d > n {
				count++
			}
		}
		fmt.Println(count)
	case "endless":
		fmt.Println("before")
		for {
		}
	}
}
