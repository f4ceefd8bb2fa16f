// One operation on files, named by the first argument.
package main

import (
	"os"
	"os/exec"
)

func main() {
	var err error
	var file *os.File
	switch os.Args[1] {
	case "read":
		_, err = os.ReadFile("f")
	case "missing":
		os.Stat("nope")
	case "create":
		file, err = os.Create("n")
	case "append":
		file, err = os.OpenFile("f", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	case "rename":
		err = os.Rename("f", "g")
	case "unlink":
		err = os.Remove("f")
	case "mkdir":
		err = os.Mkdir("d", 0o755)
	case "list":
		_, err = os.ReadDir(".")
	case "stat":
		_, err = os.Stat("f")
	case "symlink":
		err = os.Symlink("f", "n")
	case "readlink":
		_, err = os.Readlink("l")
	case "chdir":
		if err = os.Chdir("d"); err == nil {
			_, err = os.ReadFile("f")
		}
	case "spawn":
		err = exec.Command("./prog").Run()
	default:
		os.Exit(9)
	}
	_ = file
	if err != nil {
		panic(err)
	}
}
