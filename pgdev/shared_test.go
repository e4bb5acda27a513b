//go:build linux || darwin

package pgdev

import (
	"sync"
	"testing"
)

func TestShared(t *testing.T) {
	t.Cleanup(StopShared)
	servers := make([]*Server, 4)
	var wg sync.WaitGroup
	for i := range servers {
		wg.Go(func() {
			var err error
			if servers[i], err = Shared(t.Context(), Options{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for _, s := range servers[1:] {
		if s != servers[0] {
			t.Error("Shared started more than one server")
		}
	}
	other, err := Shared(t.Context(), Options{Settings: map[string]string{"work_mem": "5MB"}})
	if err != nil {
		t.Fatal(err)
	}
	if other == servers[0] {
		t.Error("other options got the same server")
	}

	StopShared()
	if _, err := tryQuery(t.Context(), servers[0].DSN(""), "SELECT 'there'"); err == nil {
		t.Error("the server is there after StopShared")
	}
	again, err := Shared(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	query(t, again.DSN(""), "SELECT 'there'")
	again.Stop()
	third, err := Shared(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if third == again {
		t.Error("Shared returned a stopped server")
	}
	query(t, third.DSN(""), "SELECT 'there'")
}

func TestSharedTriesAgain(t *testing.T) {
	t.Cleanup(StopShared)
	o := Options{search: &search{cache: t.TempDir(), platform: "none"}}
	for range 2 {
		if _, err := Shared(t.Context(), o); err == nil {
			t.Fatal("a server from nowhere")
		}
	}
	StopShared()
}
