"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const COLORS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999933"];
const ROW = 22, LABEL = 110, AXIS = 22;
const get = id => document.getElementById(id);
const events = data.events, count = events.seq.length;
const end = Math.max(data.to, 1);
const view = { from: 0, to: end, top: 0 };
let cursor = 0, selected = -1, wanted = false;

// The rows: a task each, in the order of their pids, and the CPUs above them.
const pids = [...new Set([...data.runs, ...data.waits].map(i => i[0]))].sort((a, b) => a - b);
const rows = [];
for (let cpu = 0; cpu < data.cpus; cpu++)
  rows.push({ label: "CPU " + cpu, cpu, runs: data.runs.filter(i => i[1] === cpu), waits: [] });
const byPid = new Map(pids.map(pid => [pid, { label: pid + ":" + (data.names[pid] || ""), pid, runs: [], waits: [] }]));
for (const run of data.runs) byPid.get(run[0]).runs.push(run);
for (const wait of data.waits) byPid.get(wait[0]).waits.push(wait);
for (const row of byPid.values()) { row.waits.sort((a, b) => a[2] - b[2]); rows.push(row); }
const color = pid => COLORS[Math.max(0, pids.indexOf(pid)) % COLORS.length];
const colorOf = new Map(pids.map(pid => [pid, color(pid)]));

// The first interval that ends after a tick.
function firstAfter(list, tick) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle][3] < tick) low = middle + 1; else high = middle;
  }
  return low;
}
// The first event at a tick or after it.
function firstEvent(tick) {
  let low = 0, high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (events.tick[middle] < tick) low = middle + 1; else high = middle;
  }
  return low;
}

const canvas = get("timeline"), pen = canvas.getContext("2d");
function fit(target) {
  const ratio = window.devicePixelRatio || 1, box = target.getBoundingClientRect();
  const width = Math.max(1, Math.round(box.width * ratio)), height = Math.max(1, Math.round(box.height * ratio));
  if (target.width !== width || target.height !== height) { target.width = width; target.height = height; }
  const context = target.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return box;
}
const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const xOf = (tick, width) => LABEL + (tick - view.from) / (view.to - view.from) * (width - LABEL);
const tickAt = (x, width) => view.from + (x - LABEL) / (width - LABEL) * (view.to - view.from);

function drawTimeline() {
  const { width, height } = fit(canvas);
  const text = style("--text"), dim = style("--dim"), line = style("--line");
  pen.clearRect(0, 0, width, height);
  pen.font = "12px ui-monospace,monospace";
  let step = 1;
  while ((width - LABEL) / ((view.to - view.from) / step) < 70) step *= step.toString()[0] === "2" ? 2.5 : 2;
  pen.fillStyle = dim;
  for (let tick = Math.ceil(view.from / step) * step; tick <= view.to; tick += step) {
    const x = xOf(tick, width);
    pen.fillText(String(+tick.toFixed(3)), x + 2, 14);
    pen.fillRect(x, 0, 0.5, height);
  }
  rows.forEach((row, number) => {
    const y = AXIS + number * ROW - view.top;
    if (y < AXIS - ROW || y > height) return;
    for (const [list, full] of [[row.waits, false], [row.runs, true]]) {
      let drawn = -1;
      for (let i = firstAfter(list, view.from); i < list.length && list[i][2] <= view.to; i++) {
        const [pid, cpu, from, to] = list[i];
        const left = Math.max(LABEL, xOf(from, width)), right = Math.min(width, xOf(to, width));
        // What is narrower than a pixel is drawn once.
        if (right <= drawn) continue;
        const wide = Math.max(1, right - left);
        pen.fillStyle = colorOf.get(pid) || dim;
        if (full) pen.fillRect(left, y + 3, wide, ROW - 8);
        else { pen.fillStyle = line; pen.fillRect(left, y + ROW / 2 - 1, wide, 3); }
        if (full && wide > 18) {
          pen.fillStyle = "#fff";
          pen.fillText(row.pid === undefined ? String(pid) : data.cpus > 1 ? String(cpu) : "", left + 3, y + 14);
        }
        drawn = left + wide;
      }
    }
    pen.clearRect(0, y, LABEL - 2, ROW);
    pen.fillStyle = text;
    pen.fillText(row.label.slice(0, 14), 2, y + 15);
  });
  const x = xOf(cursor, width);
  if (x >= LABEL) { pen.fillStyle = style("--mark"); pen.fillRect(x, 0, 1.5, height); }
}

const until = () => selected < 0 ? firstEvent(cursor + 1) - 1 : selected;
const nameOf = pid => data.names[pid] ? pid + ":" + data.names[pid] : String(pid);

// The frames in use after an event: who allocated each, what for, and which address spaces map it.
function framesAt(last) {
  const all = data.frames, owners = new Map(), leaders = new Map();
  const leader = pid => leaders.has(pid) ? leaders.get(pid) : pid;
  // The private frames that a task allocated since it last made a page directory: exec makes one
  // before it leaves the old address space.
  const fresh = new Map(), steps = [];
  for (const [kind, list] of [["change", all.changes], ["copy", all.copies], ["fork", all.forks], ["left", all.left]])
    for (const step of list) { if (step[0] > last) break; steps.push([step[0], kind, step]); }
  steps.sort((a, b) => a[0] - b[0]);
  for (const [, kind, step] of steps) {
    if (kind === "change") {
      const [, first, frames, owner, use] = step;
      if (use === "D") fresh.set(owner, []);
      if (use === "p" && fresh.has(owner)) fresh.get(owner).push(first);
      for (let frame = first; frame < first + frames; frame++)
        if (owner < 0) owners.delete(frame);
        else owners.set(frame, { owner, use, by: new Set(use === "p" ? [leader(owner)] : []) });
    } else if (kind === "copy") {
      const old = owners.get(step[1]);
      if (old) old.by.delete(leader(step[3]));
    } else if (kind === "fork") {
      const [, parent, child, own] = step;
      if (!own) leaders.set(child, leader(parent));
      else {
        leaders.delete(child);
        for (const frame of owners.values()) if (frame.by.has(leader(parent))) frame.by.add(child);
      }
    } else {
      // Frames that nobody else maps are freed by events of their own.
      const [, pid, exec] = step;
      if (leader(pid) !== pid) {
        leaders.delete(pid);
        for (const frame of exec && fresh.get(pid) || []) if (owners.has(frame)) owners.get(frame).by = new Set([pid]);
        continue;
      }
      for (const frame of owners.values()) if (frame.by.size > 1) frame.by.delete(pid);
    }
  }
  return owners;
}

function drawArrow(brush, from, to) {
  const angle = Math.atan2(to[1] - from[1], to[0] - from[0]);
  brush.beginPath();
  brush.moveTo(...from);
  brush.lineTo(...to);
  brush.stroke();
  brush.beginPath();
  brush.moveTo(...to);
  for (const turn of [2.6, -2.6]) brush.lineTo(to[0] + 7 * Math.cos(angle + turn), to[1] + 7 * Math.sin(angle + turn));
  brush.fill();
}

function drawFrames() {
  const area = get("frames"), last = until(), owners = framesAt(last);
  const shown = [...owners.keys()].sort((a, b) => a - b);
  const side = 14, columns = Math.max(1, Math.floor(area.getBoundingClientRect().width / side));
  area.style.height = Math.max(side, Math.ceil(shown.length / columns) * side) + "px";
  fit(area);
  const brush = area.getContext("2d"), place = new Map();
  brush.clearRect(0, 0, 1e5, 1e5);
  brush.font = "10px ui-monospace,monospace";
  const mapped = [];
  shown.slice(0, 20000).forEach((frame, number) => {
    const x = number % columns * side, y = Math.floor(number / columns) * side;
    const { owner, use, by } = owners.get(frame);
    place.set(frame, [x + side / 2, y + side / 2]);
    brush.fillStyle = colorOf.get(owner) || "#777";
    brush.fillRect(x, y, side - 1, side - 1);
    brush.fillStyle = "#fff";
    brush.fillText(by.size > 1 ? String(Math.min(9, by.size)) : use, x + 4, y + 10);
    if (by.size) mapped.push("0x" + frame.toString(16) + "  " + [...by].sort((a, b) => a - b).map(nameOf).join("  "));
  });
  brush.strokeStyle = brush.fillStyle = style("--mark");
  let copies = 0;
  for (const [event, old, copy] of data.frames.copies) {
    if (event > last) break;
    copies++;
    const from = place.get(old), to = place.get(copy);
    if (from && to) drawArrow(brush, from, to);
  }
  get("copies").textContent = shown.length + " frames allocated since the trace began, " + copies +
    " copied on write (arrows). p private, 2 to 9 private and mapped by so many, f file, D page directory, T page table, K kernel stack, i pipe.";
  get("mapped").textContent = mapped.slice(0, 500).join("\n") +
    (mapped.length > 500 ? "\n" + (mapped.length - 500) + " more" : "");
}

// The priority lists at the cursor: who is on them, and in which array.
function showQueues() {
  const last = until(), prios = new Map();
  const cpuOf = new Map();
  const at = list => list.filter(([, , from, to]) => from <= cursor && cursor < to);
  const near = list => at(list.slice(firstAfter(list, cursor), firstAfter(list, cursor) + 4));
  const running = new Map();
  for (let cpu = 0; cpu < data.cpus; cpu++)
    for (const run of near(rows[cpu].runs)) { running.set(cpu, run[0]); cpuOf.set(run[0], cpu); }
  for (const row of byPid.values()) for (const wait of near(row.waits)) cpuOf.set(row.pid, wait[1]);
  const swapped = new Map();
  for (const [event, pid, prio, expired] of data.lists) {
    if (event > last) break;
    if (pid < 0) swapped.set(prio, event); else prios.set(pid, [prio, expired, event]);
  }
  const lines = [];
  for (let cpu = 0; cpu < data.cpus; cpu++) {
    const runs = running.get(cpu);
    lines.push("CPU " + cpu + "  " + (runs === undefined ? "idle" : nameOf(runs) + " runs"));
    const arrays = { active: new Map(), expired: new Map() };
    for (const [pid, where] of cpuOf) {
      if (where !== cpu || !prios.has(pid)) continue;
      const [prio, expired, event] = prios.get(pid);
      const array = arrays[expired && event > (swapped.get(cpu) || -1) ? "expired" : "active"];
      if (!array.has(prio)) array.set(prio, []);
      array.get(prio).push(pid === runs ? "[" + nameOf(pid) + "]" : nameOf(pid));
    }
    for (const [name, array] of Object.entries(arrays)) {
      lines.push("  " + name + (array.size ? "" : "  empty"));
      for (const prio of [...array.keys()].sort((a, b) => a - b))
        lines.push("    " + String(prio).padStart(3) + "  " + array.get(prio).join("  "));
    }
  }
  get("queues").textContent = lines.join("\n");
}

// The processes that exist at the cursor, with those that have ended.
function showTree() {
  const alive = data.tasks.filter(([, , , born, ended]) => born <= cursor && (ended === null || ended >= cursor));
  const lines = [], done = new Set();
  const put = (pid, depth) => {
    for (const [child, name, parent] of alive)
      if (parent === pid && !done.has(child)) {
        done.add(child);
        lines.push("  ".repeat(depth) + child + ":" + name);
        put(child, depth + 1);
      }
  };
  const known = new Set(alive.map(task => task[0]));
  for (const [, , parent] of alive) if (!known.has(parent)) put(parent, 0);
  get("tree").textContent = lines.join("\n");
}

function showEvent() {
  const box = get("event");
  if (selected < 0) { box.textContent = "none selected"; return; }
  const line = events.line[selected];
  box.textContent = "#" + events.seq[selected] + "  tick " + events.tick[selected] + "  CPU " + events.cpu[selected] +
    "  " + events.pid[selected] + ":" + (data.names[events.pid[selected]] || "") + "  " +
    events.kinds[events.kind[selected]] + " " + events.text[selected] + (line ? "   (line " + line + ")" : "");
  for (const old of document.querySelectorAll("#source .here")) old.classList.remove("here");
  const place = get("source").children[line - 1];
  if (place) { place.classList.add("here"); place.scrollIntoView({ block: "nearest" }); }
}

function draw() {
  wanted = false;
  drawTimeline();
}
function redraw() {
  if (!wanted) { wanted = true; requestAnimationFrame(draw); }
}
function settle() {
  get("time").value = cursor;
  get("now").textContent = "tick " + Math.round(cursor);
  showQueues(); showTree(); showEvent(); drawFrames(); redraw();
}
function select(event) {
  if (!count) return;
  selected = Math.min(count - 1, Math.max(0, event));
  cursor = events.tick[selected];
  if (cursor < view.from || cursor > view.to) move(cursor - (view.from + view.to) / 2);
  settle();
}
function bound() {
  const span = Math.min(end, Math.max(0.5, view.to - view.from));
  view.from = Math.max(0, Math.min(end - span, view.from));
  view.to = view.from + span;
}
function zoom(factor, around) {
  view.from = around - (around - view.from) * factor;
  view.to = around + (view.to - around) * factor;
  bound(); redraw();
}
function move(ticks) { view.from += ticks; view.to += ticks; bound(); redraw(); }

canvas.addEventListener("wheel", e => {
  e.preventDefault();
  const box = canvas.getBoundingClientRect();
  if (e.shiftKey) move((view.to - view.from) * Math.sign(e.deltaY) / 10);
  else zoom(e.deltaY > 0 ? 1.25 : 0.8, tickAt(e.clientX - box.left, box.width));
}, { passive: false });
const fingers = new Map();
let dragged = 0;
canvas.addEventListener("pointerdown", e => { canvas.setPointerCapture(e.pointerId); fingers.set(e.pointerId, [e.clientX, e.clientY]); dragged = 0; });
canvas.addEventListener("pointermove", e => {
  const before = fingers.get(e.pointerId);
  if (!before) return;
  const box = canvas.getBoundingClientRect(), perPixel = (view.to - view.from) / (box.width - LABEL);
  if (fingers.size === 2) {
    const other = [...fingers].find(([id]) => id !== e.pointerId)[1];
    const old = Math.abs(before[0] - other[0]), now = Math.abs(e.clientX - other[0]);
    if (old > 5 && now > 5) zoom(old / now, tickAt((e.clientX + other[0]) / 2 - box.left, box.width));
  } else {
    move((before[0] - e.clientX) * perPixel);
    const most = Math.max(0, rows.length * ROW + AXIS - box.height);
    view.top = Math.min(most, Math.max(0, view.top + before[1] - e.clientY));
  }
  dragged += Math.abs(e.clientX - before[0]) + Math.abs(e.clientY - before[1]);
  fingers.set(e.pointerId, [e.clientX, e.clientY]);
});
canvas.addEventListener("pointerup", e => {
  fingers.delete(e.pointerId);
  if (dragged > 4) return;
  const box = canvas.getBoundingClientRect(), tick = tickAt(e.clientX - box.left, box.width);
  const row = rows[Math.floor((e.clientY - box.top - AXIS + view.top) / ROW)];
  cursor = Math.max(0, Math.min(end, tick));
  // The event of that row nearest to the click.
  const fits = i => !row || (row.pid === undefined ? events.cpu[i] === row.cpu : events.pid[i] === row.pid);
  let back = firstEvent(tick) - 1, on = back + 1;
  while (back >= 0 && !fits(back)) back--;
  while (on < count && !fits(on)) on++;
  const nearer = on >= count || back >= 0 && tick - events.tick[back] <= events.tick[on] - tick;
  const found = nearer ? back : on;
  if (found >= 0 && found < count) selected = found;
  settle();
});
canvas.addEventListener("pointercancel", e => fingers.delete(e.pointerId));
document.addEventListener("keydown", e => {
  if (e.target.tagName === "INPUT" || e.ctrlKey || e.metaKey || e.altKey) return;
  const span = view.to - view.from, middle = (view.from + view.to) / 2;
  const act = {
    ArrowLeft: () => move(-span / 8), ArrowRight: () => move(span / 8),
    "+": () => zoom(0.5, middle), "=": () => zoom(0.5, middle), "-": () => zoom(2, middle),
    0: () => zoom(1e9, middle), n: () => select(selected + 1), p: () => select(selected - 1),
  }[e.key];
  if (act) { e.preventDefault(); act(); }
});
get("time").max = end;
get("time").addEventListener("input", e => { cursor = +e.target.value; selected = -1; settle(); });
new ResizeObserver(redraw).observe(canvas);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", settle);

get("summary").textContent = end + " ticks, " + data.cpus + (data.cpus === 1 ? " CPU, " : " CPUs, ") +
  data.tasks.length + " tasks, " + count + " events" + (data.dropped ? "; " + data.dropped + " older events were dropped" : "");
data.source.forEach((line, number) => {
  const place = document.createElement("div");
  place.textContent = String(number + 1).padStart(4) + "  " + line;
  get("source").append(place);
});
get("console").textContent = data.printed.join("\n");
const table = get("tasks");
for (const cells of [["task", "parent", "born", "ended"], ...data.tasks.slice(0, 2000).map(([pid, name, parent, born, ended]) => [pid + ":" + name, parent, born, ended === null ? "-" : ended])]) {
  const row = table.insertRow();
  for (const text of cells) row.insertCell().textContent = text;
}
canvas.style.height = Math.min(600, Math.max(120, rows.length * ROW + AXIS + 8)) + "px";
// What tests and other tools may ask for.
window.forklab = { data, view, select, zoom, move, redraw, draw: drawTimeline, get selected() { return selected; }, get cursor() { return cursor; } };
settle();
})();
