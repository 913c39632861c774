// The window on the lanes: where it is scrolled to, how wide its columns are, the overview of all.

const view = {
  run: null, column: 24, cursor: 0, hover: 0, chosenWay: 0, pending: false,
  found: { ops: new Set(), columns: new Set() },
};

const scroller = $("scroller");
const canvas = svg("svg", { role: "img" });
$("sizer").append(canvas);

/** Right of the last column, so that its end can be seen. */
const MARGIN = 24;
const roomFor = () => Math.max(120, scroller.clientWidth - GUTTER - MARGIN);

/** Columns as wide as the window allows, where all of them fit; else as wide as reads well. */
function fitColumns() {
  const fitting = roomFor() / Math.max(1, view.run.columns);
  view.column = Math.min(150, Math.max(isTrace ? 34 : 20, fitting));
}

function zoom(by) {
  const middle = view.cursor || 1;
  view.column = Math.min(240, Math.max(3, view.column * by));
  size();
  reveal(middle, true);
  redraw();
}

/** Gives the lanes their full size, so that the window scrolls over it. */
function size() {
  const width = GUTTER + view.column * view.run.columns + MARGIN;
  $("sizer").style.width = `${Math.max(width, scroller.clientWidth)}px`;
  const bar = width > scroller.clientWidth + 1 ? 16 : 0;
  scroller.style.height = `${view.run.height + bar}px`;
  $("sizer").style.height = `${view.run.height}px`;
  $("overview").hidden = width <= scroller.clientWidth + 1;
}

/** Scrolls as little as shows a column. */
function reveal(column, centred = false) {
  const x = (column - 1) * view.column;
  const [left, room] = [scroller.scrollLeft, roomFor()];
  const margin = Math.min(room / 4, 3 * view.column);
  if (centred) scroller.scrollLeft = x - room / 2;
  else if (x < left + margin) scroller.scrollLeft = x - margin;
  else if (x + view.column > left + room - margin) scroller.scrollLeft = x + view.column + margin - room;
}

/** Scrolls a client's lane into sight. */
function revealLane(column) {
  const step = view.run.steps[column - 1];
  const op = view.run.ops[(view.run.atColumn.get(column) ?? [])[0]];
  const row = view.run.rowOf.get(step ? step.client : op?.client);
  if (!row) return;
  if (row.pinned) return;
  const above = TOP + view.run.pinned;
  const [top, height] = [scroller.scrollTop, scroller.clientHeight];
  if (row.y - above < top) scroller.scrollTop = row.y - above - 8;
  else if (row.y + row.height > top + height) scroller.scrollTop = row.y + row.height - height;
}

/** Draws once before the next frame, however often it is asked for. */
function redraw() {
  if (view.pending) return;
  view.pending = true;
  requestAnimationFrame(() => {
    view.pending = false;
    // First what asks where things are, then what moves them.
    drawOverview();
    draw(scroller.scrollLeft, scroller.scrollTop, scroller.clientWidth,
      Math.min(scroller.clientHeight, view.run.height));
  });
}

function draw(left, top, width, height) {
  canvas.setAttribute("width", width);
  canvas.setAttribute("height", height);
  canvas.setAttribute("viewBox", `0 0 ${width} ${height}`);
  canvas.setAttribute("aria-label", `${shown.title}: ${view.run.sentence}`);
  const drawing = new Drawing(view.run, {
    left, top, width: width - GUTTER, height, column: view.column, cursor: view.cursor,
    hover: view.hover, found: view.found, way: view.run.ways[view.chosenWay],
  });
  canvas.replaceChildren(...drawing.draw());
}

/** The column under a place in the window; 0 if there is none. */
function columnAt(event) {
  const box = canvas.getBoundingClientRect();
  const x = event.clientX - box.left - GUTTER + scroller.scrollLeft;
  const column = Math.floor(x / view.column) + 1;
  const inside = event.clientX - box.left > GUTTER && column >= 1 && column <= view.run.columns;
  return inside ? column : 0;
}

/** A colour by its name in the style; asked once for each theme. */
function colour(name) {
  const theme = document.documentElement.dataset.theme;
  if (view.colours?.theme !== theme) view.colours = { theme, known: new Map() };
  const { known } = view.colours;
  if (!known.has(name)) {
    known.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  }
  return known.get(name);
}

/** All of it on one strip: how much happens where, the failure, the window, what is pinned. */
function drawOverview() {
  const strip = $("overview");
  if (strip.hidden) return;
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [strip.clientWidth, strip.clientHeight];
  if (strip.width !== Math.round(width * ratio)) {
    strip.width = Math.round(width * ratio);
    strip.height = Math.round(height * ratio);
  }
  const pen = strip.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const x = (column) => (column / view.run.columns) * width;
  if (view.run.leases.length) drawLeases(pen, x, height);
  else drawDensity(pen, width, height, colour("--faint"));
  pen.fillStyle = colour("--pick-line");
  pen.globalAlpha = 0.18;
  const seen = [scroller.scrollLeft / view.column, (scroller.scrollLeft + roomFor()) / view.column];
  pen.fillRect(x(seen[0]), 0, Math.max(3, x(seen[1]) - x(seen[0])), height);
  pen.globalAlpha = 1;
  pen.fillRect(x(view.cursor - 0.5) - 1, 0, 2, height);
  pen.fillStyle = colour("--amber");
  for (const column of view.found.columns) pen.fillRect(x(column - 0.5) - 1, 0, 2, 6);
  if (!view.run.failed_at) return;
  pen.fillStyle = colour("--red");
  pen.fillRect(x(view.run.failed_at - 0.5) - 1, 0, 3, height);
}

/** Who held the lock when, in the holder's colour, and where it ran out. */
function drawLeases(pen, x, height) {
  for (const lease of view.run.leases) {
    const [from, to] = [x((lease.from - 1) / 2), x((lease.to - 1) / 2)];
    pen.fillStyle = colour(`--c${lease.client % 8}`);
    pen.fillRect(from, 9, Math.max(1, to - from - 1), height - 15);
    pen.fillStyle = colour("--amber");
    if (lease.ended === "ran-out") pen.fillRect(to - 1, 4, 2, height - 8);
  }
}

/** How many operations, or steps that matter, lie under each pixel: drawn once. */
function drawDensity(pen, width, height, colour) {
  const { run, density } = view;
  const key = `${width} ${height} ${colour}`;
  if (density?.run !== run || density.key !== key) {
    view.density = { run, key, image: densityOf(run, width, height, colour) };
  }
  pen.drawImage(view.density.image, 0, 0);
}

function densityOf(run, width, height, colour) {
  const counts = new Float32Array(width);
  const put = (column) => counts[Math.min(width - 1, Math.floor((column / run.columns) * width))]++;
  if (isTrace) run.steps.forEach((step, index) => step.dull || put(index));
  else run.ops.forEach((op) => put(op.from / 2 - 1));
  const most = Math.max(1, counts.reduce((a, b) => Math.max(a, b), 0));
  const image = el("canvas", { width, height });
  const pen = image.getContext("2d");
  pen.fillStyle = colour;
  counts.forEach((count, at) => {
    const tall = (height - 8) * (count / most);
    pen.fillRect(at, height - tall, 1, tall);
  });
  return image;
}

/** Paper has no window: all of it, or what is around the cursor where that is too much. */
function drawForPaper() {
  const COLUMNS_MAX = 60;
  const before = view.column;
  const all = view.run.columns <= COLUMNS_MAX;
  view.column = all ? Math.max(34, Math.min(110, 980 / view.run.columns)) : 40;
  const left = all ? 0 : Math.max(0, (view.cursor - COLUMNS_MAX / 2) * view.column);
  const columns = Math.min(view.run.columns, COLUMNS_MAX);
  draw(left, 0, GUTTER + columns * view.column + MARGIN, view.run.height);
  view.column = before;
}
