package gen

import (
	"strings"

	"yore.example/yore"
)

// Formats that Install alone has.
const (
	Tern  Format = "tern"
	Atlas Format = "atlas"
)

// InstallFormats are the formats of Install, the default first.
var InstallFormats = []Format{PlainSQL, Goose, GolangMigrate, Tern, Atlas}

// Install is the script that installs yore, as a migration of a tool. PlainSQL
// has BEGIN and COMMIT; the tools have a transaction of their own. Going down,
// yore stays, for all that was tracked hangs on it; going up again changes nothing.
func Install(f Format) string {
	const down = "-- yore stays: to install it again changes nothing.\n"
	script := strings.TrimSpace(yore.Script()) + "\n"
	switch f {
	case PlainSQL:
		return "BEGIN;\n" + script + "\nCOMMIT;\n"
	case Goose: // splits at semicolons, unless told otherwise
		return "-- +goose Up\n-- +goose StatementBegin\n" + script + "-- +goose StatementEnd\n\n-- +goose Down\n" + down
	case Tern: // takes {{ for a template
		return strings.ReplaceAll(script, "{{", `{{"{{"}}`) + "\n---- create above / drop below ----\n\n" + down
	default:
		return script
	}
}
