package pgdev

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// Options says which PostgreSQL to run and how. The zero value is a server of
// the first PostgreSQL found, reachable through a Unix-domain socket only.
type Options struct {
	// Major is the wanted major version, 13 or later; up to 18 it can be
	// fetched. Defaults to 0: the PostgreSQL in PATH, else the newest.
	Major int

	// UseEnv allows the server that DATABASE_URL, or else PGHOST, PGPORT,
	// PGSERVICE or PGDATABASE name to be used if one of them is set. Defaults
	// to false: the environment is not looked at.
	UseEnv bool

	// DSN is the connection string of a server that runs already, to be used
	// instead of starting one; its role needs the right to create databases.
	// Defaults to "": one is started, or UseEnv decides.
	DSN string

	// KeepTemplates leaves the templates that are made on a server which is not
	// ours (DSN, UseEnv) there for the next process, which finds them by their
	// names: make the name out of all that goes into the template. Those that no
	// process has asked for in a week are dropped when another is made. Defaults
	// to false: Stop drops them.
	KeepTemplates bool

	// Listen makes the server listen on a free port of 127.0.0.1 as well, for
	// clients that cannot use a socket; connections to it need the password
	// that DSN contains. Defaults to false.
	Listen bool

	// Settings are configuration parameters of the server, added to or
	// overriding those that make a throw-away server fast. Not used with a
	// server that runs already.
	Settings map[string]string

	// Progress receives a line for each step that takes time, such as
	// "fetching PostgreSQL 18.4 …". Defaults to nil: silence.
	Progress io.Writer

	// search replaces where to look, for tests.
	search *search
}

func (o Options) progressf(format string, args ...any) {
	if o.Progress != nil {
		fmt.Fprintf(o.Progress, format+"\n", args...)
	}
}

func (o Options) validate() error {
	if o.Major != 0 && o.Major < oldestMajor {
		return fmt.Errorf("pgdev: PostgreSQL %d is not supported; ask for %d or later, or leave Options.Major zero",
			o.Major, oldestMajor)
	}
	return nil
}

// arguments returns the settings as arguments of postgres, in a stable order.
func (o Options) arguments(port int) []string {
	settings := map[string]string{
		"fsync":                   "off",
		"synchronous_commit":      "off",
		"full_page_writes":        "off",
		"max_connections":         "200",
		"shared_buffers":          "128MB",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"listen_addresses":        "",
		"password_encryption":     "scram-sha-256",
		"unix_socket_permissions": "0700",
		// Tables that were never analyzed look large, and compiling a query for
		// three rows takes longer than all else.
		"jit": "off",
	}
	if o.Listen {
		settings["listen_addresses"] = "127.0.0.1"
	}
	maps.Copy(settings, o.Settings)
	settings["port"] = fmt.Sprint(port)
	var args []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}
