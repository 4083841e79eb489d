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
    begin = time.monotonic()
    page.goto(page_file.as_uri())
    page.wait_for_function("window.forklab && document.getElementById('queues').textContent")
    first_picture = time.monotonic() - begin
    whole = page.evaluate("forklab.view.to - forklab.view.from")
    box = page.locator("#timeline").bounding_box()
    middle, row = box["x"] + 110 + (box["width"] - 110) * 0.45, box["y"] + 22 + 11
    page.mouse.move(middle, row)
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(100)
    zoomed = page.evaluate("forklab.view.to - forklab.view.from")
    left = page.evaluate("forklab.view.from")
    page.keyboard.press("ArrowRight")
    moved = page.evaluate("forklab.view.from") - left
    page.mouse.click(middle, row)
    page.wait_for_timeout(100)
    clicked = page.locator("#event").inner_text()
    page.keyboard.press("n")
    following = page.locator("#event").inner_text()
    frames = page.evaluate("""() => {
        const begin = performance.now();
        let frames = 0;
        forklab.zoom(1e9, 0); forklab.zoom(0.3, 10);
        while (performance.now() - begin < 500) { forklab.move(1); forklab.draw(); frames++; }
        return frames * 1000 / (performance.now() - begin);
    }""")
    page.evaluate("forklab.zoom(1e9, 0)")
    pixels = page.evaluate("""() => {
        const canvas = document.getElementById('timeline');
        forklab.draw();
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
        "first_picture": first_picture,
        "whole": whole,
        "zoomed": zoomed,
        "moved": moved,
        "clicked": clicked,
        "following": following,
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
