// The panel: what happened at one column, in words, and only what changed.

/** What the panel says of a column. `pinned`: whether it stays when the pointer moves on. */
function describe(run, column, pinned) {
  const head = el("h2", {}, `${isTrace ? "Step" : "Moment"} ${column} of ${run.columns}`,
    el("span", { class: "pin" }, pinned ? "pinned" : "click pins it"));
  const parts = isTrace ? describeStep(run, column) : describeMoment(run, column);
  return [head, ...parts, ...notes(run, column)];
}

const who = (run, client) => el("span", { class: `who ${own(client)}` }, run.name(client));

function facts(pairs) {
  const list = el("dl", { class: "facts" });
  for (const [name, value] of pairs) {
    if (value !== "" && value !== null) list.append(el("dt", {}, name), el("dd", {}, value));
  }
  return list;
}

function describeStep(run, column) {
  const step = run.steps[column - 1];
  if (!step) return [el("p", { class: "quiet" }, "Nothing happened here.")];
  const parts = [];
  const verbs = { lose: "hears nothing", late: "its lost call lands after all", crash: "crashes",
    restart: "begins anew, knowing nothing", reply: "hears the answer" };
  if (step.moved) {
    const whose = step.client === null ? "world" : who(run, step.client);
    parts.push(facts([[whose, step.text]]));
  }
  const said = step.moved ? null : verbs[step.verb];
  if (said) parts.push(el("p", {}, who(run, step.client), ` ${said}`));
  parts.push(...talks(run, step));
  parts.push(...changes(step), ...operations(run, column), ...holders(run, column));
  parts.push(...risk(run, column));
  const tags = step.marks.concat(step.dull ? ["dull: a fair schedule takes it anyway"] : []);
  if (tags.length) parts.push(el("ul", { class: "tags" }, ...tags.map((it) => el("li", {}, it))));
  return parts;
}

/** What was asked and told; once, where many were told the same. */
function talks(run, step) {
  const groups = [];
  for (const { client, asked, answer } of step.calls) {
    const same = groups.find((it) => it.asked === asked && it.answer === answer);
    if (same) same.names.push(" ", who(run, client));
    else groups.push({ asked, answer, names: [who(run, client)] });
  }
  return groups.map(({ asked, answer, names }) => {
    return el("div", { class: "talk" }, ...names, facts([["asked", asked], ["told", answer]]));
  });
}

function changes(step) {
  if (!step.changed.length) return [];
  const list = step.changed.map(([name, was, now]) => [name, change(was, now)]);
  return [el("div", {}, el("h3", {}, "What it changed"), facts(list))];
}

/** The operations that begin or end at this step. */
function operations(run, column) {
  const here = run.ops.filter((op) => op.to === 2 * column || op.from === 2 * column + 1);
  if (!here.length) return [];
  return [el("div", {}, el("h3", {}, "In the history"), ...here.map((op) => {
    const ends = op.to === 2 * column;
    return el("div", { class: own(op.client) }, who(run, op.client), " ",
      `${ends ? "returns from" : "calls"} ${op.text}${ends && op.answer ? `: ${op.answer}` : ""}`);
  }))];
}

function holders(run, column) {
  const held = run.leases.filter((it) => it.from <= 2 * column && 2 * column < it.to);
  if (!held.length) return [];
  return [el("div", {}, el("h3", {}, "Held after it"), facts(held.map((lease) => {
    const left = lease.left_ms.filter(([half]) => half <= 2 * column).at(-1);
    return [lease.lock, `${run.name(lease.client)}${left ? `, ${left[1]} ms left` : ""}`];
  })))];
}

/** How likely the failure was from here on, of endings by chance. */
function risk(run, column) {
  const [was, now] = [run.chances[column - 1], run.chances[column]];
  if (!now) return [];
  const percent = (p) => `${p > 0 && p < 1 ? Math.min(99, Math.max(1, Math.round(100 * p))) : 100 * p}%`;
  const text = `${percent(now.p)}, it was ${percent(was.p)}`;
  const band = `${percent(now.low)} to ${percent(now.high)}`;
  return [el("div", {}, el("h3", {}, "If chance took over here, it would fail"),
    facts([["now", text], ["95%", band]]))];
}

function describeMoment(run, column) {
  const here = run.atColumn.get(column) ?? [];
  return here.map((index) => {
    const op = run.ops[index];
    const ends = op.to === 2 * column;
    const time = `${op.called} ${op.returned === null ? "and never returned" : `to ${op.returned}`}`;
    const failed = op.end === "failed";
    const silent = failed ? "certainly nothing done" : "nobody heard: it may have taken effect";
    return el("div", { class: "talk" }, who(run, op.client), ends ? " returns" : " calls", facts([
      ["asked", op.text],
      ["told", op.answer || silent],
      ["clock", time],
      ["place", op.place ? `number ${op.place} in an order that explains all` : ""],
      ...between(op),
    ]), op.guilty ? el("p", { class: "broken-note" }, "One of those that contradict each other.") : null);
  });
}

function between(op) {
  if (!op.states) return [];
  const [was, now] = op.states;
  return [["state", was === now ? now : change(was, now)]];
}

/** The value before, struck out, and the value after. */
function change(was, now) {
  return el("span", {}, el("span", { class: "was" }, was || "nothing"), " ",
    el("span", { class: "now" }, now));
}

function notes(run, column) {
  const now = run.beliefs.filter((it) => it.from <= 2 * column && 2 * column <= it.to);
  const mine = now.filter((it) => it.client === run.steps[column - 1]?.client || now.length === 1);
  const others = now.filter((it) => !mine.includes(it)).map((it) => run.name(it.client));
  const notes = mine.map((it) => el("p", { class: "belief-note" }, `${it.text}.`));
  if (others.length) {
    const too = mine.length ? "So do" : "Whose lock is gone and who do not know it:";
    notes.push(el("p", { class: "quiet" }, `${too} ${[...new Set(others)].join(", ")}.`));
  }
  for (const it of run.arrows.filter((it) => it.to === 2 * column)) {
    const decided = it.from / 2;
    notes.push(el("p", { class: it.acted ? "broken-note" : "belief-note" },
      `${run.name(it.client)} decided this at ${shown.column} ${decided}; since then the state was ` +
      `replaced, and this was ${it.acted ? "let through" : "refused"}.`));
  }
  if (run.failed_at === column) {
    notes.push(el("p", { class: "broken-note" }, `Here ${run.property} is broken. ${run.sentence}`));
  }
  return notes;
}

/** The steps around a column, as a list to read and to click. */
function around(run, column, go) {
  const reach = 5;
  const from = Math.max(1, Math.min(column - reach, run.columns - 2 * reach));
  const rows = [];
  const to = Math.min(run.columns, from + 2 * reach);
  for (let at = from; at <= to; at++) rows.push(line(run, at, column, go));
  return [el("h3", {}, isTrace ? "Steps" : "Moments"), el("ol", {}, ...rows)];
}

function line(run, at, column, go) {
  const [client, text] = isTrace ? stepLine(run, at) : momentLine(run, at);
  const names = `${run.steps[at - 1]?.dull ? "dull" : ""} ${at === run.failed_at ? "broken" : ""}`;
  const button = el("button", { "aria-current": at === column ? "step" : null, class: names },
    el("span", { class: "n" }, at === run.failed_at ? `\u25b8${at}` : `${at}`),
    client === null ? el("span", { class: "who" }, "\u2013\u2013") : who(run, client),
    el("span", { class: "t" }, text));
  button.addEventListener("click", () => go(at));
  return el("li", {}, button);
}

function stepLine(run, at) {
  const step = run.steps[at - 1];
  const calls = step.calls.map((call) => {
    const said = call.answer ? `${call.asked}: ${call.answer}` : call.asked;
    return call.client === step.client ? said : `${run.name(call.client)} ${said}`;
  });
  const bare = step.verb === "apply" && calls.length ? [] : [step.moved ? step.text : step.verb];
  return [step.client, bare.concat(calls).join("; ")];
}

function momentLine(run, at) {
  const here = (run.atColumn.get(at) ?? []).map((index) => run.ops[index]);
  const texts = here.map((op) => op.to === 2 * at ? `\u2190 ${op.text}: ${op.answer}` : `\u2192 ${op.text}`);
  return [here.length === 1 ? here[0].client : null, texts.join("; ")];
}

/** The longest ways through the operations that contradict each other. */
function explain(run, chosen, choose, go) {
  if (!run.ways.length) return [];
  const way = run.ways[chosen];
  const row = (number, index, after, name) => {
    const op = run.ops[index];
    const said = `${run.name(op.client)} ${op.text}${op.answer ? `: ${op.answer}` : ""}`;
    const button = el("button", {}, el("span", { class: name }, number), el("span", { class: name }, said),
      el("span", { class: `after ${name}` }, after));
    button.addEventListener("click", () => go(Math.round((op.to ?? op.from) / 2)));
    return el("li", {}, button);
  };
  const tabs = el("div", { class: "tabs" }, ...run.ways.map((_, index) => {
    const tab = el("button", { "aria-pressed": `${index === chosen}` }, `way ${index + 1}`);
    tab.addEventListener("click", () => choose(index));
    return tab;
  }));
  return [
    el("h3", {}, "As far as some order explains them"),
    run.ways.length > 1 ? tabs : null,
    el("p", { class: "quiet" }, `It begins with ${way.start || "nothing"}.`),
    el("ol", {}, ...way.order.map(([index, state], at) => row(`${at + 1}`, index, state, ""))),
    el("h3", {}, "What would have to come next, and cannot"),
    el("ol", {}, ...way.stuck.map(([index, wrong]) => row("\u2715", index, wrong, "stuck"))),
  ].filter((it) => it !== null);
}
