// What the Go programs share: TAP, and what an error is called.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
)

var n, failed int
var schema = os.Getenv("DRV_SCHEMA")
var bg = context.Background()

func ok(what string, cond bool, detail ...interface{}) {
	n++
	if cond {
		fmt.Printf("ok %d - %s\n", n, what)
		return
	}
	failed++
	fmt.Printf("not ok %d - %s\n# %s: %v\n", n, what, what, strings.ReplaceAll(fmt.Sprint(detail...), "\n", " "))
}

func same(what string, got, expected interface{}) {
	ok(what, reflect.DeepEqual(got, expected), "got ", got, " expected ", expected)
}

func state(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return fmt.Sprint(err)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func section(name string, f func()) {
	defer func() {
		if r := recover(); r != nil {
			ok(name+" runs", false, r)
		}
	}()
	f()
}

// A value that is asked for twenty times is the same on every server.
func sticks(what, expected string, ask func() string) {
	got := expected
	for i := 0; i < 20 && got == expected; i++ {
		got = ask()
	}
	same(what, got, expected)
}

// The plan comes last.
func done() {
	fmt.Printf("1..%d\n", n)
	if failed > 0 {
		os.Exit(1)
	}
}
