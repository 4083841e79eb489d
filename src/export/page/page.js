"use strict";
(() => {
const get = id => document.getElementById(id);
const data = JSON.parse(get("data").textContent);
const events = data.events, count = events.tick.length;
const COLORS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999933"];
const ROW = 28, BAR = 14, AXIS = 34, LETTER = 7.3, GRAIN = 2;

// Numbers and ticks are told by how much they rise.
for (const column of [events.seq, events.tick])
  for (let i = 1; i < count; i++) column[i] += column[i - 1];

// Time: the events of a tick are spread over it in their order, and the cursor stands at an event.
const times = new Float64Array(count + 1), places = new Uint32Array(count), crowds = new Uint32Array(count);
let crowd = 1;
for (let first = 0, next = 0; first < count; first = next) {
  while (next < count && events.tick[next] === events.tick[first]) next++;
  for (let i = first; i < next; i++) {
    places[i] = i - first;
    crowds[i] = next - first;
    times[i] = events.tick[first] + places[i] / crowds[i];
  }
  crowd = Math.max(crowd, next - first);
}
const begin = data.from;
const end = Math.max(data.to, begin + 1, count ? events.tick[count - 1] + 1 : 0);
times[count] = end;
const timeOf = event => event < 0 ? begin : times[event];
// So much time is seen at least: a few events of the busiest tick.
const LEAST = 4 / (crowd + 3);

// The first of some rising numbers that is not below a value.
function lower(list, value, low = 0, high = list.length) {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}

// The same for a place that is not far behind a known one.
function onward(list, value, low) {
  let step = 1;
  while (low + step < list.length && list[low + step] < value) step *= 2;
  return lower(list, value, low + (step >> 1), Math.min(list.length, low + step));
}

// Some of the spans in columns, in the order of time, with the time that they fill up to each.
function spansOf({ pid, cpu, first, last }, chosen = []) {
  const count = chosen.length, pick = column => Int32Array.from(chosen, i => column[i]);
  const spans = { count, pids: pick(pid), cpus: pick(cpu), first: pick(first), last: pick(last),
    from: new Float64Array(count), to: new Float64Array(count), sum: new Float64Array(count + 1) };
  for (let i = 0; i < count; i++) {
    spans.from[i] = timeOf(spans.first[i]);
    spans.to[i] = timeOf(spans.last[i]);
    spans.sum[i + 1] = spans.sum[i] + spans.to[i] - spans.from[i];
  }
  return spans;
}
// The span that an event lies in, or -1.
function spanAt(spans, event) {
  const i = lower(spans.first, event + 1) - 1;
  return i >= 0 && event < spans.last[i] ? i : -1;
}
// The numbers of the items of a column that are equal, by their value.
function groups(column) {
  const all = new Map();
  for (let i = 0; i < column.length; i++) {
    const group = all.get(column[i]);
    if (group) group.push(i); else all.set(column[i], [i]);
  }
  return all;
}

// The rows: the CPUs, and below them the tasks in the order of their pids. A row has the events of
// its task; those in which no task takes part are with their CPU.
const names = new Map(data.tasks.map(task => [task.pid, task.name]));
const nameOf = pid => names.has(pid) ? pid + ":" + names.get(pid) : String(pid);
const { runs, waits } = data;
const runsOf = groups(runs.pid), waitsOf = groups(waits.pid), runsOn = groups(runs.cpu);
const pids = [...events.pid.reduce((all, pid) => all.add(pid), new Set([...names.keys(), ...runsOf.keys(), ...waitsOf.keys()]))]
  .filter(pid => pid > 0).sort((a, b) => a - b);
const colorOf = new Map(pids.map((pid, number) => [pid, COLORS[number % COLORS.length]]));
const rows = [], rowOf = new Map();
for (let cpu = 0; cpu < data.cpus; cpu++)
  rows.push({ label: "CPU " + cpu, cpu, runs: spansOf(runs, runsOn.get(cpu)), waits: spansOf(waits), marks: [], at: [] });
for (const pid of pids) {
  const row = { label: nameOf(pid), pid, runs: spansOf(runs, runsOf.get(pid)), waits: spansOf(waits, waitsOf.get(pid)), marks: [], at: [] };
  rowOf.set(pid, row);
  rows.push(row);
}
const rowWith = event => rowOf.get(events.pid[event]) || rows[events.cpu[event]] || rows[0];
for (let event = 0; event < count; event++) {
  const row = rowWith(event);
  row.marks.push(event);
  row.at.push(times[event]);
}

// The values of events are read in parts, when they are looked at.
const parts = [...document.querySelectorAll(".values")];
const LENGTH = 1000;
function textOf(event) {
  const part = Math.floor(event / LENGTH);
  if (parts[part] instanceof Element) parts[part] = JSON.parse(parts[part].textContent);
  const values = parts[part][event % LENGTH].split("\t");
  return events.kinds[events.kind[event]].slice(1).map((name, i) => name + "=" + values[i]).join(" ");
}
const kindOf = event => events.kinds[events.kind[event]][0];

const view = { from: begin, to: end, top: 0 };
let cursor = count ? 0 : -1, wanted = false, stale = true, drawn = 0;

const canvas = get("timeline"), pen = canvas.getContext("2d"), ink = {};
let width = 1, height = 1, gutter = 110;
function fit(target) {
  const ratio = window.devicePixelRatio || 1, box = target.getBoundingClientRect();
  const across = Math.max(1, Math.round(box.width * ratio)), down = Math.max(1, Math.round(box.height * ratio));
  if (target.width !== across || target.height !== down) { target.width = across; target.height = down; }
  target.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
  return box;
}
function readColors() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["back", "text", "dim", "line", "mark"]) ink[name] = style.getPropertyValue("--" + name).trim();
}
function measure() {
  ({ width, height } = fit(canvas));
  gutter = Math.min(120, Math.round(width * 0.27));
}
const xOf = time => gutter + (time - view.from) / (view.to - view.from) * (width - gutter);
const timeAt = x => view.from + (x - gutter) / (width - gutter) * (view.to - view.from);

// Draws the spans of a row. Those below a pixel become bars of two, which are the stronger the more
// of them they fill, and equal bars side by side become one.
function drawSpans(spans, paint) {
  const pixel = (view.to - view.from) / (width - gutter);
  let bar = null;
  const put = (i, x, wide, strong, mixed) => {
    if (bar && bar.x + bar.wide === x && bar.strong === strong && bar.mixed === mixed && (mixed || spans.pids[bar.i] === spans.pids[i])) {
      bar.wide += wide;
      return;
    }
    if (bar) paint(bar);
    bar = { i, x, wide, strong, mixed };
  };
  for (let i = lower(spans.to, view.from); i < spans.count && spans.from[i] < view.to;) {
    const left = Math.max(gutter, xOf(spans.from[i])), right = Math.min(width, xOf(spans.to[i]));
    if (right - left >= 1) { put(i, left, right - left, 1, false); i++; continue; }
    const column = Math.floor(left);
    const next = Math.max(i + 1, onward(spans.to, timeAt(column + GRAIN), i));
    const filled = Math.min(1, (spans.sum[next] - spans.sum[i]) / pixel / GRAIN);
    let mixed = false;
    for (let j = i + 1; j < next && j < i + 8; j++) mixed = mixed || spans.pids[j] !== spans.pids[i];
    put(i, column, GRAIN, 0.4 + Math.round(filled * 4) * 0.15, mixed);
    i = next;
  }
  if (bar) paint(bar);
}
// Draws the events of a row: a line each, and a block for those that are too close to each other.
function drawMarks(row, y) {
  const last = lower(row.at, view.to);
  pen.fillStyle = ink.dim;
  let free = -1, block = -1, until = -1;
  const put = () => { if (block >= 0) pen.fillRect(block, y + BAR + 5, until - block, 7); block = -1; };
  for (let i = lower(row.at, view.from); i < last;) {
    const x = xOf(row.at[i]), next = Math.min(last, Math.max(i + 1, onward(row.at, timeAt(x + 3), i)));
    if (next - i > 1) {
      if (x > until + 1) put();
      if (block < 0) block = x;
      until = x + 3;
      i = next;
      continue;
    }
    pen.fillRect(x, y + BAR + 4, 1.5, 9);
    if (x > free) {
      const kind = kindOf(row.marks[i]), room = next < last ? xOf(row.at[next]) - x : width - x;
      if (room > kind.length * 6 + 8) { pen.fillText(kind, x + 4, y + BAR + 13); free = x + kind.length * 6 + 8; }
    }
    i = next;
  }
  put();
}
function drawAxis() {
  let step = 1;
  while ((width - gutter) / ((view.to - view.from) / step) < 70) step *= step.toString()[0] === "2" ? 2.5 : 2;
  pen.fillStyle = ink.dim;
  for (let tick = Math.ceil(view.from / step) * step; tick <= view.to; tick += step) {
    const x = xOf(tick), label = (step === 1 && view.to - view.from < 20 ? "tick " : "") + tick;
    if (x + 3 + label.length * LETTER < width) pen.fillText(label, x + 3, 12);
    pen.fillStyle = ink.line;
    pen.fillRect(x, 0, 1, height);
    pen.fillStyle = ink.dim;
  }
  // Within a tick time is told by the numbers of events.
  if (view.to - view.from > 5) return;
  for (let i = lower(times, view.from, 0, count); i < count && times[i] <= view.to;) {
    const x = xOf(times[i]), label = "#" + events.seq[i];
    if (x + 3 + label.length * LETTER < width) pen.fillText(label, x + 3, 27);
    pen.fillRect(x, 18, 1, 12);
    i = Math.max(i + 1, lower(times, timeAt(x + 64), i, count));
  }
}
function drawTimeline() {
  measure();
  pen.clearRect(0, 0, width, height);
  pen.font = "12px ui-monospace,Menlo,Consolas,monospace";
  drawAxis();
  const first = Math.floor(view.top / ROW), after = Math.ceil((view.top + height - AXIS) / ROW);
  pen.save();
  pen.beginPath();
  pen.rect(0, AXIS - 2, width, height);
  pen.clip();
  for (let number = Math.max(0, first); number < Math.min(rows.length, after); number++) {
    const row = rows[number], y = AXIS + number * ROW - view.top;
    pen.font = "12px ui-monospace,Menlo,Consolas,monospace";
    pen.fillStyle = ink.text;
    pen.fillText(row.label.slice(0, Math.floor((gutter - 4) / LETTER)), 2, y + 13);
    pen.fillStyle = ink.dim;
    drawSpans(row.waits, ({ x, wide }) => {
      for (let dash = 0; dash < wide; dash += 7) pen.fillRect(x + dash, y + BAR / 2 + 1, Math.min(4, wide - dash), 2);
    });
    drawSpans(row.runs, ({ i, x, wide, strong, mixed }) => {
      const pid = row.runs.pids[i], color = mixed ? ink.text : colorOf.get(pid);
      pen.globalAlpha = strong;
      pen.fillStyle = color;
      pen.fillRect(x, y + 2, wide, BAR);
      pen.globalAlpha = 1;
      const label = strong < 1 ? "" : row.pid === undefined ? nameOf(pid) : data.cpus > 1 ? String(row.runs.cpus[i]) : "";
      const fits = Math.floor((wide - 6) / LETTER);
      if (label && fits >= Math.min(label.length, 3)) {
        pen.fillStyle = color === COLORS[0] ? "#fff" : "#000";
        pen.fillText(label.slice(0, fits), x + 3, y + 13);
      }
    });
    pen.font = "10px ui-monospace,Menlo,Consolas,monospace";
    drawMarks(row, y);
  }
  if (cursor >= 0) {
    const x = xOf(times[cursor]), y = AXIS + rows.indexOf(rowWith(cursor)) * ROW - view.top;
    if (x >= gutter && x <= width) {
      pen.fillStyle = ink.mark;
      pen.fillRect(x, 0, 1.5, height);
      pen.beginPath();
      pen.arc(x + 0.75, y + BAR + 8.5, 5, 0, 7);
      pen.fill();
    }
  }
  pen.restore();
  drawn++;
}

// The frames in use after an event: who allocated each, what for, and which address spaces map it.
// Going on from where it was looked at last costs only what has happened since.
let steps = null, world = null;
function framesAt(last) {
  if (!steps) {
    const all = data.frames;
    steps = [];
    for (const [kind, list] of [["change", all.changes], ["copy", all.copies], ["fork", all.forks], ["left", all.left]])
      for (const step of list) steps.push([step[0], kind, step]);
    steps.sort((a, b) => a[0] - b[0]);
  }
  // The private frames that a task allocated since it last made a page directory: exec makes one
  // before it leaves the old address space.
  if (!world || world.last > last) world = { next: 0, copies: [], owners: new Map(), leaders: new Map(), fresh: new Map() };
  world.last = last;
  for (; world.next < steps.length && steps[world.next][0] <= last; world.next++) follow(steps[world.next]);
  return world;
}
function follow([, kind, step]) {
  const { owners, leaders, fresh, copies } = world;
  const leader = pid => leaders.has(pid) ? leaders.get(pid) : pid;
  if (kind === "change") {
    const [, first, frames, owner, use] = step;
    if (use === "D") fresh.set(owner, []);
    if (use === "p" && fresh.has(owner)) fresh.get(owner).push(first);
    for (let frame = first; frame < first + frames; frame++)
      if (owner < 0) owners.delete(frame);
      else owners.set(frame, { owner, use, by: new Set(use === "p" ? [leader(owner)] : []) });
  } else if (kind === "copy") {
    copies.push(step);
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
      return;
    }
    for (const frame of owners.values()) if (frame.by.size > 1) frame.by.delete(pid);
  }
}

const ARROWS = 100;
const USES = { p: "private", f: "file", D: "page directory", T: "page table", K: "kernel stack", i: "pipe" };
const plural = (number, one) => number + " " + one + (number === 1 ? "" : "s");
const hex = number => "0x" + number.toString(16);
function showFrames() {
  const { owners, copies } = framesAt(cursor);
  const shown = [...owners.keys()].sort((a, b) => a - b), uses = {};
  for (const { use } of owners.values()) uses[use] = (uses[use] || 0) + 1;
  const mapped = shown.filter(frame => owners.get(frame).by.size);
  const line = frame => hex(frame) + "  " + [...owners.get(frame).by].sort((a, b) => a - b).map(nameOf).join("  ");
  const what = Object.keys(USES).filter(use => uses[use]).map(use => uses[use] + " " + USES[use] + " (" + use + ")").join(", ");
  const last = copies.slice(-3).map(([event, old, copy, pid]) => nameOf(pid) + " " + hex(old) + " to " + hex(copy) + " at #" + events.seq[event]);
  get("copies").textContent = plural(shown.length, "frame") + " allocated since the trace began" + (what && ": " + what) +
    ". 2 to 9: private, and mapped by so many. " + copies.length + " copied on write (arrows" + (copies.length > ARROWS ? ", the last " + ARROWS : "") + ")" +
    (last.length ? ", last: " + last.join(", ") : "") + ".";
  get("mapped").textContent = mapped.slice(0, 500).map(line).join("\n") +
    (mapped.length > 500 ? "\n" + (mapped.length - 500) + " more" : "");
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
  stale = false;
  const area = get("frames"), { owners, copies } = framesAt(cursor);
  const shown = [...owners.keys()].sort((a, b) => a - b).slice(0, 20000);
  const side = 14, columns = Math.max(1, Math.floor(area.getBoundingClientRect().width / side));
  area.style.height = Math.max(side, Math.ceil(shown.length / columns) * side) + "px";
  fit(area);
  const brush = area.getContext("2d"), place = new Map();
  brush.clearRect(0, 0, 1e5, 1e5);
  brush.font = "10px ui-monospace,Menlo,Consolas,monospace";
  shown.forEach((frame, number) => {
    const x = number % columns * side, y = Math.floor(number / columns) * side;
    const { owner, use, by } = owners.get(frame), color = colorOf.get(owner) || "#666";
    place.set(frame, [x + side / 2, y + side / 2]);
    brush.fillStyle = color;
    brush.fillRect(x, y, side - 1, side - 1);
    brush.fillStyle = color === COLORS[0] || color === "#666" ? "#fff" : "#000";
    brush.fillText(by.size > 1 ? String(Math.min(9, by.size)) : use, x + 4, y + 10);
  });
  brush.strokeStyle = brush.fillStyle = ink.mark;
  for (const [, old, copy] of copies.slice(-ARROWS)) {
    const from = place.get(old), to = place.get(copy);
    if (from && to) drawArrow(brush, from, to);
  }
}

// Who has each CPU after an event: the spans of its row.
const running = event => rows.slice(0, data.cpus).map(row => {
  const i = spanAt(row.runs, event);
  return i < 0 ? undefined : row.runs.pids[i];
});
// The priority lists after an event: who is on them, and in which array.
function showQueues() {
  const runs = running(cursor), cpuOf = new Map(), prios = new Map(), swapped = new Map();
  runs.forEach((pid, cpu) => { if (pid !== undefined) cpuOf.set(pid, cpu); });
  for (const [pid, row] of rowOf) {
    const i = spanAt(row.waits, cursor);
    if (i >= 0) cpuOf.set(pid, row.waits.cpus[i]);
  }
  for (const [event, pid, prio, expired] of data.lists) {
    if (event > cursor) break;
    if (pid < 0) swapped.set(prio, event); else prios.set(pid, [prio, expired, event]);
  }
  const lines = [];
  for (let cpu = 0; cpu < data.cpus; cpu++) {
    lines.push("CPU " + cpu + "  " + (runs[cpu] === undefined ? "idle" : nameOf(runs[cpu]) + " runs"));
    const arrays = { active: new Map(), expired: new Map() };
    for (const [pid, where] of cpuOf) {
      if (where !== cpu) continue;
      const [prio, expired, event] = prios.get(pid) || ["?", false, 0];
      const array = arrays[expired && event > (swapped.get(cpu) ?? -1) ? "expired" : "active"];
      if (!array.has(prio)) array.set(prio, []);
      array.get(prio).push(pid === runs[cpu] ? "[" + nameOf(pid) + "]" : nameOf(pid));
    }
    for (const [name, array] of Object.entries(arrays)) {
      lines.push("  " + name + (array.size ? "" : "  empty"));
      for (const prio of [...array.keys()].sort((a, b) => a - b))
        lines.push("    " + String(prio).padStart(3) + "  " + array.get(prio).join("  "));
    }
  }
  get("queues").textContent = lines.join("\n");
}

// The processes that exist after an event.
function showTree() {
  const alive = data.tasks.filter(({ moments: [born, , gone] }) => (born === null || born <= cursor) && (gone === null || gone > cursor));
  const known = new Map(alive.map(task => [task.pid, { ...task, children: [] }]));
  for (const [event, child, parent] of data.adoptions) {
    if (event > cursor) break;
    const task = known.get(child);
    if (task && (task.moments[0] ?? -1) <= event) task.parent = parent;
  }
  const tops = [];
  for (const task of known.values()) (known.get(task.parent)?.children || tops).push(task);
  const lines = [];
  const put = (task, depth) => {
    const ended = task.moments[1] !== null && task.moments[1] <= cursor;
    lines.push("  ".repeat(depth) + nameOf(task.pid) + (ended ? "  zombie" : ""));
    for (const child of task.children) put(child, depth + 1);
  };
  for (const task of tops) put(task, 0);
  get("tree").textContent = lines.join("\n");
}

const momentOf = event => event < 0 ? "tick " + begin : event >= count ? "the end, tick " + data.to :
  "tick " + events.tick[event] + ", #" + events.seq[event];
function showWho() {
  const table = get("who");
  const near = rows.slice(0, data.cpus).flatMap(row => {
    const i = Math.max(0, lower(row.runs.first, cursor + 1) - 1), list = [];
    for (let j = Math.max(0, i - 4); j < Math.min(row.runs.count, i + 5); j++) list.push([row, j]);
    return list;
  });
  near.sort(([a, i], [b, j]) => a.runs.first[i] - b.runs.first[j]);
  fill(table, ["task", "CPU", "from", "until"], near.map(([row, i]) =>
    [nameOf(row.runs.pids[i]), row.cpu, momentOf(row.runs.first[i]), momentOf(row.runs.last[i])]));
  near.forEach(([row, i], number) => {
    if (row.runs.first[i] > cursor || cursor >= row.runs.last[i]) return;
    table.tBodies[0].rows[number].classList.add("here");
    table.tBodies[0].rows[number].setAttribute("aria-current", "true");
  });
}
// A table with a head; the first cell of a row names it.
function fill(table, head, body) {
  const cell = (row, text, scope) => {
    const cell = document.createElement(scope ? "th" : "td");
    if (scope) cell.scope = scope;
    cell.textContent = text;
    row.append(cell);
  };
  table.replaceChildren();
  const top = table.createTHead().insertRow(), rest = table.createTBody();
  for (const text of head) cell(top, text, "col");
  for (const cells of body) {
    const row = rest.insertRow();
    cells.forEach((text, number) => cell(row, text, number ? "" : "row"));
  }
}

function showEvent() {
  const box = get("event");
  if (cursor < 0) { box.textContent = "no events"; get("moment").textContent = "no events"; return; }
  const pid = events.pid[cursor], line = events.line[cursor];
  const what = (pid > 0 ? nameOf(pid) : "no task") + "  " + kindOf(cursor);
  const at = "#" + events.seq[cursor] + "  tick " + events.tick[cursor];
  const source = line ? "   (line " + line + ")" : "";
  box.textContent = at + "  CPU " + events.cpu[cursor] + "  " + what + " " + textOf(cursor) + source;
  const who = running(cursor).map((pid, cpu) => "CPU " + cpu + ": " + (pid === undefined ? "idle" : nameOf(pid) + " runs"));
  const moment = (at + " (" + (places[cursor] + 1) + " of " + crowds[cursor] + ") " + what + source + ". " + who.join(", ")).replace(/ +/g, " ");
  get("moment").textContent = moment;
  get("time").setAttribute("aria-valuetext", moment);
  for (const old of document.querySelectorAll("#source .here")) old.classList.remove("here");
  const place = get("source").children[line - 1];
  if (!place) return;
  place.classList.add("here");
  // Only the listing scrolls, never the page.
  const list = get("source"), top = place.offsetTop - list.offsetTop;
  if (top < list.scrollTop || top + place.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top - list.clientHeight / 2;
}

function draw() {
  wanted = false;
  drawTimeline();
  if (stale) drawFrames();
}
function redraw() {
  if (!wanted) { wanted = true; requestAnimationFrame(draw); }
}
function settle() {
  get("time").value = cursor;
  showEvent(); showWho(); showQueues(); showTree(); showFrames();
  stale = true;
  redraw();
}
// Goes to an event, and brings it into view.
function select(event) {
  if (!count) return;
  cursor = Math.min(count - 1, Math.max(0, event));
  const time = times[cursor];
  if (time < view.from || time > view.to) { move(time - (view.from + view.to) / 2); }
  const y = rows.indexOf(rowWith(cursor)) * ROW;
  if (y < view.top || y + ROW > view.top + height - AXIS) scroll(y - view.top - (height - AXIS - ROW) / 2);
  settle();
}
// Goes to the next event of the same task, or the one before.
function along(step) {
  if (!count) return;
  const { marks } = rowWith(cursor), i = lower(marks, cursor) + step;
  if (marks[i] !== undefined) select(marks[i]);
}
function bound() {
  const span = Math.min(end - begin, Math.max(LEAST, view.to - view.from));
  view.from = Math.max(begin, Math.min(end - span, view.from));
  view.to = view.from + span;
}
function zoom(factor, around) {
  const span = Math.min(end - begin, Math.max(LEAST, (view.to - view.from) * factor));
  view.from = around - (around - view.from) * span / (view.to - view.from);
  view.to = view.from + span;
  bound(); redraw();
}
function move(ticks) { view.from += ticks; view.to += ticks; bound(); redraw(); }
function scroll(pixels) {
  const most = Math.max(0, rows.length * ROW + AXIS - height);
  view.top = Math.min(most, Math.max(0, view.top + pixels));
  redraw();
}
// Keys zoom around the cursor, if it is seen.
function zoomHere(factor) {
  const time = cursor < 0 ? begin : times[cursor];
  zoom(factor, time >= view.from && time <= view.to ? time : (view.from + view.to) / 2);
}

canvas.addEventListener("wheel", e => {
  e.preventDefault();
  if (e.shiftKey) move((view.to - view.from) * Math.sign(e.deltaY || e.deltaX) / 10);
  else zoom(e.deltaY > 0 ? 1.25 : 0.8, timeAt(e.clientX - canvas.getBoundingClientRect().left));
}, { passive: false });
const fingers = new Map();
let dragged = 0;
canvas.addEventListener("pointerdown", e => { canvas.setPointerCapture(e.pointerId); fingers.set(e.pointerId, [e.clientX, e.clientY]); dragged = 0; });
canvas.addEventListener("pointermove", e => {
  const before = fingers.get(e.pointerId);
  if (!before) return;
  if (fingers.size === 2) {
    const other = [...fingers].find(([id]) => id !== e.pointerId)[1];
    const old = Math.abs(before[0] - other[0]), now = Math.abs(e.clientX - other[0]);
    if (old > 5 && now > 5) zoom(old / now, timeAt((e.clientX + other[0]) / 2 - canvas.getBoundingClientRect().left));
  } else {
    move((before[0] - e.clientX) * (view.to - view.from) / (width - gutter));
    scroll(before[1] - e.clientY);
  }
  dragged += Math.abs(e.clientX - before[0]) + Math.abs(e.clientY - before[1]);
  fingers.set(e.pointerId, [e.clientX, e.clientY]);
});
canvas.addEventListener("pointerup", e => {
  fingers.delete(e.pointerId);
  if (dragged > 4 || !count) return;
  const box = canvas.getBoundingClientRect(), x = e.clientX - box.left, time = timeAt(x);
  const row = rows[Math.floor((e.clientY - box.top - AXIS + view.top) / ROW)];
  // An event of that row under the pointer; otherwise the last one of all before that moment.
  let found = Math.max(0, lower(times, time, 0, count) - 1);
  if (row) {
    const on = lower(row.at, time), near = i => i >= 0 && i < row.at.length ? Math.abs(xOf(row.at[i]) - x) : Infinity;
    const i = near(on - 1) <= near(on) ? on - 1 : on;
    if (near(i) < 8) found = row.marks[i];
  }
  select(found);
});
canvas.addEventListener("pointercancel", e => fingers.delete(e.pointerId));
document.addEventListener("keydown", e => {
  if (e.target.tagName === "INPUT" || e.ctrlKey || e.metaKey || e.altKey) return;
  const span = view.to - view.from;
  const keys = {
    "+": () => zoomHere(0.5), "=": () => zoomHere(0.5), "-": () => zoomHere(2), 0: () => zoom(Infinity, begin),
    n: () => along(1), p: () => along(-1),
  };
  // These scroll the page, unless the timeline has the focus.
  if (document.activeElement === canvas || document.activeElement === document.body) Object.assign(keys, {
    ArrowLeft: () => e.shiftKey ? move(-span / 8) : select(cursor - 1),
    ArrowRight: () => e.shiftKey ? move(span / 8) : select(cursor + 1),
  });
  if (document.activeElement === canvas) Object.assign(keys, {
    ArrowUp: () => scroll(-ROW), ArrowDown: () => scroll(ROW), Home: () => select(0), End: () => select(count - 1),
  });
  const act = keys[e.key.length === 1 ? e.key.toLowerCase() : e.key];
  if (act) { e.preventDefault(); act(); }
});
get("time").max = Math.max(0, count - 1);
get("time").addEventListener("input", e => { if (count) select(+e.target.value); });
new ResizeObserver(redraw).observe(canvas);
new ResizeObserver(() => { stale = true; redraw(); }).observe(get("frames").parentElement);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColors(); stale = true; redraw(); });

get("summary").textContent = plural(data.to - begin, "tick") + ", " + plural(data.cpus, "CPU") + ", " +
  plural(data.tasks.length, "task") + ", " + plural(count, "event") + (data.dropped ? "; " + plural(data.dropped, "older event") + (data.dropped === 1 ? " was dropped" : " were dropped") : "");
canvas.setAttribute("aria-label", "Timeline: who had the CPU when, from tick " + begin + " to tick " + data.to + ", " +
  plural(data.cpus, "CPU") + " and " + plural(data.tasks.length, "task"));
data.source.forEach((line, number) => {
  const place = document.createElement("div");
  place.textContent = String(number + 1).padStart(4) + "  " + line;
  get("source").append(place);
});
/* What was printed, with the colours that the prompt has given it. */
function painted(text) {
  const codes = new Map();
  return text.split(/\x1b\[([0-9;]*)m/).map((part, nth) => {
    if (nth % 2 === 1) {
      if (part.startsWith("38;5;")) codes.set("colour", "ansi-35");
      else for (const code of part.split(";").map(Number)) {
        if (code === 0) codes.clear();
        else if (code === 22) ["1", "2"].forEach((weight) => codes.delete(weight));
        else if (code === 39) codes.delete("colour");
        else if (code < 10) codes.set(String(code), `ansi-${code}`);
        else codes.set("colour", `ansi-${code}`);
      }
      return "";
    }
    if (!codes.size) return part;
    const span = document.createElement("span");
    span.className = [...codes.values()].join(" ");
    span.textContent = part;
    return span;
  });
}
get("console").replaceChildren(...painted(data.printed.join("\n")));
const known = value => value === null ? "-" : value, LISTED = 2000;
fill(get("tasks"), ["task", "parent", "born", "ended", "ran", "waited"], data.tasks.slice(0, LISTED).map(task =>
  [nameOf(task.pid), task.parent || "-", known(task.born), known(task.ended), task.ran, task.waited]));
if (data.tasks.length > LISTED) get("tasks").createCaption().textContent = "the first " + LISTED + " of " + data.tasks.length;
const whole = rows.length * ROW + AXIS + 8;
canvas.style.height = Math.min(600, whole) + "px";
// A finger scrolls the page where there are no rows to be scrolled.
canvas.style.touchAction = whole > 600 ? "none" : "pan-y";
// What tests and other tools may ask for.
window.forklab = { data, view, times, select, zoom, move, rows, get cursor() { return cursor; }, get drawn() { return drawn; } };
readColors();
measure();
settle();
})();
