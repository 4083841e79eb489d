"""Opens pictures in a headless browser and prints the words in them that leave the picture, as JSON."""
import json
import pathlib
import shutil
import sys

from playwright.sync_api import sync_playwright

browser_file = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=browser_file, args=["--no-sandbox", "--disable-gpu"])
    page = browser.new_page()
    seen = {}
    for name in sys.argv[1:]:
        page.goto(pathlib.Path(name).resolve().as_uri())
        seen[name] = page.evaluate("""() => {
            const view = document.documentElement.viewBox.baseVal;
            const texts = [...document.querySelectorAll("text")], outside = [];
            for (const text of texts) {
                const box = text.getBBox();
                if (box.x < 0 || box.y < 0 || box.x + box.width > view.width || box.y + box.height > view.height)
                    outside.push(text.textContent);
            }
            return { texts: texts.length, outside };
        }""")
    print(json.dumps(seen))
    browser.close()
