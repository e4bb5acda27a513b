// Package schema tests schema changes against a model of what yore promises of
// them: random changes of tracked tables between random writes, and after each
// every version, the rows as of every boundary, the present, the views and
// grants of the user's, compared with a model in Go that knows nothing of the
// SQL. It holds nothing but tests.
//
//	go test ./internal/model/schema                        240 changes
//	YORE_MODEL_STEPS=5000 go test -timeout 1h ./internal/model/schema
//	go test ./internal/model/schema -rapid.seed=N          the same changes again
package schema
