"use strict";
// Draws the page's figures as SVG from their data; zoom, values at the pointer, choice of panels.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const HEIGHT = 300, LEFT = 66, RIGHT = 24, TOP = 22, BOTTOM = 44;
  // A drag of fewer pixels is a click.
  const CLICK = 6;
  // The pointer speaks of points that are at most so far.
  const NEAR = 40;

  function add(parent, name, attributes = {}, text = null) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== null) element.textContent = text;
    parent.append(element);
    return element;
  }

  function html(parent, name, attributes = {}, text = null) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== null) element.textContent = text;
    parent.append(element);
    return element;
  }

  // A label comes in pieces of text and style.
  function write(parent, pieces, attributes) {
    const text = add(parent, "text", attributes);
    let raised = 0;
    for (const [piece, style] of pieces) {
      const height = { sub: 4, sup: -5 }[style] || 0;
      const set = { dy: height - raised };
      if (height) set["font-size"] = 9;
      if (style === "i") set["font-style"] = "italic";
      add(text, "tspan", set, piece);
      raised = height;
    }
    return text;
  }

  const plain = (pieces) => pieces.map(([piece]) => piece).join("");

  function number(value) {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (size && (size < 1e-3 || size >= 1e7)) {
      const [mantissa, power] = value.toExponential(2).split("e");
      const raised = [...String(Number(power))].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]);
      return `${mantissa === "1.00" ? "" : `${Number(mantissa)}·`}10${raised.join("")}`.replace("-", "−");
    }
    return value.toLocaleString("en", { maximumSignificantDigits: 4 }).replace("-", "−");
  }

  // Maps values between low and high to pixels from start to end.
  function scale(log, low, high, start, end) {
    const of = log ? Math.log10 : (value) => value;
    const first = of(low), span = of(high) - first;
    return {
      low, high, log,
      place: (value) => {
        const place = start + ((of(value) - first) / span) * (end - start);
        // Zeros have no place on a logarithmic scale: they are far below it.
        return Number.isFinite(place) ? Math.max(-1e4, Math.min(1e4, place)) : start + (start - end);
      },
      value: (place) => {
        const value = first + ((place - start) / (end - start)) * span;
        return log ? 10 ** value : value;
      },
    };
  }

  function ticks(axis, wanted) {
    if (axis.log && axis.high / axis.low >= 20) {
      const first = Math.ceil(Math.log10(axis.low) - 1e-9), last = Math.floor(Math.log10(axis.high) + 1e-9);
      const step = Math.max(1, Math.ceil((last - first + 1) / wanted));
      const factors = axis.high / axis.low < 2e3 && step === 1 ? [1, 2, 5] : [1];
      const found = [];
      for (let power = first - 1; power <= last; power += step)
        for (const factor of factors) found.push(factor * 10 ** power);
      return found.filter((v) => v >= axis.low * (1 - 1e-9) && v <= axis.high * (1 + 1e-9));
    }
    const rough = (axis.high - axis.low) / wanted, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9));
    const found = [];
    for (let i = Math.ceil(axis.low / step - 1e-9); i * step <= axis.high + step * 1e-9; i++) found.push(i * step);
    return found;
  }

  // The range that an axis needs to show all that is drawn.
  function range(axis, values, log) {
    const known = values.filter((v) => v !== null && Number.isFinite(v) && (!log || v > 0));
    let low = known.length ? Math.min(...known) : log ? 0.1 : 0;
    let high = known.length ? Math.max(...known) : 1;
    if (log) {
      [low, high] = [low / 1.6, high * 1.6];
      if (high / low < 10) [low, high] = [low / Math.sqrt((10 * low) / high), high * Math.sqrt((10 * low) / high)];
    } else {
      const least = axis.low ?? low;
      const margin = high > least ? 0.06 * (high - least) : Math.abs(high) || 1;
      [low, high] = [low - margin, high + margin];
    }
    return [axis.low ?? low, axis.high ?? high];
  }

  const MARKS = [
    (r) => `M${-r},0a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0Z`,
    (r) => `M${-r},${-r}h${2 * r}v${2 * r}h${-2 * r}Z`,
    (r) => `M0,${-1.3 * r}L${1.3 * r},0L0,${1.3 * r}L${-1.3 * r},0Z`,
    (r) => `M0,${-1.2 * r}L${1.2 * r},${r}H${-1.2 * r}Z`,
  ];
  const colour = (series) => `var(--c${series.colour % 8})`;
  const mark = (series, r) => MARKS[(series.colour + MARKS.length - 1) % MARKS.length](r);

  class Drawing {
    constructor(figure, element) {
      this.figure = figure;
      this.element = element;
      this.names = Object.keys(figure.panels);
      this.chosen = this.names[0];
      this.hidden = new Set();
      this.view = null;
      const inside = element.querySelector(".drawing");
      this.legend = html(inside, "div", { class: "bar legend" });
      this.svg = add(inside, "svg", { tabindex: 0, role: "img" });
      this.tip = html(inside, "div", { class: "tip", hidden: "" });
      const tools = html(inside, "div", { class: "bar tools" });
      this.logarithmic = html(tools, "button", { type: "button" });
      this.logarithmic.addEventListener("click", () => {
        this.log = !this.log;
        this.view = null;
        this.draw();
      });
      for (const [text, title, act] of [
        ["+", "closer", () => this.zoom(0.6)],
        ["−", "farther", () => this.zoom(1 / 0.6)],
        ["all", "show all again", () => this.show(null)],
      ]) html(tools, "button", { type: "button", title }, text).addEventListener("click", act);
      this.listen();
      this.choose(this.chosen);
      new ResizeObserver(() => this.width !== this.measured() && this.draw()).observe(inside);
    }

    get panel() { return this.figure.panels[this.chosen]; }
    get shown() { return this.panel.series.filter((s) => !this.hidden.has(s.name)); }
    measured() { return Math.max(280, Math.round(this.svg.parentElement.clientWidth) || 480); }

    choose(name) {
      this.chosen = name;
      this.log = this.panel ? this.panel.y.log : false;
      this.view = null;
      this.draw();
    }

    show(view) {
      this.view = view;
      this.draw();
    }

    draw() {
      this.width = this.measured();
      this.svg.replaceChildren();
      this.legend.replaceChildren();
      this.tip.hidden = true;
      this.svg.setAttribute("viewBox", `0 0 ${this.width} ${HEIGHT}`);
      this.element.dataset.chosen = this.chosen;
      this.element.dataset.drawn = this.element.dataset.zoomed = "";
      const panel = this.panel;
      this.logarithmic.hidden = !panel || !panel.series.length || (panel.y.low ?? 1) <= 0 || panel.y.low !== undefined;
      this.logarithmic.textContent = this.log ? "linear" : "logarithmic";
      if (!panel || !panel.series.length) {
        const said = panel ? panel.remark || "nothing to draw" : "not in this figure";
        add(this.svg, "text", { x: this.width / 2, y: HEIGHT / 2, "text-anchor": "middle", class: "faint" }, said);
        this.svg.setAttribute("aria-label", `${this.figure.title}: ${said}`);
        this.element.dataset.drawn = "remark";
        return;
      }
      this.svg.setAttribute("aria-label", `${this.figure.title}, ${this.chosen}: ${plain(panel.y.label)} against ${plain(panel.x.label)}`);
      this.axes();
      this.frame();
      for (const series of [...this.shown].sort((a, b) => (b.shape === "band") - (a.shape === "band"))) this[series.shape](series);
      if (panel.remark) add(this.svg, "text", { x: this.width - RIGHT, y: TOP - 7, "text-anchor": "end", class: "faint" }, panel.remark);
      for (const series of panel.series) this.entry(series);
      this.element.dataset.drawn = "series";
      if (this.view) this.element.dataset.zoomed = "true";
    }

    axes() {
      const { x, y } = this.panel, series = this.shown.length ? this.shown : this.panel.series;
      const spread = (values, errors = []) => values.flatMap((v, i) => (v === null ? [] : [v - (errors[i] || 0), v + (errors[i] || 0)]));
      const across = series.flatMap((s) => spread(s.x, s.x_error));
      const upright = series.flatMap((s) => [...spread(s.y, s.y_error), ...(s.upper || [])]);
      const steps = series.some((s) => s.shape === "steps");
      let [left, right] = range(x, across, x.log);
      // What fills an axis from end to end needs no margin.
      if (series.some((s) => s.shape !== "points")) [left, right] = [x.low ?? Math.min(...across), x.high ?? Math.max(...across)];
      let [low, high] = range(y, upright, this.log);
      // Counts start at nothing.
      if (steps && !this.log) low = y.low ?? 0;
      if (left === right) [left, right] = [left - 1, right + 1];
      if (this.view) [[left, right], [low, high]] = this.view;
      this.x = scale(x.log, left, right, LEFT, this.width - RIGHT);
      this.y = scale(this.log, low, high, HEIGHT - BOTTOM, TOP);
    }

    frame() {
      const right = this.width - RIGHT, bottom = HEIGHT - BOTTOM, { x, y, frame } = this.panel;
      const id = `clip-${this.figure.key}`;
      const clip = add(add(this.svg, "defs"), "clipPath", { id });
      add(clip, "rect", { x: LEFT, y: TOP, width: right - LEFT, height: bottom - TOP });
      this.inside = add(this.svg, "g", { "clip-path": `url(#${id})` });
      const spans = frame ? [[-1e4, this.x.place(frame[0])], [this.x.place(frame[1]), 1e4]] : [];
      for (const [from, to] of spans) add(this.inside, "rect", { class: "shade", x: from, y: TOP, width: to - from, height: bottom - TOP });
      const grid = add(this.svg, "g", { class: "grid" });
      const place = (ticksOf, axis, wanted, line, say) => {
        let before = -Infinity;
        for (const tick of ticks(axis, wanted)) {
          const at = axis.place(tick);
          line(at);
          // Numbers that would touch are left out.
          if (Math.abs(at - before) >= ticksOf) {
            say(at, number(Math.abs(tick) < 1e-12 * Math.abs(axis.high) ? 0 : tick));
            before = at;
          }
        }
      };
      place(30, this.x, Math.max(3, Math.floor((right - LEFT) / 80)),
        (at) => add(grid, "line", { x1: at, x2: at, y1: TOP, y2: bottom }),
        (at, text) => add(this.svg, "text", { x: at, y: bottom + 16, "text-anchor": "middle" }, text));
      place(13, this.y, 6,
        (at) => add(grid, "line", { x1: LEFT, x2: right, y1: at, y2: at }),
        (at, text) => add(this.svg, "text", { x: LEFT - 6, y: at + 4, "text-anchor": "end" }, text));
      add(this.svg, "rect", { class: "axis", x: LEFT, y: TOP, width: right - LEFT, height: bottom - TOP });
      write(this.svg, x.label, { x: right, y: HEIGHT - 8, "text-anchor": "end" });
      write(this.svg, y.label, { x: -TOP, y: 14, transform: "rotate(-90)", "text-anchor": "end" });
      this.series = add(this.svg, "g", { "clip-path": `url(#${id})` });
    }

    steps(series) {
      const bottom = this.y.place(this.log ? this.y.low / 10 : 0);
      let path = `M${this.x.place(series.x[0])},${bottom}`;
      series.y.forEach((value, i) => { path += `V${this.y.place(value)}H${this.x.place(series.x[i + 1])}`; });
      add(this.series, "path", { d: `${path}V${bottom}`, fill: "none", stroke: colour(series), "stroke-width": 1.5, "data-series": series.name });
    }

    band(series) {
      const group = add(this.series, "g", { fill: colour(series), "fill-opacity": 0.14, "data-series": series.name });
      series.y.forEach((low, i) => {
        if (low === null) return;
        const [from, to] = [this.x.place(series.x[i]), this.x.place(series.x[i + 1])];
        const [top, bottom] = [this.y.place(series.upper[i]), this.y.place(low)];
        add(group, "rect", { x: from, y: top, width: to - from, height: Math.max(bottom - top, 0) });
      });
    }

    line(series) {
      const places = series.x.map((x, i) => `${this.x.place(x)},${this.y.place(series.y[i])}`);
      const style = series.dashed ? { "stroke-dasharray": "4 3" } : {};
      add(this.series, "polyline", { points: places.join(" "), fill: "none", stroke: colour(series), "stroke-width": 1.5, "data-series": series.name, ...style });
    }

    points(series) {
      const group = add(this.series, "g", { stroke: colour(series), fill: series.hollow ? "var(--paper)" : colour(series), "data-series": series.name });
      series.x.forEach((x, i) => {
        const [across, upright] = [this.x.place(x), this.y.place(series.y[i])];
        const bar = (from, to) => add(group, "line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1], "stroke-width": 1.2 });
        const [wide, tall] = [(series.x_error || [])[i], (series.y_error || [])[i]];
        if (wide) bar([this.x.place(x - wide), upright], [this.x.place(x + wide), upright]);
        if (tall) bar([across, this.y.place(series.y[i] - tall)], [across, this.y.place(series.y[i] + tall)]);
        add(group, "path", { d: mark(series, 3.6), transform: `translate(${across} ${upright})` });
        if (series.named) {
          const left = across > this.width - 140;
          add(this.series, "text", { x: across + (left ? -8 : 8), y: upright - 7, "text-anchor": left ? "end" : "start", class: "faint" }, series.name);
        }
      });
    }

    entry(series) {
      const button = html(this.legend, "button", { type: "button", "aria-pressed": !this.hidden.has(series.name), title: "show or hide" });
      const sample = add(button, "svg", { viewBox: "0 0 22 12", "aria-hidden": "true" });
      if (series.shape === "points") add(sample, "path", { d: mark(series, 3.6), transform: "translate(11 6)", stroke: colour(series), fill: series.hollow ? "none" : colour(series) });
      else if (series.shape === "band") add(sample, "rect", { x: 1, y: 1, width: 20, height: 10, fill: colour(series), "fill-opacity": 0.2 });
      else add(sample, "line", { x1: 1, x2: 21, y1: 6, y2: 6, stroke: colour(series), "stroke-width": 2, "stroke-dasharray": series.dashed ? "4 3" : "none" });
      html(button, "span", {}, series.name);
      button.addEventListener("click", () => {
        if (!this.hidden.delete(series.name)) this.hidden.add(series.name);
        this.draw();
        this.legend.children[this.panel.series.indexOf(series)].focus();
      });
    }

    // -- pointer and keys

    at(event) {
      const box = this.svg.getBoundingClientRect();
      return [((event.clientX - box.left) / box.width) * this.width, ((event.clientY - box.top) / box.height) * HEIGHT];
    }

    within([x, y]) { return x >= LEFT && x <= this.width - RIGHT && y >= TOP && y <= HEIGHT - BOTTOM; }

    listen() {
      let start = null, box = null;
      this.svg.addEventListener("pointerdown", (event) => {
        if (!this.panel || !this.panel.series.length || event.button || !this.within(this.at(event))) return;
        start = this.at(event);
        this.svg.setPointerCapture(event.pointerId);
      });
      this.svg.addEventListener("pointermove", (event) => {
        const here = this.at(event);
        if (!start) return this.within(here) ? this.point(here) : this.unpoint();
        this.unpoint();
        box = box || add(this.svg, "rect", { class: "zoombox" });
        const [from, to] = this.dragged(start, here);
        for (const [key, value] of Object.entries({ x: from[0], y: from[1], width: to[0] - from[0], height: to[1] - from[1] })) box.setAttribute(key, value);
      });
      const end = (event) => {
        if (!start) return;
        const here = this.at(event), [from, to] = this.dragged(start, here);
        const far = Math.max(Math.abs(here[0] - start[0]), Math.abs(here[1] - start[1])) > CLICK;
        if (box) box.remove();
        start = box = null;
        if (far && event.type === "pointerup") this.show([[this.x.value(from[0]), this.x.value(to[0])], [this.y.value(to[1]), this.y.value(from[1])]]);
      };
      this.svg.addEventListener("pointerup", end);
      this.svg.addEventListener("pointercancel", end);
      this.svg.addEventListener("pointerleave", () => this.unpoint());
      this.svg.addEventListener("dblclick", () => this.show(null));
      this.svg.addEventListener("keydown", (event) => {
        const act = {
          "+": () => this.zoom(0.6), "-": () => this.zoom(1 / 0.6), Escape: () => this.show(null),
          ArrowLeft: () => this.zoom(1, -0.2), ArrowRight: () => this.zoom(1, 0.2),
        }[event.key];
        if (!act || !this.panel || !this.panel.series.length) return;
        event.preventDefault();
        act();
      });
    }

    // A drag along one axis takes all of the other.
    dragged(start, here) {
      const ends = [[LEFT, this.width - RIGHT], [TOP, HEIGHT - BOTTOM]].map(([least, most], i) => {
        const inside = [start[i], here[i]].map((v) => Math.max(least, Math.min(most, v))).sort((a, b) => a - b);
        return inside[1] - inside[0] > 2 * CLICK ? inside : [least, most];
      });
      return [ends.map((e) => e[0]), ends.map((e) => e[1])];
    }

    // Closer to the middle of the x axis, or along it, by a share of what is shown.
    zoom(factor, along = 0) {
      if (!this.panel || !this.panel.series.length) return;
      const [left, right] = [LEFT, this.width - RIGHT], width = right - left;
      const middle = (left + right) / 2 + along * width;
      const ends = [middle - (factor * width) / 2, middle + (factor * width) / 2].map(this.x.value);
      this.show([ends, [this.y.low, this.y.high]]);
    }

    unpoint() {
      this.tip.hidden = true;
      if (this.guide) this.guide.remove();
      this.guide = null;
    }

    point([x, y]) {
      this.unpoint();
      const panel = this.panel;
      if (!panel || !panel.series.length) return;
      const bins = this.shown.filter((s) => s.shape === "steps");
      const found = bins.length ? this.bin(bins, this.x.value(x)) : this.nearest(x, y);
      if (!found) return;
      this.guide = add(this.svg, "line", { class: "guide", x1: found.at, x2: found.at, y1: TOP, y2: HEIGHT - BOTTOM });
      this.tip.replaceChildren();
      html(this.tip, "strong", {}, found.title);
      for (const [name, value] of found.rows) {
        const row = html(this.tip, "div");
        html(row, "span", {}, name);
        html(row, "span", {}, value);
      }
      this.tip.hidden = false;
      const ratio = this.svg.clientWidth / this.width, beside = found.at * ratio;
      const left = beside + 14 + this.tip.offsetWidth > this.svg.clientWidth ? beside - this.tip.offsetWidth - 14 : beside + 14;
      this.tip.style.left = `${Math.max(0, left)}px`;
      this.tip.style.top = `${this.svg.offsetTop + y * ratio - 10}px`;
    }

    bin(series, value) {
      const edges = series[0].x, i = edges.findIndex((edge, k) => edge <= value && value < edges[k + 1]);
      if (i < 0) return null;
      const frame = this.panel.frame, middle = (edges[i] + edges[i + 1]) / 2;
      let title = `${number(edges[i])} to ${number(edges[i + 1])}`;
      if (frame && middle < frame[0]) title = `below ${number(frame[0])}`;
      if (frame && middle > frame[1]) title = `above ${number(frame[1])}`;
      return { at: this.x.place(middle), title, rows: series.map((s) => [s.name, number(s.y[i])]) };
    }

    nearest(x, y) {
      let best = null, least = NEAR;
      for (const series of this.shown) {
        if (series.shape === "band") continue;
        series.x.forEach((value, i) => {
          const away = Math.hypot(this.x.place(value) - x, this.y.place(series.y[i]) - y);
          if (away < least) [best, least] = [[series, i], away];
        });
      }
      if (!best) return null;
      const [series, i] = best, error = (kind) => ((series[kind] || [])[i] ? ` ± ${number(series[kind][i])}` : "");
      const rows = [
        [plain(this.panel.x.label), number(series.x[i]) + error("x_error")],
        [plain(this.panel.y.label), number(series.y[i]) + error("y_error")],
      ];
      if (series.notes) rows.push([series.notes[i], ""]);
      return { at: this.x.place(series.x[i]), title: series.name, rows };
    }
  }

  document.documentElement.classList.add("live");
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const drawings = figures.map((figure) => new Drawing(figure, document.getElementById(`figure-${figure.key}`)));

  function choose(group, name) {
    for (const drawing of drawings) if (drawing.figure.group === group) drawing.choose(name);
    for (const select of document.querySelectorAll("select[data-group]")) if (select.dataset.group === group) select.value = name;
    for (const row of document.querySelectorAll("tr[data-choice]")) if (row.dataset.group === group) row.classList.toggle("chosen", row.dataset.choice === name);
  }

  for (const select of document.querySelectorAll("select[data-group]")) {
    select.addEventListener("change", () => choose(select.dataset.group, select.value));
    choose(select.dataset.group, select.value);
  }
  for (const row of document.querySelectorAll("tr[data-choice]")) {
    row.title = "show in the figures";
    row.addEventListener("click", () => choose(row.dataset.group, row.dataset.choice));
  }

  // On paper nothing can be opened.
  window.addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
  });
})();
