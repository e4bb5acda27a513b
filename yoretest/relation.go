package yoretest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
)

// A relation is what there is to know of a table before its versions are read.
type relation struct {
	History   string // quoted
	Key       []column
	Columns   []column // the others of the user's
	Version   string   // as it is called here, quoted; so are the next four
	From      string
	To        string
	Deleted   string
	XID       string
	Immutable bool
}

type column struct{ Name, Quoted, Type string }

// A version is a row of history as text.
type version struct {
	key      string
	number   int64
	from, to *string // instants as yore._utc writes them
	deleted  bool
	loaded   bool // by yore.at_time
	keys     []*string
	values   []*string
}

func find(db yore.DB, table string) (r relation, err error) {
	var text string
	err = db.QueryRow(context.Background(), `
		SELECT jsonb_build_object('History', h.name, 'Immutable', m.immutable,
		         'Version', quote_ident(yore._shown(m, 'version')), 'From', quote_ident(yore._shown(m, 'valid_from')), 'To', quote_ident(yore._shown(m, 'valid_to')),
		         'Deleted', quote_ident(yore._shown(m, 'deleted_at')), 'XID', quote_ident(yore._shown(m, 'xid')),
		         'Key', c.key, 'Columns', c.others)::text
		  FROM yore._tracked($1::text) AS m,
		       LATERAL (SELECT format('%I.%I', yore._schema('history', m.schema_name), m.table_name)) AS h (name),
		       LATERAL (SELECT jsonb_agg(a.a ORDER BY array_position(m.key_columns, a.name)) FILTER (WHERE a.name = ANY (m.key_columns)) AS key,
		                       coalesce(jsonb_agg(a.a ORDER BY a.attnum) FILTER (WHERE a.name <> ALL (m.key_columns || a.ours)), '[]') AS others
		                  FROM (SELECT attname AS name, attnum,
		                               jsonb_build_object('Name', attname, 'Quoted', quote_ident(attname), 'Type', format_type(atttypid, atttypmod)) AS a,
		                               ARRAY(SELECT yore._shown(m, n) FROM unnest(ARRAY['version', 'valid_from', 'valid_to', 'deleted_at', 'xid', 'id']) AS n
		                                      WHERE n <> 'id' OR yore._shows_id(m)) AS ours
		                          FROM pg_attribute WHERE attrelid = h.name::regclass AND attnum > 0 AND NOT attisdropped) AS a) AS c`, table).Scan(&text)
	if err != nil {
		return r, yore.Explain(err)
	}
	return r, json.Unmarshal([]byte(text), &r)
}

func (r *relation) omit(names []string) error {
	for _, name := range names {
		i := slices.IndexFunc(r.Columns, func(c column) bool { return c.Name == name })
		if i < 0 {
			return fmt.Errorf("it has no column %q to omit beside its key", name)
		}
		r.Columns = slices.Delete(r.Columns, i, i+1)
	}
	return nil
}

func (r relation) read(db yore.DB, key []any) ([]version, error) {
	where, args, err := r.where(key)
	if err != nil {
		return nil, err
	}
	order := make([]string, len(r.Key))
	for i, c := range r.Key {
		order[i] = "h." + c.Quoted
	}
	by := strings.Join(order, ", ")
	if r.Immutable { // random to us; UUIDs of one moment have no order that lasts
		by = "min(h." + r.From + ") OVER (PARTITION BY " + by + "), " + by
	}
	rows, err := db.Query(context.Background(), fmt.Sprintf(`
		SELECT %s::text, h.%s, yore._utc(h.%s), yore._utc(h.%s), h.%s IS NOT NULL,
		       EXISTS (SELECT FROM yore.transaction_of(h.%s, h.%s) AS x WHERE x.at_time IS NOT NULL), %s::text
		  FROM %s AS h%s ORDER BY %s, h.%s`,
		texts(r.Key), r.Version, r.From, r.To, r.Deleted, r.XID, r.From, texts(r.Columns), r.History, where, by, r.Version), args...)
	if err != nil {
		return nil, yore.Explain(err)
	}
	versions, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (v version, err error) {
		var values string
		if err := row.Scan(&v.key, &v.number, &v.from, &v.to, &v.deleted, &v.loaded, &values); err != nil {
			return v, err
		}
		if err := json.Unmarshal([]byte(v.key), &v.keys); err != nil {
			return v, err
		}
		return v, json.Unmarshal([]byte(values), &v.values)
	})
	return versions, yore.Explain(err)
}

// texts is a JSON array of the columns' values as text.
func texts(columns []column) string {
	items := make([]string, len(columns))
	for i, c := range columns {
		items[i] = "h." + c.Quoted + "::text"
		if c.Type == instantType {
			items[i] = "yore._utc(h." + c.Quoted + ")"
		}
	}
	return "to_json(ARRAY[" + strings.Join(items, ", ") + "]::text[])"
}

const instantType = "timestamp with time zone"

func (r relation) where(key []any) (string, []any, error) {
	if len(key) == 0 {
		return "", nil, nil
	}
	names := make([]string, len(r.Key))
	conditions := make([]string, len(r.Key))
	for i, c := range r.Key {
		names[i] = c.Name
		conditions[i] = fmt.Sprintf("h.%s = $%d::text::%s", c.Quoted, i+1, c.Type)
	}
	if len(key) != len(r.Key) {
		return "", nil, fmt.Errorf("its key is (%s): %d values were given", strings.Join(names, ", "), len(key))
	}
	args := make([]any, len(key))
	for i, v := range key {
		value, err := text(v)
		if err != nil {
			return "", nil, fmt.Errorf("key %s: %w", names[i], err)
		}
		args[i] = value
	}
	return " WHERE " + strings.Join(conditions, " AND "), args, nil
}
