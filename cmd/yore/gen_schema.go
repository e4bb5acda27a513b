package main

import "github.com/spf13/cobra"

func (a *app) genSchemaCommand() *cobra.Command {
	var f genFlags
	c := &cobra.Command{
		Use:   "schema CONTEXT.TYPE TABLE [FIELD]...",
		Short: "Write the Go type of a table's rows",
		Long: `Writes the Go type of the rows of an immutable table, which checks itself, and
the handle that reads and writes them: blog/post.go for Blog.Post.

` + aboutFields(),
		Example: `  yore gen schema Blog.Post posts title:string:unique body:text:null
  yore gen schema Blog.Comment comments body:text post:references:posts --related Post
  yore gen schema Shop.Order orders total:decimal status:enum:open,paid:default=open --schema sales`,
		Args: takes("CONTEXT.TYPE", "TABLE", "[FIELD]..."), ValidArgsFunction: completeFields(2), DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := f.code(args)
			if err != nil {
				return genError(err)
			}
			file, err := s.Code(f.dir)
			if err != nil {
				return err
			}
			return a.write(&f, file)
		},
	}
	f.defineCode(c)
	f.defineTable(c)
	f.define(c)
	return c
}
