package yore

import (
	"crypto/rand"
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// A UUID names an entity, or one version of it. It is an array of 16 bytes, as
// the UUID types of other packages are, so that a conversion does: yore.UUID(u)
// of a uuid.UUID. The zero UUID names nothing.
type UUID [16]byte

// NewUUID returns a new UUID of version 7 (RFC 9562), which sorts by the time at
// which it was made, to the millisecond. yore makes entity ids by itself; it is
// for those that a client wants to know beforehand.
func NewUUID() UUID {
	var u UUID
	_, _ = rand.Read(u[6:]) // never fails
	ms := uint64(time.Now().UnixMilli())
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	return u
}

// ParseUUID reads a UUID: 36 characters with hyphens, or 32 without, in either
// case. The zero UUID is refused, as anything else that is malformed: an
// *InvalidError with the field "entity_id".
func ParseUUID(s string) (UUID, error) {
	u, err := parseUUID(s)
	if err == nil && u == (UUID{}) {
		err = fmt.Errorf("the UUID is all zero")
	}
	if err != nil {
		return UUID{}, invalid(nil, err, FieldError{Field: "entity_id", Message: "is not a valid id"})
	}
	return u, nil
}

func parseUUID(s string) (u UUID, err error) {
	digits := s
	if len(s) == 36 {
		if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
			return u, fmt.Errorf("%q is no UUID", s)
		}
		digits = s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	if len(digits) != 32 {
		return u, fmt.Errorf("%.40q is no UUID", s)
	}
	if _, err := hex.Decode(u[:], []byte(digits)); err != nil {
		return UUID{}, fmt.Errorf("%q is no UUID", s)
	}
	return u, nil
}

// String returns the UUID in lower case with hyphens.
func (u UUID) String() string {
	text := make([]byte, 36)
	hex.Encode(text[0:8], u[0:4])
	hex.Encode(text[9:13], u[4:6])
	hex.Encode(text[14:18], u[6:8])
	hex.Encode(text[19:23], u[8:10])
	hex.Encode(text[24:36], u[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text)
}

// IsZero reports whether u is the zero UUID.
func (u UUID) IsZero() bool { return u == UUID{} }

// MarshalText returns String; the zero UUID is the empty text.
func (u UUID) MarshalText() ([]byte, error) {
	if u.IsZero() {
		return []byte{}, nil
	}
	return []byte(u.String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (u *UUID) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*u = UUID{}
		return nil
	}
	*u, err = parseUUID(string(text))
	return err
}

// Scan reads a column of type uuid, for database/sql; NULL is the zero UUID.
func (u *UUID) Scan(src any) (err error) {
	switch v := src.(type) {
	case string:
		*u, err = parseUUID(v)
	case []byte:
		if len(v) == 16 {
			copy(u[:], v)
			return nil
		}
		*u, err = parseUUID(string(v))
	case [16]byte:
		*u = v
	case nil:
		*u = UUID{}
	default:
		err = fmt.Errorf("cannot scan %T as a UUID", src)
	}
	return err
}

// Value writes a parameter of type uuid, for database/sql; the zero UUID is NULL.
func (u UUID) Value() (driver.Value, error) {
	if u.IsZero() {
		return nil, nil
	}
	return u.String(), nil
}

// ScanUUID reads a column of type uuid, for pgx; NULL is the zero UUID.
func (u *UUID) ScanUUID(v pgtype.UUID) error {
	*u = UUID{}
	if v.Valid {
		*u = v.Bytes
	}
	return nil
}

// UUIDValue writes a parameter of type uuid, for pgx; the zero UUID is NULL.
func (u UUID) UUIDValue() (pgtype.UUID, error) {
	return pgtype.UUID{Bytes: u, Valid: !u.IsZero()}, nil
}
