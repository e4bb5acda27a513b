// Package ent tests that ent and yore work together: writes through its client
// are recorded, its queries run unmodified as of a time, and its migrations go
// through yore.
//
// The client in the folder ent is generated from ent/schema: go generate ./...
// in integrations. asof.go and migrate.go are what docs/guides/ent.md shows.
package ent
