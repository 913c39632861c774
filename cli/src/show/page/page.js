// What a reader does, and what comes of it. The address keeps the run and the step.

const runs = shown.runs.map(prepare);
let playing = null;

function show(index) {
  const first = view.run === null;
  view.run = runs[index];
  view.index = index;
  view.chosenWay = 0;
  view.hover = 0;
  header();
  if (first) fitColumns();
  size();
  // Beside a picture that fills the window; under one that leaves room.
  (view.run.height > 460 || isNarrow ? document.querySelector("aside") : document.querySelector(".picture"))
    .append($("list"));
  search();
  go(Math.min(view.cursor || view.run.focus, view.run.columns), { keep: !first, centred: first });
}

/** Pins a column. */
function go(column, { keep = false, centred = false } = {}) {
  view.cursor = Math.max(Math.min(1, view.run.columns), Math.min(column, view.run.columns));
  view.hover = 0;
  if (!keep) {
    reveal(view.cursor, centred);
    revealLane(view.cursor);
  }
  const control = view.index ? `&run=${view.index}` : "";
  history.replaceState(null, "", `#step=${view.cursor}${control}`);
  panel();
  redraw();
}

function header() {
  const { run } = view;
  const badge = $("badge");
  badge.textContent = { pass: "\u2713 HOLDS", fail: "\u2715 FAILS", unknown: "? UNKNOWN" }[run.outcome];
  badge.className = `badge ${run.outcome}`;
  const broken = run.property ? `${capital(run.property)}: ` : "";
  $("sentence").textContent = broken + run.sentence;
  $("why").textContent = run.why ?? "";
  about(run);
  $("lesson").textContent = run.lesson;
  const failure = $("failure");
  failure.textContent = run.failed_at ? `\u25bc ${shown.column} ${run.failed_at}` : "closest call";
  failure.className = run.outcome;
  failure.hidden = !run.failed_at && !run.beliefs.length;
  $("list").style.setProperty("--digits", `${Math.max(3, `${run.columns}`.length) + 1.5}ch`);
  $("switch").replaceChildren(...(runs.length > 1 ? runs.map(option) : []));
}

/** What it is in a line; every parameter for who opens it. */
function about(run) {
  const clients = run.lanes.filter((it) => it.kind === "client").length;
  const named = (pairs) => pairs.map(([name, value]) => [`${name} `, el("b", {}, value)]);
  // The control of a mutant is the model without it.
  const main = ["model", view.index ? "" : "mutant", "spec", "operations"];
  const by = clients ? `, ${count(clients, "client")}` : "";
  const size = isTrace ? [[count(run.columns, "step") + by]] : [];
  const joined = (parts) => parts.flatMap((it, at) => (at ? [" \u00b7 ", ...it] : it));
  const [summary, all] = $("about").children;
  summary.replaceChildren(
    ...joined([...size, ...named(shown.about.filter(([name]) => main.includes(name)))]));
  all.replaceChildren(...joined(named([["file", shown.title], ...shown.about])));
}

const count = (number, name) => `${number} ${name}${number === 1 ? "" : "s"}`;
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function option(run, index) {
  const sign = { pass: "\u2713", fail: "\u2715", unknown: "?" }[run.outcome];
  const button = el("button", { role: "radio", "aria-checked": `${index === view.index}`,
    class: run.outcome, title: "The same steps, one decision changed (c)" },
  el("i", { "aria-hidden": "true" }, sign), run.label);
  button.addEventListener("click", () => show(index));
  return button;
}

function panel() {
  const column = view.hover || view.cursor;
  const { run } = view;
  if (!run.columns) return $("panel").replaceChildren(el("p", { class: "quiet" }, "Nothing happened."));
  $("panel").replaceChildren(...describe(run, column, !view.hover));
  if (view.hover) return;
  $("list").replaceChildren(...around(run, column, go));
  $("ways").replaceChildren(...explain(run, view.chosenWay, chooseWay, go));
}

function chooseWay(index) {
  view.chosenWay = index;
  panel();
  redraw();
}

/** Finds what holds every word that is looked for. */
function search() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (text) => words.every((word) => text.toLowerCase().includes(word));
  view.found = { ops: new Set(), columns: new Set() };
  if (words.length) {
    view.run.ops.forEach((op, index) => {
      if (!has(`${view.run.name(op.client)} ${op.text} ${op.answer} ${op.end}`)) return;
      view.found.ops.add(index);
      view.found.columns.add(Math.round(op.from / 2));
    });
    view.run.steps.forEach((step, index) => {
      const calls = step.calls.map((it) => `${view.run.name(it.client)} ${it.asked} ${it.answer}`);
      if (has([step.text, ...calls, ...step.marks].join(" "))) view.found.columns.add(index + 1);
    });
  }
  view.foundInOrder = [...view.found.columns].sort((a, b) => a - b);
  $("matches").textContent = words.length ? `${view.foundInOrder.length} found` : "";
  redraw();
}

/** To the next match, and round. */
function nextMatch(back) {
  const all = view.foundInOrder;
  if (!all.length) return;
  const next = back ? all.findLast((it) => it < view.cursor) : all.find((it) => it > view.cursor);
  go(next ?? (back ? all.at(-1) : all[0]));
}

function play(wanted = !playing) {
  clearInterval(playing);
  playing = null;
  if (wanted) {
    if (view.cursor >= view.run.columns) go(1);
    playing = setInterval(() => {
      go(view.cursor + 1);
      if (view.cursor >= view.run.columns) play(false);
    }, 700);
  }
  $("play").textContent = playing ? "\u25a0" : "\u25b6";
  $("play").setAttribute("aria-label", playing ? "Stop" : "Play");
}

/** The system's choice, unless the reader made one; it lasts as long as the page. */
function theme(flip) {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = root.dataset.theme ?? (dark ? "dark" : "light");
  root.dataset.theme = flip ? (now === "dark" ? "light" : "dark") : (dark ? "dark" : "light");
  if (view.run) redraw();
}

const keys = {
  ArrowLeft: () => go(view.cursor - 1),
  ArrowRight: () => go(view.cursor + 1),
  Home: () => go(1),
  End: () => go(view.run.columns),
  " ": () => play(),
  "/": () => $("search").focus(),
  "?": () => $("help").showModal(),
  "+": () => zoom(1.25),
  "=": () => zoom(1.25),
  "-": () => zoom(0.8),
  f: () => go(view.run.focus, { centred: true }),
  c: () => runs.length > 1 && show((view.index + 1) % runs.length),
  n: () => nextMatch(false),
  N: () => nextMatch(true),
  t: () => theme(true),
  Escape: () => { play(false); view.hover = 0; $("search").value = ""; search(); panel(); },
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  if (event.target === $("search")) return onSearchKey(event);
  const press = event.target.closest("button") && (event.key === " " || event.key === "Enter");
  if (press || !Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  if (event.key !== " ") play(false);
  keys[event.key]();
}

function onSearchKey(event) {
  if (event.key === "Enter") nextMatch(event.shiftKey);
  else if (event.key === "Escape") {
    keys.Escape();
    scroller.focus();
  }
}

function onPointer(event) {
  if (event.pointerType === "touch") return;
  const column = event.type === "pointerleave" ? 0 : columnAt(event);
  if (column === view.hover) return;
  view.hover = column === view.cursor ? 0 : column;
  panel();
  redraw();
}

function onOverview(event) {
  if (event.type === "pointermove" && !event.buttons) return;
  const share = event.offsetX / $("overview").clientWidth;
  scroller.scrollLeft = share * view.run.columns * view.column - roomFor() / 2;
}

function fromAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const run = Number(asked.get("run") ?? 0);
  view.cursor = Math.max(0, Math.trunc(Number(asked.get("step"))) || 0);
  show(runs[run] ? run : 0);
}

const some = (is) => shown.runs.some(is);
const someOp = (is) => some((run) => run.ops.some(is));
const someStep = (is) => some((run) => run.steps.some(is));
const fault = (verb) => someStep((step) => !step.moved && step.verb === verb);

const legends = [
  [someOp(() => true), "bar own0", "bar", "an operation, from call to return"],
  [someOp((op) => op.end === "open"), "bar open own0", "bar", "nobody heard its answer"],
  [someOp((op) => op.end === "refused"), "bar refused own0", "bar", "refused"],
  [someOp((op) => op.guilty), "bar guilty own0", "bar", "these contradict each other"],
  [someStep((step) => step.calls.length), "mark own0", "dot", "a call takes effect"],
  [someStep((step) => step.calls.some((it) => ["waits", "woke"].includes(it.answer))),
    "mark hollow own0", "ring", "it waits, or is woken"],
  [fault("lose"), "mark fault", "cross", "hears nothing"],
  [fault("late"), "mark fault", "diamond", "takes effect late"],
  [fault("crash"), "mark fault", "down", "crashes"],
  [fault("restart"), "mark own0", "up", "restarts"],
  [someStep((step) => step.client === null), "mark", "square", "the world moves"],
  [some((run) => run.beliefs.length), "", "hatch", "believes in a lock that is gone"],
];

function legend() {
  for (const [wanted, name, kind, text] of legends.filter(([wanted]) => wanted)) {
    const sample = {
      bar: () => svg("rect", { class: name, x: 1, y: 1.5, width: 20, height: 11, rx: 3 }),
      hatch: () => svg("rect", { x: 1, y: 1, width: 20, height: 12, fill: "url(#hatch)" }),
    }[kind] ?? (() => shape(kind, 11, 7, name));
    const colour = name.split(" ").find((it) => it.startsWith("own")) ?? "";
    $("legend").append(el("li", {}, svg("svg", { class: colour, "aria-hidden": "true" }, sample()), text));
  }
}

function listen() {
  document.addEventListener("keydown", onKey);
  scroller.addEventListener("scroll", redraw, { passive: true });
  canvas.addEventListener("pointermove", onPointer);
  canvas.addEventListener("pointerleave", onPointer);
  canvas.addEventListener("click", (event) => {
    const column = columnAt(event);
    if (column) go(column, { keep: true });
  });
  $("overview").addEventListener("pointerdown", onOverview);
  $("overview").addEventListener("pointermove", onOverview);
  $("search").addEventListener("input", search);
  const buttons = { back: "ArrowLeft", on: "ArrowRight", play: " ", failure: "f", wider: "+",
    narrower: "-", theme: "t", asks: "?" };
  for (const [id, key] of Object.entries(buttons)) $(id).addEventListener("click", () => keys[key]());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => theme(false));
  addEventListener("hashchange", fromAddress);
  addEventListener("resize", () => { fitColumns(); size(); reveal(view.cursor); redraw(); });
  addEventListener("beforeprint", drawForPaper);
  addEventListener("afterprint", redraw);
}

theme(false);
listen();
legend();
fromAddress();
