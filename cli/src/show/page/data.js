// What is shown, and where each thing lies: everything that does not depend on the window.

const shown = JSON.parse(document.getElementById("data").textContent);
const isTrace = shown.kind === "trace";
const isNarrow = matchMedia("(max-width: 860px)").matches;
const GUTTER = isNarrow ? 64 : 92;
const TOP = 28;

const $ = (id) => document.getElementById(id);

/** An HTML element: attributes, then children; a string is text and never markup. */
function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for SVG. */
function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((it) => it !== null && it !== undefined && it !== ""));
  return element;
}

const own = (client) => (client === null || client === undefined ? "" : `own${client % 8}`);

/** Everything of one run that drawing looks up, found once. */
function prepare(run) {
  const names = new Map(run.lanes.filter((it) => it.client !== null).map((it) => [it.client, it.name]));
  const prepared = { ...run, name: (client) => names.get(client) ?? `c${client}` };
  prepared.byClient = groupOps(run);
  prepared.marks = marksOf(run);
  prepared.atColumn = opsAtColumns(run);
  place(prepared);
  prepared.manyKeys = new Set(run.ops.map((it) => it.key)).size > 1;
  return prepared;
}

/** The operations of each client, with how far the bars before each one reach. */
function groupOps(run) {
  const groups = new Map();
  run.ops.forEach((op, index) => {
    if (!groups.has(op.client)) groups.set(op.client, { ops: [], reach: [] });
    groups.get(op.client).ops.push({ ...op, index, until: op.to ?? run.columns * 2 + 1 });
  });
  for (const group of groups.values()) {
    const next = new Map();
    for (const op of group.ops.toReversed()) {
      // An open operation makes way for the next one on its track.
      if (op.to === null) op.until = Math.min(op.until, (next.get(op.track) ?? Infinity) - 0.4);
      next.set(op.track, op.from);
    }
    let reach = 0;
    for (const op of group.ops) group.reach.push(reach = Math.max(reach, op.until));
  }
  return groups;
}

/** The index of the first element for which `is` holds; `is` is false, then true. */
function firstWhere(length, is) {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (is(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The operations of a client that touch these half columns. */
function opsBetween(group, from, to) {
  const begin = firstWhere(group.ops.length, (it) => group.reach[it] >= from);
  const end = firstWhere(group.ops.length, (it) => group.ops[it].from > to);
  return group.ops.slice(begin, end).filter((it) => it.until >= from);
}

/** What happens in each lane at which column: by the lane's key, sorted by column. */
function marksOf(run) {
  const marks = new Map();
  const add = (key, mark) => {
    if (!marks.has(key)) marks.set(key, []);
    marks.get(key).push(mark);
  };
  run.steps.forEach((step, index) => {
    const column = index + 1;
    const lane = step.client === null ? `moves ${step.verb}` : `client ${step.client}`;
    const own = step.calls.find((it) => it.client === step.client);
    add(lane, { column, shape: shapeOf(step, own), label: labelOf(step, own), step });
    if (["lose", "late", "crash", "restart"].includes(step.verb) && !step.moved) {
      add("faults", { column, shape: shapeOf(step, own), label: step.text, step });
    }
    for (const call of step.calls.filter((it) => it.client !== step.client)) {
      const label = `${call.asked}: ${call.answer}`;
      add(`client ${call.client}`, { column, shape: "ring", label, step });
    }
  });
  return marks;
}

/** Shapes stand beside colours: nobody needs to tell two colours apart. */
function shapeOf(step, call) {
  if (step.moved) return step.client === null ? "square" : "dot";
  const shapes = { lose: "cross", late: "diamond", crash: "down", restart: "up", reply: "ring" };
  if (shapes[step.verb]) return shapes[step.verb];
  return call && call.answer === "waits" ? "ring" : "dot";
}

function labelOf(step, call) {
  if (!call) return step.moved ? step.verb : step.verb === "apply" ? step.text : step.verb;
  const said = call.answer ? `${call.asked}: ${call.answer}` : call.asked;
  return step.verb === "apply" ? said : `${step.verb} ${said}`;
}

/** In a history: which operations begin or end at each column. */
function opsAtColumns(run) {
  const at = new Map();
  const add = (half, index) => {
    const column = Math.round(half / 2);
    if (!at.has(column)) at.set(column, []);
    if (!at.get(column).includes(index)) at.get(column).push(index);
  };
  if (!isTrace) {
    run.ops.forEach((op, index) => {
      add(op.from, index);
      if (op.returned !== null) add(op.to, index);
    });
  }
  return at;
}

/** How high each lane is, and where. */
function place(run) {
  let [y, pinned] = [TOP, 0];
  const close = run.lanes.filter((it) => it.kind === "client").length > FEW;
  run.rows = run.lanes.map((lane, index) => {
    const row = { ...lane, index, y, key: keyOfLane(lane) };
    row.hasMarks = run.marks.has(row.key);
    row.arrows = run.arrows.filter((it) => lane.kind === "client" && it.client === lane.client);
    row.branches = run.branches.filter((it) => it.lane === index);
    row.beliefs = run.beliefs.filter((it) => lane.kind === "client" && it.client === lane.client);
    row.leases = run.leases.filter((it) => lane.kind === "lock" && it.lock === lane.name);
    row.height = heightOf(row, close);
    // Among many clients the lock and the head stay in sight.
    const heads = run.lanes.findIndex((it) => it.kind === "state");
    row.pinned = close && (lane.kind === "lock" || index === heads) && y === TOP + pinned;
    if (row.pinned) pinned += row.height;
    y += row.height;
    return row;
  });
  // A line of its own for what is said about the end.
  run.height = y + (run.recorded < run.columns ? 22 : 8);
  run.pinned = pinned;
  run.rowOf = new Map(run.rows.filter((it) => it.kind === "client").map((it) => [it.client, it]));
}

function keyOfLane(lane) {
  if (lane.kind === "client") return `client ${lane.client}`;
  return lane.kind === "moves" ? `moves ${lane.name}` : lane.kind;
}

/** More clients than this are drawn close together. */
const FEW = 6;

function heightOf(row, close) {
  row.middle = { lock: 19, state: 20, moves: 16, faults: 16, chance: 24 }[row.kind];
  switch (row.kind) {
    case "client": {
      row.barsY = row.beliefs.length && !close ? 15 : 0;
      row.pitch = close ? 22 : 25;
      row.dip = close ? 14 : 20;
      const bars = row.tracks ? 9 + row.tracks * row.pitch : 2;
      row.middle = row.barsY + (row.tracks ? 17 : 13);
      row.marksY = row.barsY + bars + (close ? 6 : 10);
      row.arrowsY = row.barsY + bars + (row.hasMarks ? (close ? 16 : 24) : 0);
      return Math.max(30, row.arrowsY + (row.arrows.length ? row.dip + 9 : 5));
    }
    case "lock": return 50;
    case "chance": return 62;
    case "state": return row.branches.length ? 86 : 40;
    default: return 32;
  }
}
