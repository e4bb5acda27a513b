package yore

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"
)

// What a context says of the transactions that are begun with it.
type said struct {
	actor, reason string
	meta          map[string]json.RawMessage
	err           error // of a value that is no JSON
}

type saidKey struct{}

func saidIn(ctx context.Context) said {
	s, _ := ctx.Value(saidKey{}).(said)
	return s
}

// WithActor returns a context whose write transactions say that actor makes
// their changes: every one that is begun with it, or with a context derived from
// it, on a Pool or on a database/sql handle of NewConnector's. A later call
// replaces an earlier one; "" takes it back.
//
// A text that PostgreSQL cannot hold (with a NUL character, or not UTF-8) is an
// error, ErrOption, of what is begun with the context. So with WithReason.
func WithActor(ctx context.Context, actor string) context.Context {
	s := saidIn(ctx)
	s.actor = actor
	return context.WithValue(ctx, saidKey{}, s)
}

// WithReason is to why as WithActor is to who.
func WithReason(ctx context.Context, reason string) context.Context {
	s := saidIn(ctx)
	s.reason = reason
	return context.WithValue(ctx, saidKey{}, s)
}

// WithMeta adds one key to what else is said of the write transactions that are
// begun with the context: a JSON object. Keys of several calls come together; of
// the same key the last value counts, and a nil value takes the key back. The
// value is written as JSON at once, as encoding/json does it; if it cannot be,
// that is an error, ErrOption, of what is begun with the context.
func WithMeta(ctx context.Context, key string, value any) context.Context {
	s := saidIn(ctx)
	meta := maps.Clone(s.meta)
	if meta == nil {
		meta = map[string]json.RawMessage{}
	}
	if value == nil {
		delete(meta, key)
	} else if text, err := json.Marshal(value); err != nil {
		s.err = fmt.Errorf("meta %q: %w", key, err)
	} else {
		meta[key] = text
	}
	s.meta = meta
	return context.WithValue(ctx, saidKey{}, s)
}

// ActorOf returns what WithActor put into the context; "" if nothing.
func ActorOf(ctx context.Context) string { return saidIn(ctx).actor }

// ReasonOf returns what WithReason put into the context; "" if nothing.
func ReasonOf(ctx context.Context) string { return saidIn(ctx).reason }

// MetaOf returns what the calls of WithMeta put into the context; empty if
// nothing. The map is the caller's.
func MetaOf(ctx context.Context) map[string]json.RawMessage {
	meta := maps.Clone(saidIn(ctx).meta)
	if meta == nil {
		meta = map[string]json.RawMessage{}
	}
	return meta
}

// words are what yore.carry_context is called with; nil is NULL.
type words struct{ actor, reason, meta *string }

// wordsIn returns what the context says, nil if nothing.
func wordsIn(ctx context.Context) (*words, error) {
	s := saidIn(ctx)
	if s.err != nil {
		return nil, badWords(s.err.Error(), s.err)
	}
	if s.actor == "" && s.reason == "" && len(s.meta) == 0 {
		return nil, nil
	}
	var w words
	for _, text := range []struct {
		name, value string
		to          **string
	}{{"actor", s.actor, &w.actor}, {"reason", s.reason, &w.reason}} {
		if strings.Contains(text.value, "\x00") || !utf8.ValidString(text.value) {
			return nil, badWords("the "+text.name+" is no text that PostgreSQL can hold: it has a NUL character or is not UTF-8", nil)
		}
		*text.to = textOrNull(text.value)
	}
	if len(s.meta) > 0 {
		text, err := json.Marshal(s.meta)
		if err != nil {
			return nil, badWords("meta: "+err.Error(), err)
		}
		if hasNUL(text) {
			return nil, badWords("meta has a NUL character, which PostgreSQL cannot hold", nil)
		}
		meta := string(text)
		w.meta = &meta
	}
	return &w, nil
}

func badWords(message string, cause error) error {
	e := newError("YO007", "what the context says of the transaction: "+message, "")
	e.cause = cause
	return e
}

// hasNUL reports whether a JSON text has \u0000.
func hasNUL(text []byte) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if strings.HasPrefix(string(text[i+1:min(i+6, len(text))]), "u0000") {
			return true
		}
		i++ // what is escaped
	}
	return false
}

// carry asks before the call whether the transaction has written, so that one
// that has not calls nothing.
const (
	carry      = "SELECT yore.carry_context($1::text, $2::text, $3::text::jsonb)" + hasWritten
	hasWritten = " WHERE pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL"
)

// args are those of carry.
func (w *words) args() []any { return []any{w.actor, w.reason, w.meta} }

// statement is carry with its arguments in the text.
func (w *words) statement() string {
	return "SELECT yore.carry_context(" + constant(w.actor) + ", " + constant(w.reason) + ", " + constant(w.meta) + "::jsonb)" + hasWritten
}

// isASCII reports whether the statement is the same in every client_encoding.
func (w *words) isASCII() bool {
	for _, text := range []*string{w.actor, w.reason, w.meta} {
		if text != nil && strings.IndexFunc(*text, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
			return false
		}
	}
	return true
}

// constant quotes a text for whatever standard_conforming_strings says.
func constant(text *string) string {
	if text == nil {
		return "NULL"
	}
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(*text) + "'"
}
