package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestScreenshots makes the pictures of the documentation, in the folder that
// YORE_SCREENSHOTS names: make screenshots.
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("YORE_SCREENSHOTS")
	if folder == "" {
		t.Skip("YORE_SCREENSHOTS names no folder")
	}
	a := start(t)
	b := a.tab()
	oven := a.task("Choose the oven")
	web := a.task("Put up a page with the opening hours")
	versions, err := tasks.History(oven.EntityID).All(t.Context(), a.pool)
	if err != nil {
		t.Fatal(err)
	}
	page := func(path string) func() { return func() { b.open(path) } }
	for _, shot := range []struct {
		name          string
		width, height int64
		show          func()
	}{
		{"tasks-start", 1200, 1020, func() {
			b.open("/")
			b.wait("document.querySelector('svg.columns')")
		}},
		{"tasks-list", 1200, 820, page("/tasks?sort=priority")},
		{"tasks-timeline", 1200, 1100, page("/tasks/" + a.task("Order the sign").EntityID.String() + "/history")},
		{"tasks-compare", 1200, 720, page("/tasks/" + oven.EntityID.String() + "/compare?from=1&to=4")},
		{"tasks-as-of", 1200, 820, page("/at/" + stamp(versions[2].ValidFrom) + "/tasks/" + oven.EntityID.String())},
		{"tasks-phone", 390, 844, page("/tasks")},
		{"tasks-conflict", 1200, 1100, func() {
			b.open("/tasks/" + web.EntityID.String() + "/edit")
			a.change("Boris", "The photo is there", web, func(t *Task) {
				t.Status, t.Description = "completed", fmt.Sprintf("One page is enough. With a photo of the counter, taken on day %d.", t.Version)
			})
			b.do(chromedp.SetValue(chromedp.CSS("#f-description"), "Opening hours, and the menu on a second page."),
				chromedp.SetValue(chromedp.CSS("#f-priority"), "4"),
				chromedp.Submit(chromedp.CSS(".form")), chromedp.WaitVisible(chromedp.CSS(".conflict")))
		}},
	} {
		for _, scheme := range []string{"light", "dark"} {
			b.do(emulate(scheme), chromedp.EmulateViewport(shot.width, shot.height))
			shot.show()
			png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, shot.name+"-"+scheme+".png"), png, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// emulate lets the browser prefer light or dark.
func emulate(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}
