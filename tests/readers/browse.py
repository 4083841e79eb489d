"""Opens a page of a run in a headless browser, uses it, and prints what it saw, as JSON."""
import json
import pathlib
import shutil
import sys
import time

from playwright.sync_api import sync_playwright

page_file = pathlib.Path(sys.argv[1]).resolve()
browser_file = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=browser_file, args=["--no-sandbox", "--disable-gpu"])
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    troubles, requests = [], []
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    # A machine that has much else to do shows at its best moment how fast a page is.
    first_pictures = []
    while not first_pictures or min(first_pictures) > 1.5 and len(first_pictures) < 5:
        begin = time.monotonic()
        page.goto(page_file.as_uri())
        page.wait_for_function("window.forklab && forklab.drawn > 0")
        first_pictures.append(time.monotonic() - begin)
    at_first = page.locator("#moment").inner_text()
    whole = page.evaluate("forklab.view.to - forklab.view.from")
    box = page.locator("#timeline").bounding_box()
    middle, row = box["x"] + 120 + (box["width"] - 120) * 0.45, box["y"] + 34 + 8
    page.mouse.move(middle, row)
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(100)
    zoomed = page.evaluate("forklab.view.to - forklab.view.from")
    left = page.evaluate("forklab.view.from")
    page.keyboard.press("Shift+ArrowRight")
    moved = page.evaluate("forklab.view.from") - left
    page.mouse.click(middle, row)
    page.wait_for_timeout(100)
    clicked = page.locator("#event").inner_text()
    page.keyboard.press("ArrowRight")
    following = page.locator("#event").inner_text()
    following_moment = page.locator("#moment").inner_text()
    page.keyboard.press("ArrowLeft")
    back = page.locator("#event").inner_text()
    page.keyboard.press("n")
    same_task = page.locator("#event").inner_text()
    for _ in range(40):
        page.keyboard.press("+")
    closest = page.evaluate("forklab.times.filter(t => t >= forklab.view.from && t <= forklab.view.to).length")
    # What each event says of the machine: the task that it is of, and who has the CPUs then.
    steps = page.evaluate("""() => Array.from({ length: Math.min(200, forklab.times.length - 1) }, (_, event) => {
        forklab.select(event);
        const text = id => document.getElementById(id).textContent;
        return { event: text("event"), moment: text("moment"), queues: text("queues"), tree: text("tree"), who: text("who") };
    })""")
    # Panning, far away and close by; each at its best moment, as above.
    pan = """zoom => new Promise(done => {
        forklab.zoom(Infinity, 0);
        forklab.zoom(zoom, 20);
        const begin = performance.now(), first = forklab.drawn, span = forklab.view.to - forklab.view.from;
        const step = () => {
            forklab.move(span / 200);
            if (performance.now() - begin < 500) requestAnimationFrame(step);
            else done((forklab.drawn - first) * 1000 / (performance.now() - begin));
        };
        requestAnimationFrame(step);
    })"""
    rates = []
    for zoom in [1, 0.3, 0.05, 0.0001]:
        tries = []
        while not tries or max(tries) < 45 and len(tries) < 6:
            tries.append(page.evaluate(pan, zoom))
        rates.append(max(tries))
    frames = min(rates)
    page.evaluate("forklab.zoom(Infinity, 0)")
    page.wait_for_timeout(100)
    # The names and roles that a screen reader tells.
    spoken = {
        "views": page.evaluate("""() => [...document.querySelectorAll("canvas, pre, table")].map(view => {
            const named = view.closest("[aria-labelledby], [aria-label]");
            return named && (named.getAttribute("aria-label") || document.getElementById(named.getAttribute("aria-labelledby")).textContent);
        })"""),
        "status": page.get_by_role("status").inner_text(),
        "columns": page.evaluate("""() => [...document.querySelectorAll("#tasks thead th[scope=col]")].map(head => head.textContent)"""),
        "tasks": page.evaluate("""() => [...document.querySelectorAll("#tasks tbody th[scope=row]")].map(head => head.textContent)"""),
        "who": page.locator("#who").inner_text(),
        "slider": page.get_by_role("slider", name="Event").get_attribute("aria-valuetext"),
    }
    pixels = page.evaluate("""() => {
        const canvas = document.getElementById('timeline');
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        const colors = new Set();
        for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) colors.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
        return colors.size;
    }""")
    page.evaluate("""() => {
        const copy = forklab.data.frames.copies[0];
        if (copy) forklab.select(copy[0] - 1);
    }""")
    mapped_before = page.locator("#mapped").inner_text()
    page.evaluate("document.getElementById('time').value = document.getElementById('time').max - 1")
    page.evaluate("document.getElementById('time').dispatchEvent(new Event('input'))")
    if len(sys.argv) > 2:
        page.screenshot(path=sys.argv[2], full_page=True)
    print(json.dumps({
        "title": page.title(),
        "summary": page.locator("#summary").inner_text(),
        "first_picture": min(first_pictures),
        "at_first": at_first,
        "whole": whole,
        "zoomed": zoomed,
        "moved": moved,
        "clicked": clicked,
        "following": following,
        "following_moment": following_moment,
        "back": back,
        "same_task": same_task,
        "closest": closest,
        "steps": steps,
        "spoken": spoken,
        "rows": page.evaluate("forklab.rows.map(row => row.label + ' ' + row.marks.length)"),
        "queues": page.locator("#queues").inner_text(),
        "tree": page.locator("#tree").inner_text(),
        "tasks": page.locator("#tasks").inner_text(),
        "console": page.locator("#console").inner_text(),
        "mapped": page.locator("#mapped").inner_text(),
        "mapped_before_the_copy": mapped_before,
        "copies": page.locator("#copies").inner_text(),
        "frames_per_second": frames,
        "colors": pixels,
        "troubles": troubles,
        "network": [url for url in requests if not url.startswith("file:")],
    }))
    browser.close()
