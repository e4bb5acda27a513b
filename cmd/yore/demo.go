package main

import (
	"errors"

	"github.com/spf13/cobra"

	"yore.example/yore/cmd/yore/demo"
	"yore.example/yore/pgdev"
)

func (a *app) demoCommand() *cobra.Command {
	var keep bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "See it work on real data, without any set-up",
		Long: `Starts a PostgreSQL of its own, loads how fifty countries' names, currencies and
European Union membership changed since 1970, looks at it as of several days and
checks the answers. Needs PostgreSQL's programs or npm; takes a few seconds and
leaves nothing behind.`,
		Example: "  yore demo\n  yore demo --keep",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := a.out()
			err := demo.Run(cmd.Context(), demo.Options{Data: a.demo, Out: out, Progress: a.stderr, Keep: keep})
			var different *demo.DifferentError
			var missing *pgdev.NotFoundError
			switch {
			case errors.As(err, &different):
				out.Bad("%v", err)
				return errProblems
			case errors.As(err, &missing):
				return &hintedError{err, "yore needs no server for this, only PostgreSQL's programs."}
			}
			return err
		},
	}
	c.Flags().BoolVar(&keep, "keep", false, "leave the server running until Ctrl-C, and print how to connect")
	return c
}
