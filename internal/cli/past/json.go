package past

import (
	"encoding/json"

	"yore.example/yore/internal/cli/pg"
)

type versionJSON struct {
	Version     int64            `json:"version"`
	ValidFrom   *string          `json:"valid_from"`
	ValidTo     *string          `json:"valid_to"`
	Deleted     bool             `json:"deleted"`
	Again       bool             `json:"created_again"`
	XID         string           `json:"xid"`
	Actor       *string          `json:"actor"`
	Reason      *string          `json:"reason"`
	Meta        *json.RawMessage `json:"meta"`
	Role        *string          `json:"role"`
	Application *string          `json:"application"`
	Changed     []string         `json:"changed"`
	Row         pg.Object        `json:"row"`
}

// MarshalJSON writes the versions, each with the whole row as it was.
func (l Log) MarshalJSON() ([]byte, error) {
	all := make([]versionJSON, len(l.Versions))
	for i, v := range l.Versions {
		all[i] = versionJSON{
			Version: v.Number, ValidFrom: rfc3339(v.From), ValidTo: rfc3339(v.To), Deleted: v.Deleted, Again: v.Again,
			XID: v.XID, Actor: v.Actor, Reason: v.Reason, Role: v.Role, Application: v.Application,
			Changed: []string{}, Row: pg.NewObject(l.Columns, v.Values),
		}
		if v.Meta != nil {
			all[i].Meta = (*json.RawMessage)(ptr([]byte(*v.Meta)))
		}
		for _, c := range v.Changes {
			all[i].Changed = append(all[i].Changed, c.Column)
		}
	}
	return json.Marshal(all)
}

func rfc3339(text *string) *string {
	if text == nil {
		return nil
	}
	return ptr(pg.RFC3339(*text))
}

func ptr[T any](v T) *T { return &v }
