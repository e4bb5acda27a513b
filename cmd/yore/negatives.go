package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// protectNegatives lets -2h and -5 be arguments, as no flag of yore's begins
// with a digit. Where there is such an argument, all of them are put behind --.
// An unknown command is an error.
func protectNegatives(root *cobra.Command, args []string) ([]string, error) {
	cmd, rest, err := root.Find(args)
	if err != nil {
		return args, err
	}
	if cmd == root && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") && !builtIn(rest[0]) {
		return args, unknownCommand(root, rest[0])
	}
	var flags, plain []string
	negative := false
	for i := 0; i < len(rest); i++ {
		arg := rest[i]
		switch {
		case arg == "--":
			plain = append(plain, rest[i+1:]...)
			i = len(rest)
		case len(arg) > 1 && arg[0] == '-' && '0' <= arg[1] && arg[1] <= '9':
			negative = true
			plain = append(plain, arg)
		case strings.HasPrefix(arg, "-") && arg != "-": // which is standard input
			flags = append(flags, arg)
			if takesValue(cmd, arg) && i+1 < len(rest) {
				i++
				flags = append(flags, rest[i])
			}
		default:
			plain = append(plain, arg)
		}
	}
	if !negative || cmd == root {
		return args, nil
	}
	path := strings.Fields(cmd.CommandPath())[1:]
	return append(append(append(path, flags...), "--"), plain...), nil
}

// takesValue reports whether the argument after a flag belongs to it.
func takesValue(cmd *cobra.Command, arg string) bool {
	if strings.Contains(arg, "=") {
		return false
	}
	cmd.InheritedFlags() // merges them into Flags
	flag := cmd.Flags().Lookup(strings.TrimPrefix(arg, "--"))
	if !strings.HasPrefix(arg, "--") {
		if flag = cmd.Flags().ShorthandLookup(arg[1:2]); len(arg) > 2 {
			return false // -n5
		}
	}
	return flag != nil && flag.NoOptDefVal == ""
}

// builtIn reports whether cobra adds the command when it runs.
func builtIn(name string) bool {
	switch name {
	case "help", "completion", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd:
		return true
	}
	return false
}
