package yoretest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// names are what is shown in place of what differs from run to run.
type names struct {
	instants map[string]string // as yore._utc writes them
	entities map[string]string
}

func (r relation) show(versions []version) []string {
	n := names{instants: instants(versions), entities: map[string]string{}}
	if r.Immutable {
		for _, v := range versions {
			if id := *v.keys[0]; n.entities[id] == "" {
				n.entities[id] = fmt.Sprintf("e%d", len(n.entities)+1)
			}
		}
	}
	lines := make([]string, len(versions))
	for i, v := range versions {
		words := make([]string, len(v.keys))
		for k, value := range v.keys {
			words[k] = n.value(r.Key[k], value)
		}
		key := fmt.Sprintf("%s v%d ", strings.Join(words, ","), v.number)
		switch {
		case v.deleted:
			lines[i] = key + n.instant(v.from) + " deleted"
		case i > 0 && versions[i-1].key == v.key && versions[i-1].number == v.number-1 && !versions[i-1].deleted:
			lines[i] = key + n.period(v) + " " + r.changes(n, versions[i-1], v)
		default:
			lines[i] = strings.TrimSpace(key + n.period(v) + " " + r.row(n, v))
		}
	}
	return lines
}

func (r relation) row(n names, v version) string {
	words := make([]string, len(r.Columns))
	for i, c := range r.Columns {
		words[i] = word(c.Name) + "=" + n.value(c, v.values[i])
	}
	return strings.Join(words, " ")
}

func (r relation) changes(n names, old, v version) string {
	var words []string
	for i, c := range r.Columns {
		was, is := n.value(c, old.values[i]), n.value(c, v.values[i])
		if was != is {
			words = append(words, fmt.Sprintf("%s: %s -> %s", word(c.Name), was, is))
		}
	}
	if words == nil {
		return "unchanged"
	}
	return strings.Join(words, ", ")
}

// instants names the moments of the versions: those that were set as they are,
// the others by their order.
func instants(versions []version) map[string]string {
	named := map[string]string{}
	var moments []time.Time
	by := map[time.Time]string{}
	for _, v := range versions {
		for _, at := range []*string{v.from, v.to} {
			if at == nil || by[parse(*at)] != "" || named[*at] != "" {
				continue
			}
			if t := parse(*at); !t.IsZero() {
				by[t] = *at
				moments = append(moments, t)
			} else {
				named[*at] = word(*at) // before Christ
			}
		}
	}
	for _, v := range versions {
		if v.loaded {
			named[*v.from] = known(*v.from)
		}
	}
	slices.SortFunc(moments, time.Time.Compare)
	count := 0
	for _, t := range moments {
		if named[by[t]] == "" {
			named[by[t]] = fmt.Sprintf("t%d", count)
			count++
		}
	}
	return named
}

func parse(utc string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05Z07", utc)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// known is an instant that is the same in every run.
func known(utc string) string {
	if t := parse(utc); !t.IsZero() {
		return written(t)
	}
	return word(utc)
}

func (n names) instant(at *string) string {
	if at == nil {
		return ""
	}
	return n.instants[*at]
}

func (n names) period(v version) string {
	if v.from == nil {
		return "[-infinity," + n.instant(v.to) + ")" // there from before its past is known
	}
	return "[" + n.instant(v.from) + "," + n.instant(v.to) + ")"
}

func (n names) value(c column, v *string) string {
	if v == nil {
		return "NULL"
	}
	switch c.Type {
	case instantType:
		if name := n.instants[*v]; name != "" {
			return name
		}
		return known(*v)
	case "uuid":
		if name := n.entities[*v]; name != "" {
			return name
		}
	}
	return word(*v)
}

var bare = regexp.MustCompile(`^[\pL\pN_.:+/@%#-]+$`)

// word is text as it is, where it cannot be taken for anything else, or as SQL
// writes it.
func word(text string) string {
	if bare.MatchString(text) && text != "NULL" && text != "->" {
		return text
	}
	quoted := strings.ReplaceAll(text, "'", "''")
	if strings.ContainsAny(text, "\n\r\t\v\f") {
		return "E'" + strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\v", `\x0b`, "\f", `\f`).Replace(quoted) + "'"
	}
	return "'" + quoted + "'"
}
