package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// What a person does at a tab: controls are found by what stands on them.

const find = `
const seen = e => e.getClientRects().length > 0
const name = e => (e.getAttribute('aria-label') || e.innerText || '').trim().replace(/\s+/g, ' ')
const control = text => [...document.querySelectorAll('button, a, summary, [role=button]')].find(e => seen(e) && name(e) === text)
const labelled = text => { const l = [...document.querySelectorAll('label')].find(e => e.innerText.trim().split('\n')[0].startsWith(text)); return l && (l.control || document.getElementById(l.htmlFor)) }
`

// js runs an expression in the page.
func js[T any](b *tab, expression string, args ...any) T {
	b.t.Helper()
	value, err := tryJS[T](b, expression, args...)
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

func tryJS[T any](b *tab, expression string, args ...any) (T, error) {
	quoted := make([]any, len(args))
	for i, arg := range args {
		text, _ := json.Marshal(arg)
		quoted[i] = string(text)
	}
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T]("(() => {"+find+"return "+fmt.Sprintf(expression, quoted...)+"})()"))
}

// wait waits until an expression is true, on whatever page that is.
func (b *tab) wait(expression string, args ...any) {
	b.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		ok, err := tryJS[bool](b, "!!("+expression+")", args...)
		if ok {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("in vain waited for %s %v (%v) on %s:\n%s", expression, args, err, b.path(), b.text("main"))
		}
	}
}

// shows waits until the page has a text.
func (b *tab) shows(text string) {
	b.t.Helper()
	b.wait("document.body?.innerText.includes(%s)", text)
}

// click presses a button or follows a link, and waits until the next page is there.
func (b *tab) click(text string) {
	b.t.Helper()
	b.wait("control(%s)", text)
	b.leave(func() { js[bool](b, "(control(%s).click(), true)", text) })
}

// leave does what leads to another page, and waits for that.
func (b *tab) leave(do func()) {
	b.t.Helper()
	js[bool](b, "window.old = true")
	do()
	b.wait("!window.old && document.readyState === 'complete'")
}

// fill writes into a field, as typing would.
func (b *tab) fill(label, value string) {
	b.t.Helper()
	b.wait("labelled(%s)", label)
	js[bool](b, `(e => { e.value = %s; for (const type of ['input', 'change']) e.dispatchEvent(new Event(type, {bubbles: true})); return true })(labelled(%s))`, value, label)
}

// value is what a field has.
func (b *tab) value(label string) string {
	b.t.Helper()
	return js[string](b, "labelled(%s).value", label)
}

// text is that of the first element of a selector, with single spaces.
func (b *tab) text(selector string) string {
	b.t.Helper()
	text, _ := tryJS[string](b, "document.querySelector(%s)?.innerText ?? ''", selector)
	return strings.Join(strings.Fields(text), " ")
}

// has says whether a button or link of a text is there.
func (b *tab) has(text string) bool { b.t.Helper(); return js[bool](b, "!!control(%s)", text) }

func (b *tab) path() string {
	path, _ := tryJS[string](b, "location.pathname + location.search")
	return path
}

// titles are those of the rows of a list.
func (b *tab) titles() []string {
	b.t.Helper()
	return js[[]string](b, "[...document.querySelectorAll('.list [scope=row]')].map(e => e.innerText.trim())")
}
