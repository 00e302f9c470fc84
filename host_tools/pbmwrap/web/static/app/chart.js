// A chart over time with uPlot: dash patterns and a name at the end of each line, limits and bands
// with their words, and a table of the same figures behind it. Nothing is shown by hover alone.

import { Component, html, Table } from "./ui.js";
import { t } from "./text.js";
import { clockText, number } from "./format.js";

const DASHES = [[], [10, 5], [3, 4], [14, 4, 3, 4]];
const FONT_PX = 18;
const ROWS_MOST = 25; // of the table: evenly spread, first and last included

let loading = null;

function loadPlot() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL("../vendor/uPlot.iife.min.js", import.meta.url);
    script.onload = () => resolve(window.uPlot);
    script.onerror = reject;
    document.head.append(script);
  });
  return loading;
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function fontPx() {
  return Math.max(FONT_PX, parseFloat(getComputedStyle(document.documentElement).fontSize));
}

/**
 * title: heading; xs: seconds; series: [{name, values, digits}]; lines: [{at, name}]; bands:
 * [{from, to, name}]; low, high: the range shown at least; unit.
 */
export class Chart extends Component {
  constructor(props) {
    super(props);
    this.host = null;
    this.plot = null;
    this.attach = (element) => { this.host = element; };
    this.fit = () => this.draw(true);
  }

  async componentDidMount() {
    this.uPlot = await loadPlot();
    if (!this.host) return;
    this.observer = new ResizeObserver(this.fit);
    this.observer.observe(this.host);
    this.draw(true);
  }

  componentDidUpdate() {
    this.draw(false);
  }

  componentWillUnmount() {
    this.observer?.disconnect();
    this.plot?.destroy();
    this.plot = null;
    this.uPlot = null;
  }

  data() {
    return [this.props.xs, ...this.props.series.map((s) => s.values)];
  }

  draw(sizeChanged) {
    if (!this.uPlot || !this.host) return;
    const style = `${colour("text")} ${this.props.series.map((s) => s.name)} ${fontPx()}`;
    if (this.plot && style === this.style) {
      if (sizeChanged && this.plot.width !== this.host.clientWidth) {
        this.plot.destroy();
        this.plot = new this.uPlot(this.options(), this.data(), this.host);
      }
      if (this.props.xs.length !== this.points) this.plot.setData(this.data());
    } else {
      this.plot?.destroy();
      this.plot = new this.uPlot(this.options(), this.data(), this.host);
      this.style = style;
    }
    this.points = this.props.xs.length;
  }

  size() {
    return { width: this.host.clientWidth, height: Math.min(420, Math.max(260, innerHeight / 2)) };
  }

  /** Room at the right for the names of the lines; on a narrow screen they stand in the chart. */
  gutter() {
    this.outside = this.host.clientWidth > fontPx() * 28;
    if (!this.outside) return fontPx() * 1.6;
    const ctx = document.createElement("canvas").getContext("2d");
    ctx.font = `600 ${fontPx()}px system-ui, sans-serif`;
    return Math.max(...this.props.series.map((s) => ctx.measureText(s.name).width)) + fontPx();
  }

  options() {
    const { low, high, digits } = this.props;
    const font = `${fontPx()}px system-ui, sans-serif`;
    const axis = {
      stroke: colour("text"), font, grid: { stroke: colour("grid"), width: 1 },
      ticks: { stroke: colour("grid"), width: 1 },
    };
    const size = Math.ceil(fontPx() * 3.4);
    return {
      ...this.size(),
      padding: [fontPx(), this.gutter(), 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false },
        y: { range: (_, least, most) => [Math.min(low, least ?? low), Math.max(high, most ?? high)] },
      },
      axes: [
        { ...axis, size: Math.ceil(fontPx() * 2.2), space: fontPx() * 5,
          incrs: [10, 30, 60, 120, 300, 600, 1200],
          values: (_, ticks) => ticks.map((s) => clockText(s)) },
        { ...axis, size, space: fontPx() * 2.4,
          values: (_, ticks) => ticks.map((v) => number(v, digits || 0)) },
      ],
      series: [{}, ...this.props.series.map((s, i) => ({
        stroke: colour(`line-${i % 4}`), width: 3, dash: DASHES[i % 4], spanGaps: false,
        points: { show: false },
      }))],
      hooks: { drawClear: [(u) => this.paintLimits(u)], draw: [(u) => this.paintNames(u)] },
    };
  }

  paintLimits(u) {
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    const y = (value) => Math.min(top + height, Math.max(top, u.valToPos(value, "y", true)));
    const font = fontPx() * devicePixelRatio;
    ctx.save();
    ctx.font = `${font}px system-ui, sans-serif`;
    for (const band of this.props.bands || []) {
      ctx.fillStyle = colour("band");
      ctx.fillRect(left, y(band.to), width, y(band.from) - y(band.to));
    }
    for (const line of this.props.lines || []) {
      if (line.at < u.scales.y.min || line.at > u.scales.y.max) continue;
      ctx.strokeStyle = colour("limit");
      ctx.lineWidth = 2 * devicePixelRatio;
      ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(left, y(line.at));
      ctx.lineTo(left + width, y(line.at));
      ctx.stroke();
    }
    ctx.restore();
  }

  /** Names at the ends of their lines, moved apart where lines meet; words of limits at the left. */
  paintNames(u) {
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    const font = fontPx() * devicePixelRatio;
    const ends = this.props.series.map((s, i) => {
      const at = s.values.findLastIndex((v) => v !== null && v !== undefined);
      return at < 0 ? null : { name: s.name, i, y: u.valToPos(s.values[at], "y", true),
        x: u.valToPos(this.props.xs[at], "x", true) };
    }).filter(Boolean).sort((a, b) => a.y - b.y);
    ctx.save();
    ctx.font = `600 ${font}px system-ui, sans-serif`;
    ctx.textBaseline = "middle";
    const write = (words, x, y, ink) => {
      ctx.lineWidth = 5 * devicePixelRatio;
      ctx.strokeStyle = colour("back");
      ctx.lineJoin = "round";
      ctx.strokeText(words, x, y);
      ctx.fillStyle = ink;
      ctx.fillText(words, x, y);
    };
    ctx.textAlign = "left";
    for (const mark of [...(this.props.bands || []).map((b) => ({ at: b.from, name: b.name })),
      ...(this.props.lines || [])]) {
      if (mark.at < u.scales.y.min || mark.at > u.scales.y.max) continue;
      write(mark.name, left + font / 3, u.valToPos(mark.at, "y", true) - font * 0.6,
        colour("limit"));
    }
    // Names of lines stand below their lines: the words of limits are above theirs.
    const gap = font * 1.15;
    let free = top + font;
    const places = ends.map((end) => {
      const y = Math.max(end.y + (this.outside ? 0 : font * 0.8), free);
      free = y + gap;
      return y;
    });
    const over = Math.max(0, (places.at(-1) ?? 0) - (top + height - font * 0.6));
    ctx.textAlign = this.outside ? "left" : "right";
    ends.forEach((end, n) => {
      const x = Math.min(end.x, left + width) + (this.outside ? font / 3 : -font / 3);
      write(end.name, x, places[n] - over, colour(`line-${end.i % 4}`));
    });
    ctx.restore();
  }

  rows() {
    const { xs, series } = this.props;
    const step = Math.max(1, (xs.length - 1) / (ROWS_MOST - 1));
    const picked = [];
    for (let i = 0; i <= xs.length - 1 + 1e-6 && xs.length; i += step) picked.push(Math.round(i));
    return picked.map((i) => [clockText(xs[i]), ...series.map((s) =>
      s.values[i] === null || s.values[i] === undefined ? "-" : number(s.values[i], s.digits))]);
  }

  summary() {
    const parts = this.props.series.map((s) => {
      const known = s.values.filter((v) => v !== null && v !== undefined);
      return known.length ? t("chart.series", { name: s.name,
        least: number(Math.min(...known), s.digits), most: number(Math.max(...known), s.digits),
        last: number(known.at(-1), s.digits), unit: this.props.unit }) : null;
    });
    return [this.props.title, ...parts.filter(Boolean)].join(". ");
  }

  render() {
    const { title, xs, series, unit } = this.props;
    const open = Boolean(this.state.open);
    const toggle = (event) => this.setState({ open: event.currentTarget.open });
    return html`<figure class="chart">
      <figcaption>${title} <span class="unit">${unit}</span></figcaption>
      <div class="plot" role="img" aria-label=${this.summary()} ref=${this.attach}></div>
      <details onToggle=${toggle}><summary>${t("chart.table")}</summary>
        ${open ? html`<${Table} caption=${`${title}, ${unit}`}
          columns=${[{ name: t("chart.time") }, ...series.map((s) =>
            ({ name: s.name, number: true }))]}
          rows=${xs.length ? this.rows() : []} />` : null}
      </details>
    </figure>`;
  }
}
