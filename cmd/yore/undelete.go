package main

import (
	"encoding/json"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"yore.example/yore"
)

func (a *app) undeleteCommand() *cobra.Command {
	var changes string
	c := &cobra.Command{
		Use:   "undelete TABLE ENTITY",
		Short: "Bring a deleted entity of an immutable table back",
		Long: `Brings a deleted entity of an immutable table back, with the data that its
tombstone has, as its next version. --set gives columns another value than they
had: a JSON object.`,
		Example: `  yore undelete tasks 01a1fc60-aa83-733b-ab9a-1a4c3130b357
  yore undelete tasks 01a1fc60-aa83-733b-ab9a-1a4c3130b357 --set '{"status": "open"}'`,
		Args:              takes("TABLE", "ENTITY"),
		ValidArgsFunction: a.completeImmutable,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := yore.ParseUUID(args[1])
			if err != nil {
				return &usageError{"ENTITY is a UUID, not " + args[1], ""}
			}
			var set *string
			if changes != "" {
				var object map[string]any
				if json.Unmarshal([]byte(changes), &object) != nil {
					return &usageError{"--set is a JSON object, not " + changes, `--set '{"column": "value"}'`}
				}
				set = &changes
			}
			return a.changeDB(cmd.Context(), func(conn *pgx.Conn) error {
				var version int64
				err := conn.QueryRow(cmd.Context(), "SELECT yore.undelete($1::text, $2::uuid, $3::text::jsonb)", args[0], id.String(), set).Scan(&version)
				if err != nil {
					return yore.Explain(err)
				}
				a.out().Good("entity %s of %s is back, as version %d", id, args[0], version)
				return nil
			})
		},
	}
	c.Flags().StringVar(&changes, "set", "", "other values for columns, as a JSON `object`")
	return c
}
