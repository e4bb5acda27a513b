package yore

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// The longest line that is no row, and the longest statements of a section.
const longestSection = 256 << 20

// A dumpReader reads a dump section by section, as a stream.
type dumpReader struct {
	r      *bufio.Reader
	head   dumpHeader
	marker string // what the lines that begin a section begin with
	next   string // such a line, read already
}

// A dumpSection is one of them; the rows of a copy are read by rows.
type dumpSection struct {
	kind  string
	about []byte // JSON
	text  string
}

func newDumpReader(r io.Reader) (*dumpReader, error) {
	d := &dumpReader{r: bufio.NewReaderSize(r, 1<<16)}
	if magic, err := d.r.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(d.r)
		if err != nil {
			return nil, badDump("this is no gzip file after all: %v", err)
		}
		d.r = bufio.NewReaderSize(z, 1<<16)
	}
	for _, begin := range []string{dumpTitle[:len("-- A dump of yore's")], "-- ", dumpHead} {
		if peek, err := d.r.Peek(len(begin)); string(peek) != begin {
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, d.broken(err)
			}
			return nil, badDump("this is no dump of yore's")
		}
		line, err := d.line()
		if err != nil {
			return nil, err
		}
		if begin == dumpHead {
			d.head.raw = json.RawMessage(strings.TrimPrefix(line, dumpHead))
		}
	}
	// The format first: of a newer one the rest may be anything.
	var format struct{ Format int }
	if err := json.Unmarshal(d.head.raw, &format); err != nil {
		return nil, badDump("the head of the dump cannot be read: %v", err)
	}
	if format.Format != dumpFormat {
		e := badDump("the dump has format %d, this program reads format %d", format.Format, dumpFormat)
		e.Hint = "Nothing has been changed. Use a newer yore."
		return nil, e
	}
	if err := json.Unmarshal(d.head.raw, &d.head); err != nil || len(d.head.ID) != 32 {
		return nil, badDump("the head of the dump cannot be read: %v", err)
	}
	d.marker = "-- " + d.head.ID + " "
	return d, nil
}

// broken says that the file ends too soon, or cannot be read.
func (d *dumpReader) broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return badDump("the dump is cut off: its end is missing")
	}
	if corrupt := (*Error)(nil); errors.As(err, &corrupt) {
		return err
	}
	if errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) {
		return badDump("the dump is damaged: %v", err)
	}
	return err
}

// line reads a line, without its end.
func (d *dumpReader) line() (string, error) {
	var b strings.Builder
	for {
		part, err := d.r.ReadSlice('\n')
		b.Write(part)
		switch {
		case err == nil:
			return strings.TrimSuffix(b.String(), "\n"), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return "", d.broken(err)
		case b.Len() > longestSection:
			return "", badDump("the dump is damaged: a line of more than %d bytes", longestSection)
		}
	}
}

// section reads the next section, to its end but for a copy's rows.
func (d *dumpReader) section() (dumpSection, error) {
	var s dumpSection
	line := d.next
	d.next = ""
	if line == "" {
		var err error
		if line, err = d.line(); err != nil {
			return s, err
		}
	}
	rest, ok := strings.CutPrefix(line, d.marker)
	if !ok {
		return s, badDump("the dump is damaged: a section was expected, not %.40q", line)
	}
	kind, about, _ := strings.Cut(rest, " ")
	s.kind, s.about = kind, []byte(about)
	switch kind {
	case sectionEnd:
		if _, err := d.r.ReadByte(); !errors.Is(err, io.EOF) {
			if err != nil {
				return s, d.broken(err)
			}
			return s, badDump("the dump goes on after its end")
		}
	case sectionCopied: // nothing more
	case sectionCopy:
		var c dumpCopy
		if err := json.Unmarshal(s.about, &c); err != nil || c.Statement < 0 || c.Statement > longestSection {
			return s, badDump("the dump is damaged: %.40q", line)
		}
		if _, err := d.r.Discard(c.Statement + 1); err != nil {
			return s, d.broken(err)
		}
	default:
		var text strings.Builder
		for {
			line, err := d.line()
			if err != nil {
				return s, err
			}
			if strings.HasPrefix(line, d.marker) {
				d.next, s.text = line, text.String()
				return s, nil
			}
			if text.Len() > longestSection {
				return s, badDump("the dump is damaged: a section of more than %d bytes", longestSection)
			}
			text.WriteString(line + "\n")
		}
	}
	return s, nil
}

// rows reads the rows of a copy section as COPY takes them, to the line of \.
func (d *dumpReader) rows(every func(int64)) *rowReader {
	return &rowReader{d: d, start: true, every: every}
}

type rowReader struct {
	d     *dumpReader
	part  []byte // of the buffer, not handed out yet
	start bool   // the next byte begins a line
	done  bool
	err   error // a broken dump
	n     int64
	last  int64
	every func(int64)
}

var endOfRows = []byte("\\.\n")

func (r *rowReader) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		if len(r.part) == 0 {
			if r.done || r.err != nil || n > 0 && r.d.r.Buffered() == 0 {
				break
			}
			part, err := r.d.r.ReadSlice('\n')
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				r.err = r.d.broken(err)
				break
			}
			if r.start && bytes.Equal(part, endOfRows) {
				r.done = true
				break
			}
			r.part, r.start = part, err == nil
			if r.start {
				r.n++
			}
		}
		c := copy(b[n:], r.part)
		n, r.part = n+c, r.part[c:]
	}
	if r.n-r.last >= 10000 {
		r.last = r.n
		r.every(r.n)
	}
	switch {
	case n > 0:
		return n, nil
	case r.err != nil:
		return 0, r.err
	}
	return 0, io.EOF
}
