// Package check runs the steps of a client and prints one line for each.
package check

import (
	"fmt"
	"os"
	"strings"
	"time"
)

var failed bool

// Step runs one step, for at most 30 seconds.
func Step(name string, step func() error) {
	done := make(chan error, 1)
	go func() { done <- step() }()
	var err error
	select {
	case err = <-done:
	case <-time.After(30 * time.Second):
		err = fmt.Errorf("no result after 30 s")
	}
	if err != nil {
		failed = true
		fmt.Printf("not ok - %s: %s\n", name, strings.ReplaceAll(err.Error(), "\n", " "))
		return
	}
	fmt.Printf("ok - %s\n", name)
}

// Finish ends the program; `run` takes a program without the line "end" for one that ended early.
func Finish() {
	fmt.Println("end")
	if failed {
		os.Exit(1)
	}
}
