package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A usageError says that the command line makes no sense.
type usageError struct{ message, hint string }

func (e *usageError) Error() string { return e.message }

// takes is a cobra.PositionalArgs: the names are what the command takes; the
// last may be optional ("[TABLE]") or repeated ("KEY...").
func takes(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		last := ""
		if len(names) > 0 {
			last = names[len(names)-1]
		}
		least := len(names)
		if strings.HasPrefix(last, "[") {
			least--
		}
		hint := fmt.Sprintf("Usage: %s. More: %s --help", cmd.UseLine(), cmd.CommandPath())
		if len(args) < least {
			return &usageError{fmt.Sprintf("%s needs %s", cmd.CommandPath(), strings.Join(names[len(args):least], " and ")), hint}
		}
		if len(args) > len(names) && !strings.HasSuffix(last, "...") {
			return &usageError{fmt.Sprintf("%s does not know what to do with %q", cmd.CommandPath(), args[len(names)]), hint}
		}
		return nil
	}
}

func unknownCommand(root *cobra.Command, name string) error {
	return &usageError{fmt.Sprintf("there is no command %q", name), suggest(root, name, "yore --help lists the commands.")}
}

// flagError explains what pflag complains about.
func flagError(cmd *cobra.Command, err error) error {
	hint := fmt.Sprintf("%s --help lists the options.", cmd.CommandPath())
	if name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --"); unknown {
		// Cobra suggests commands; let it take the flags for some.
		flags := &cobra.Command{SuggestionsMinimumDistance: 2}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			flags.AddCommand(&cobra.Command{Use: "--" + f.Name, Run: func(*cobra.Command, []string) {}})
		})
		hint = suggest(flags, "--"+name, hint)
	}
	return &usageError{err.Error(), hint}
}

func suggest(root *cobra.Command, name, otherwise string) string {
	if root.SuggestionsMinimumDistance <= 0 {
		root.SuggestionsMinimumDistance = 2
	}
	if like := root.SuggestionsFor(name); len(like) > 0 {
		slices.Sort(like)
		return "Did you mean " + strings.Join(like, " or ") + "? " + otherwise
	}
	return otherwise
}

// A choice is a flag with a few allowed values.
type choice[T ~string] struct {
	value   T
	allowed []T
}

func (c *choice[T]) String() string { return string(c.value) }
func (c *choice[T]) Type() string   { return "word" }

func (c *choice[T]) Set(s string) error {
	if !slices.Contains(c.allowed, T(s)) {
		var words []string
		for _, a := range c.allowed {
			words = append(words, string(a))
		}
		return fmt.Errorf("it is %s", strings.Join(words, " or "))
	}
	c.value = T(s)
	return nil
}
