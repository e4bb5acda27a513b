package main

import (
	"github.com/spf13/cobra"

	"yore.example/yore/internal/gen"
)

func (a *app) genContextCommand() *cobra.Command {
	var f genFlags
	c := &cobra.Command{
		Use:   "context CONTEXT.TYPE TABLE FIELD...",
		Short: "Write type, migration, functions and their test for a table",
		Long: `Writes what yore gen schema and yore gen migration write, and with them the
functions of a context, ListPosts, GetPost, CreatePost, UpdatePost, DeletePost,
UndeletePost, PostHistory and so on, with a test that runs them all on a
throw-away PostgreSQL.

` + aboutFields(),
		Example: `  yore gen context Blog.Post posts title:string body:text author:references:users
  yore gen context Shop.Order orders total:decimal status:enum:open,paid:default=open --dir internal/shop`,
		Args: takes("CONTEXT.TYPE", "TABLE", "FIELD..."), ValidArgsFunction: completeFields(2), DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := f.code(args)
			if err != nil {
				return genError(err)
			}
			m, err := f.migration(s.Names, s.Fields)
			if err != nil {
				return err
			}
			files, err := gen.Context{Schema: s, Migration: m}.Code(f.dir)
			if err != nil {
				return err
			}
			return a.write(&f, files...)
		},
	}
	f.defineCode(c)
	f.defineMigration(c)
	f.defineTable(c)
	f.define(c)
	return c
}
