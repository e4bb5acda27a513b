// Package goosego has the story of the sibling folders as Go migrations of
// goose: each gets goose's transaction, and yore.Wrap makes a handle of it.
package goosego
