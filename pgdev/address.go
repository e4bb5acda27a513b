package pgdev

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
)

// An address is where a server takes connections.
type address struct {
	env      string // the environment's connection string, for its server only
	fromEnv  bool
	dir      string // folder of the socket, the data and the log
	port     int    // of the socket, and of 127.0.0.1 with a password
	password string // empty unless the server listens on 127.0.0.1
}

// newAddress picks an unused folder name and port; it creates nothing.
func newAddress(listen bool) (address, error) {
	base, err := temporaryFolder()
	if err != nil {
		return address{}, err
	}
	a := address{dir: filepath.Join(base, "yore-"+randomText(10)), port: 5432}
	if !listen {
		return a, nil
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return address{}, fmt.Errorf("pgdev: no free port on 127.0.0.1: %w", err)
	}
	defer l.Close()
	a.port = l.Addr().(*net.TCPAddr).Port
	a.password = randomText(24)
	return a, nil
}

// randomText returns n lower-case letters and digits.
func randomText(n int) string {
	return strings.ToLower(rand.Text()[:n])
}

func (a address) dsn(database string) string {
	if a.fromEnv {
		return environmentDSN(a.env, database)
	}
	if a.password == "" {
		return a.socketDSN(database)
	}
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword("postgres", a.password),
		Host:     fmt.Sprintf("127.0.0.1:%d", a.port),
		Path:     "/" + orPostgres(database),
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

func (a address) socketDSN(database string) string {
	u := url.URL{
		Scheme: "postgres",
		User:   url.User("postgres"),
		Path:   "/" + orPostgres(database),
		RawQuery: url.Values{
			"host":    {a.dir},
			"port":    {fmt.Sprint(a.port)},
			"sslmode": {"disable"},
		}.Encode(),
	}
	return u.String()
}

func orPostgres(database string) string {
	if database == "" {
		return "postgres"
	}
	return database
}
