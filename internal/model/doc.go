// Package model tests the engine against a model of what yore promises: random
// transactions on several connections, and after them every version, and every
// answer as of every boundary, compared with a model in Go that knows nothing
// of the SQL. It holds nothing but tests.
//
//	go test ./internal/model                           about 10,000 steps
//	YORE_MODEL_STEPS=200000 go test -timeout 1h ./internal/model
//	go test ./internal/model -rapid.seed=N             the same steps again
package model
