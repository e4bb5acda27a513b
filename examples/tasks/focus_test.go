package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// What is wrong with where the focus is: it is not seen, or something lies on it.
const unseenFocus = `(() => {
	const e = document.activeElement, r = e.getBoundingClientRect(), s = getComputedStyle(e)
	const within = (x, y) => { const top = document.elementFromPoint(x, y); return top && (e.contains(top) || top.contains(e)) }
	if (e === document.body || e.closest('.skip')) return ''
	const wrong = []
	if (s.outlineStyle === 'none' || parseFloat(s.outlineWidth) < 2) wrong.push('no outline')
	if (r.bottom <= 0 || r.top >= innerHeight) wrong.push('out of sight')
	else if (!within((r.left + r.right) / 2, Math.min(Math.max((r.top + r.bottom) / 2, 0), innerHeight - 1)) && e.tagName !== 'TEXTAREA') wrong.push('covered')
	return wrong.length ? wrong.join(', ') + ': ' + e.outerHTML.slice(0, 100) : ''
})()`

// TestFocus: Tab, there and back, reaches each control that is seen, and one sees
// where the focus is.
func TestFocus(t *testing.T) {
	t.Parallel()
	a := start(t)
	b := a.tab()
	b.do(chromedp.EmulateViewport(390, 700))
	sign := a.task("Order the sign")
	for _, path := range []string{"/tasks", at(sign, "/history"), at(sign, "/edit"), "/at/" + stamp(sign.ValidFrom.Add(time.Hour)) + at(sign, "/history")} {
		b.open(path)
		const all = `[...document.querySelectorAll('a[href], button, select, textarea, input:not([type=hidden])')].filter(e => seen(e) && e.tabIndex >= 0)`
		js[bool](b, "(window.reached = new Set(), true)")
		n := js[int](b, all+".length")
		for _, shift := range []bool{false, true} {
			var options []chromedp.KeyOption
			if shift {
				options = append(options, chromedp.KeyModifiers(chromedp.ModifierShift))
			}
			for range n + 20 { // a field for a date has several stops
				b.do(chromedp.KeyEvent(kb.Tab, options...))
				js[bool](b, "(window.reached.add(document.activeElement), true)")
				if wrong := js[string](b, unseenFocus); wrong != "" {
					t.Errorf("%s, backwards %t: %s", path, shift, wrong)
				}
			}
		}
		for _, left := range js[[]string](b, all+".filter(e => !window.reached.has(e)).map(e => e.outerHTML.slice(0, 100))") {
			t.Error(fmt.Sprint(path, " is not reached: ", left))
		}
	}
}
