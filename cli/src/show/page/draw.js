// Draws what lies in the window, and nothing else: a history of ten thousand operations costs what
// a screenful of it costs.

const CHAR = 7.25;

/** As much of a text as so many pixels hold. */
function fit(text, pixels, char = CHAR) {
  const room = Math.floor(pixels / char);
  if (text.length <= room) return text;
  return room < 3 ? "" : `${text.slice(0, room - 1)}\u2026`;
}

/** The first of these that fits; else as much as fits of the first. */
function tell(texts, pixels) {
  return texts.find((it) => it.length * CHAR <= pixels) ?? fit(texts[0], pixels);
}

/** One drawing: which run, which columns, how wide they are. */
class Drawing {
  constructor(run, { left, top, width, height, column, cursor, hover, found, way }) {
    Object.assign(this, { run, left, top, width, height, column, cursor, hover, found, way });
    this.from = Math.max(0, Math.floor(2 * (left / column)) - 1);
    this.to = Math.ceil(2 * ((left + width) / column)) + 2;
  }

  /** Where a half column is, in the window. */
  x(half) {
    return GUTTER + (half / 2 - 0.5) * this.column - this.left;
  }

  y(row) {
    return row.pinned ? row.y : row.y - this.top;
  }

  sees(from, to) {
    return to >= this.from && from <= this.to;
  }

  draw() {
    const seen = this.run.rows.filter((row) => {
      return row.pinned || (row.y + row.height >= this.top && row.y <= this.top + this.height);
    });
    const [pinned, rest] = [seen.filter((it) => it.pinned), seen.filter((it) => !it.pinned)];
    const layers = [this.patterns(), this.layer(rest, TOP, this.height)];
    if (pinned.length) {
      const end = TOP + this.run.pinned;
      layers.push(
        svg("rect", { class: "gutter", x: 0, y: 0, width: this.width + GUTTER, height: end }),
        this.layer(pinned, TOP, end),
        svg("line", { class: "pinned-edge", x1: 0, x2: this.width + GUTTER, y1: end, y2: end }));
    }
    return layers.concat(this.numbers());
  }

  /** These lanes, what runs through all of them, and their names over everything. */
  layer(rows, from, to) {
    const layer = svg("g");
    layer.append(this.stripes(rows), this.columns(from, to));
    for (const row of rows) layer.append(this.row(row));
    for (const row of rows) layer.append(...row.arrows.flatMap((it) => this.arrow(row, it)));
    layer.append(this.names(rows, from, to));
    return layer;
  }

  patterns() {
    return svg("defs", {},
      svg("pattern", { id: "hatch", width: 8, height: 8, patternUnits: "userSpaceOnUse",
        patternTransform: `translate(${-this.left % 8} 0) rotate(45)` },
      svg("rect", { class: "hatch-base", width: 8, height: 8 }),
      svg("line", { class: "hatch-line", x1: 0, y1: 0, x2: 0, y2: 8 })));
  }

  stripes(rows) {
    const group = svg("g");
    for (const row of rows) {
      const y = this.y(row);
      if (row.index % 2) {
        group.append(svg("rect", { class: "stripe", x: 0, y, width: this.width + GUTTER,
          height: row.height }));
      }
    }
    return group;
  }

  columns(from, to) {
    const group = svg("g");
    const { run } = this;
    const height = to - from;
    const band = (column, name) => svg("rect", { class: `column ${name}`, y: from,
      x: this.x(2 * column - 1), width: this.column, height });
    if (this.hover && this.hover !== this.cursor) group.append(band(this.hover, ""));
    if (this.cursor) group.append(band(this.cursor, "on"));
    if (run.recorded < run.columns) {
      const x = Math.max(this.x(2 * run.recorded + 1), GUTTER);
      group.append(
        svg("rect", { class: "beyond", x, y: from, width: this.width + GUTTER, height }),
        svg("line", { class: "beyond-edge", x1: x, x2: x, y1: from, y2: to }),
        svg("text", { class: "small", x: x + 6, y: to - 6 }, "from here on only the fair schedule"));
    }
    if (run.failed_at) {
      const x = this.x(2 * run.failed_at);
      group.append(svg("line", { class: "broken-edge", x1: x, x2: x, y1: from, y2: to }));
    }
    return group;
  }

  row(row) {
    const group = svg("g", { class: own(row.client) });
    if (row.kind === "client") group.append(...this.beliefs(row), ...this.bars(row));
    if (row.kind === "lock") group.append(...row.leases.flatMap((it) => this.lease(row, it)));
    if (row.kind === "state") group.append(...this.state(row));
    if (row.kind === "chance") group.append(...this.chance(row));
    group.append(...this.marks(row));
    return group;
  }

  beliefs(row) {
    return row.beliefs.filter((it) => this.sees(it.from, it.to)).flatMap((it) => {
      const [x, end, y] = [this.x(it.from), this.x(it.to), this.y(row) + 2];
      const height = row.arrowsY - 4;
      const text = Math.max(x, GUTTER) + 6;
      return [
        svg("rect", { class: "belief", x, y, width: end - x, height, fill: "url(#hatch)", rx: 4 }),
        row.barsY
          ? svg("text", { class: "belief-text", x: text, y: y + 12 }, fit(it.text, end - text, 6.2))
          : "",
      ];
    });
  }

  bars(row) {
    const group = this.run.byClient.get(row.client);
    if (!group) return [];
    return opsBetween(group, this.from, this.to).flatMap((op) => this.bar(row, op));
  }

  bar(row, op) {
    const [x, end] = [this.x(op.from), this.x(op.until)];
    const y = this.y(row) + row.barsY + 8 + op.track * row.pitch;
    const width = Math.max(end - x, 5);
    const found = this.found.ops.has(op.index) ? "found" : "";
    const names = `bar ${op.end} ${op.guilty ? "guilty" : ""} ${found}`;
    const asked = this.run.manyKeys ? op.text : op.short;
    const said = op.answer ? `${asked} \u2192 ${op.answer}` : asked;
    const begin = Math.max(x, GUTTER) + 6;
    const open = op.end === "open" ? 12 : 4;
    const room = Math.min(end, this.width + GUTTER) - begin - open;
    const parts = [
      svg("rect", { class: names, x, y, width, height: row.pitch - 5, rx: 4, "data-op": op.index }),
      svg("text", { x: begin, y: y + row.pitch / 2 + 1.5 }, tell([said, asked, op.answer], room)),
    ];
    if (op.end === "open") {
      parts.push(svg("path", { class: "open-end", d: `M${end - 9} ${y + row.pitch / 2 - 7.5}l6 5l-6 5` }));
    }
    return parts.concat(this.placed(op, x, y));
  }

  /** Its number in the way that is looked at. */
  placed(op, x, y) {
    const at = this.way ? this.way.order.findIndex(([index]) => index === op.index) : -1;
    if (at < 0) return [];
    return [
      svg("circle", { class: "place", cx: x + 1, cy: y + 1, r: 8 }),
      svg("text", { class: "place-text", x: x + 1, y: y + 4.5 }, `${at + 1}`),
    ];
  }

  marks(row) {
    const marks = this.run.marks.get(row.key) ?? [];
    const begin = firstWhere(marks.length, (it) => 2 * marks[it].column >= this.from);
    const y = this.y(row) + (row.kind === "client" ? row.marksY : row.height / 2);
    const parts = [];
    for (let at = Math.max(0, begin - 1); at < marks.length; at++) {
      const mark = marks[at];
      if (2 * mark.column > this.to) break;
      const x = this.x(2 * mark.column);
      const next = marks[at + 1] ? this.x(2 * marks[at + 1].column) - 10 : Infinity;
      const room = Math.min(next, this.x(2 * this.run.columns + 1)) - x - 12;
      parts.push(shape(mark.shape, x, y, this.classOf(mark)));
      const label = fit(mark.label, room, 6.7);
      if (label) parts.push(svg("text", { class: "small", x: x + 10, y: y + 4 }, label));
    }
    return parts;
  }

  classOf(mark) {
    const fault = ["cross", "diamond", "down"].includes(mark.shape) ? "fault" : "";
    const broken = mark.column === this.run.failed_at ? "broken" : "";
    const found = this.found.columns.has(mark.column) ? "found" : "";
    return `mark ${mark.shape === "ring" ? "hollow" : ""} ${fault} ${broken} ${found}`;
  }

  /** Full while no time passes, and drained by what does. */
  lease(row, lease) {
    if (!this.sees(lease.from, lease.to + 2)) return [];
    const [bottom, full] = [this.y(row) + 30, 22];
    const of = lease.of_ms ?? 1;
    let height = full;
    const points = [[this.x(lease.from), bottom - full]];
    for (const [half, left] of lease.left_ms.slice(1)) {
      points.push([this.x(half - 1), bottom - height]);
      height = Math.max(2, full * (left / of));
      points.push([this.x(half), bottom - height]);
    }
    const out = lease.ended === "ran-out";
    if (out) points.push([this.x(lease.to - 1), bottom - height]);
    points.push([this.x(lease.to), out ? bottom : bottom - height], [this.x(lease.to), bottom]);
    points.push([this.x(lease.from), bottom]);
    const begin = Math.max(this.x(lease.from), GUTTER) + 6;
    const name = this.run.name(lease.client);
    const text = lease.of_ms ? `${name} \u00b7 ${lease.of_ms} ms` : name;
    const room = this.x(lease.to) - begin - (out ? this.column / 2 + 2 : 4);
    const parts = [
      svg("polygon", { class: "lease", points: points.map((it) => it.join()).join(" ") }),
      svg("text", { class: "lease-text", x: begin, y: bottom - 7 },
        fit(text, room) || fit(name, room + 14)),
    ];
    const group = svg("g", { class: own(lease.client) }, ...parts);
    return [group, this.ended(row, lease)];
  }

  ended(row, lease) {
    const [x, y] = [this.x(lease.to), this.y(row) + 44];
    const left = lease.left_ms.at(-1)?.[1];
    const texts = {
      "ran-out": left ? `\u2715 ${left} ms passed` : "\u2715 ran out",
      "given-back": "\u2713 given back",
      "held": "",
    };
    const next = row.leases.find((it) => it.to > lease.to);
    const room = next ? this.x(next.to) - x : 160;
    const text = texts[lease.ended];
    const name = lease.ended === "ran-out" ? "gone" : "small";
    return svg("text", { class: name, x: x - 6, y }, fit(text, room, 6.4) || text.slice(0, 1));
  }

  /** How likely the failure was after each step: a stair, with its interval. */
  chance(row) {
    const { chances, likely_at, inevitable_from } = this.run;
    const [floor, tall] = [this.y(row) + 56, 42];
    const edge = (at) => Math.max(GUTTER, this.x(Math.min(2 * at, 2 * this.run.columns + 1)));
    const level = (p) => floor - p * tall;
    // What a step did holds until the next one.
    const stair = chances.map((it, at) => `V${level(it.p)}H${edge(at + 1)}`).join("");
    const band = chances.map((it, at) => {
      const [x, end] = [edge(at), edge(at + 1)];
      return svg("rect", { class: "chance-band", x, y: level(it.high), width: end - x,
        height: Math.max(1, level(it.low) - level(it.high)) });
    });
    const parts = [
      svg("line", { class: "rule", x1: GUTTER, x2: edge(chances.length), y1: floor, y2: floor }),
      ...band,
      svg("path", { class: "chance", d: `M${GUTTER} ${level(chances[0].p)}${stair}` }),
    ];
    const says = new Map();
    if (likely_at !== null) says.set(likely_at, "here it became likely");
    if (inevitable_from !== null) {
      const both = likely_at === inevitable_from;
      says.set(inevitable_from, both ? "here it became inevitable" : "from here on inevitable");
    }
    for (const [at, text] of says) {
      const high = level(chances[at].p) < this.y(row) + 22;
      const x = this.x(2 * at) + 6;
      const room = edge(chances.length) - x;
      const y = level(chances[at].p) + (high ? 15 : -5);
      parts.push(svg("text", { class: "red", x, y }, fit(text, room, 6.2)));
    }
    return parts;
  }

  state(row) {
    const short = row.values.every(([, value]) => value.length <= 5);
    const parts = short ? this.thread(row) : this.bands(row);
    return parts.concat(row.branches.flatMap((it) => this.branch(row, it)));
  }

  /** A value that is short: a thread with a knot at each change. */
  thread(row) {
    const y = this.y(row) + 20;
    const end = Math.min(this.x(2 * this.run.columns + 1), this.width + GUTTER);
    const parts = [svg("line", { class: "thread", x1: Math.max(this.x(1), GUTTER), x2: end, y1: y, y2: y })];
    const begin = firstWhere(row.values.length, (it) => row.values[it][0] >= this.from);
    for (let at = Math.max(0, begin - 1); at < row.values.length; at++) {
      const [half, value] = row.values[at];
      if (half > this.to) break;
      // The value that holds where the window begins stays in sight.
      const next = row.values[at + 1] ? this.x(row.values[at + 1][0]) - 26 : Infinity;
      const x = Math.max(this.x(half || 1) + (half ? 0 : 12), Math.min(GUTTER + 14, next));
      const wide = Math.max(20, value.length * CHAR + 10);
      parts.push(
        svg("rect", { class: "node", x: x - wide / 2, y: y - 10, width: wide, height: 20, rx: 10 }),
        svg("text", { class: "node-text", x, y: y + 4 }, value));
    }
    return parts;
  }

  bands(row) {
    const y = this.y(row) + 8;
    const begin = firstWhere(row.values.length, (it) => row.values[it][0] >= this.from);
    const parts = [];
    for (let at = Math.max(0, begin - 1); at < row.values.length; at++) {
      const [half, value] = row.values[at];
      if (half > this.to) break;
      const x = this.x(half || 1);
      const end = this.x(row.values[at + 1]?.[0] ?? 2 * this.run.columns + 1);
      const text = Math.max(x, GUTTER) + 6;
      parts.push(
        svg("rect", { class: "band", x, y, width: Math.max(1, end - x), height: 24, rx: 4 }),
        svg("text", { x: text, y: y + 16 }, fit(value, end - text - 4)));
    }
    return parts;
  }

  branch(row, branch) {
    if (!this.sees(branch.from - 2, branch.at + 4)) return [];
    const y = this.y(row) + 20;
    const [from, at, down] = [this.x(branch.from - 1), this.x(branch.at), y + 36];
    const child = `${Number(branch.text.split(" ").at(-1)) + 1}`;
    const room = this.x(2 * this.run.columns + 1) - at;
    const after = room > 130;
    const text = { class: "red", x: after ? at + 16 : at - 16, y: down + 4,
      "text-anchor": after ? "start" : "end" };
    const turn = Math.min(from + 26, at - 8);
    return [
      svg("path", { class: "branch",
        d: `M${from} ${y}C${from + 14} ${y} ${from + 6} ${down} ${turn} ${down}L${at} ${down}` }),
      svg("rect", { class: "branch-node", x: at - 10, y: down - 10, width: 20, height: 20, rx: 3,
        transform: `rotate(45 ${at} ${down})` }),
      svg("text", { class: "node-text branch-node-text", x: at, y: down + 4 }, child),
      svg("text", { ...text, y: after ? down + 4 : down + 24 }, branch.text),
    ];
  }

  arrow(row, arrow) {
    if (!this.sees(arrow.from, arrow.to)) return [];
    const y = this.y(row) + row.arrowsY - 2;
    const [from, to] = [this.x(arrow.from), this.x(arrow.to)];
    const name = arrow.acted ? "" : "refused";
    const low = y + row.dip;
    const bend = Math.min(24, (to - from) / 2);
    const parts = [
      svg("path", { class: `arrow ${name}`, d: `M${from} ${y}C${from} ${low} ${from + bend} ${low}
        ${from + bend} ${low}L${to - bend} ${low}C${to - bend} ${low} ${to} ${low} ${to} ${y + 5}` }),
      svg("path", { class: `arrow-head ${name}`, d: `M${to} ${y - 3}l-5 9h10z` }),
    ];
    const [begin, end] = [Math.max(from, GUTTER), Math.min(to, this.width + GUTTER)];
    const middle = (begin + end) / 2;
    const text = [arrow.text, "stale read"].find((it) => it.length * 6.4 < end - begin - 24);
    if (text) parts.push(svg("text", { class: `arrow-text ${name}`, x: middle, y: low - 4 }, text));
    return parts;
  }

  /** The numbers of the columns, as many as there is room for. */
  numbers() {
    const group = svg("g");
    group.append(svg("rect", { class: "gutter", x: 0, y: 0, width: this.width + GUTTER, height: TOP }));
    const every = nice(Math.ceil(34 / this.column));
    const first = Math.max(1, Math.floor(this.from / 2));
    for (let column = first; column <= Math.min(this.run.columns, this.to / 2); column++) {
      const on = column === this.cursor;
      const broken = column === this.run.failed_at;
      if (column % every && column !== 1 && !on && !broken) continue;
      const near = [this.cursor, this.run.failed_at].filter((it) => it && it !== column);
      if (!on && !broken && near.some((it) => Math.abs(it - column) * this.column < 30)) continue;
      group.append(svg("text", { class: `number ${broken ? "broken" : on ? "on" : ""}`,
        x: this.x(2 * column), y: 18 }, broken ? `\u25bc${column}` : `${column}`));
    }
    group.append(
      svg("rect", { class: "gutter", x: 0, y: 0, width: GUTTER, height: TOP }),
      svg("text", { class: "kind", x: 16, y: 17 }, shown.column),
      svg("line", { class: "rule", x1: 0, x2: this.width + GUTTER, y1: TOP - .5, y2: TOP - .5 }));
    return group;
  }

  /** The gutter lies over what scrolls under it. */
  names(rows, from, to) {
    const group = svg("g");
    group.append(
      svg("rect", { class: "gutter", x: 0, y: from, width: GUTTER, height: to - from }),
      svg("line", { class: "rule", x1: GUTTER - .5, x2: GUTTER - .5, y1: from, y2: to }));
    for (const row of rows) {
      const y = this.y(row) + row.middle;
      const text = svg("g", { class: own(row.client) });
      if (row.client !== null) {
        text.append(svg("rect", { class: "mark", x: 6, y: y - 6, width: 4, height: 14, rx: 1 }));
      }
      const kind = { lock: "lease", state: "value", chance: "of failure" }[row.kind];
      text.append(svg("text", { class: "name", x: 16, y: y + 5 }, fit(row.name, GUTTER - 18)));
      if (kind) text.append(svg("text", { class: "kind", x: 16, y: y + 17 }, kind));
      group.append(text);
    }
    return group;
  }
}

/** 1, 2, 5, 10, 20, 50 and so on. */
function nice(least) {
  let step = 1;
  for (let at = 0; step < least; at++) step *= at % 3 === 1 ? 2.5 : 2;
  return step;
}

function shape(kind, x, y, name) {
  const path = {
    cross: `M${x - 4} ${y - 4}L${x + 4} ${y + 4}M${x + 4} ${y - 4}L${x - 4} ${y + 4}`,
    diamond: `M${x} ${y - 5.5}L${x + 5.5} ${y}L${x} ${y + 5.5}L${x - 5.5} ${y}Z`,
    down: `M${x - 5} ${y - 4}H${x + 5}L${x} ${y + 5}Z`,
    up: `M${x - 5} ${y + 4}H${x + 5}L${x} ${y - 5}Z`,
    square: `M${x - 4} ${y - 4}H${x + 4}V${y + 4}H${x - 4}Z`,
  }[kind];
  if (path) return svg("path", { class: name, d: path });
  return svg("circle", { class: name, cx: x, cy: y, r: 4.2 });
}
