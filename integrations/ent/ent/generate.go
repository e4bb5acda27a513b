// Package ent is the client that ent generates for the tables of schema.
package ent

//go:generate go tool ent generate --feature sql/upsert,sql/lock,sql/execquery,sql/schemaconfig ./schema
