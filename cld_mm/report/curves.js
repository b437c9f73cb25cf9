'use strict';
/* Curves: panels that zoom together, with keys beside them that switch curves off. */
const data = JSON.parse(document.getElementById('data').textContent);
const dashes = ['solid', 'dash', 'dot', 'dashdot'];
const strokes = ['', '7 4', '2 3', '7 3 2 3'];
/* As many signs as the pictures of matplotlib have, in Plotly's words and as letters. */
const symbols = ['circle', 'square', 'triangle-up', 'diamond', 'triangle-down', 'cross', 'x', 'star',
  'triangle-left', 'triangle-right', 'pentagon', 'hexagon', 'diamond-tall'];
const signs = ['●', '■', '▲', '◆', '▼', '✚', '✖', '★', '◀', '▶', '⬟', '⬢', '⧫'];
const plain = { responsive: true, displaylogo: false, displayModeBar: false, showTips: false };
const font = { family: 'system-ui, sans-serif', size: 12, color: '#1c2530' };
const finger = matchMedia('(pointer: coarse)').matches;
const many = data.runs.length > 1;

/* Plotly reads some tags in names; names come from data. */
const safe = (text) => String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;');
const short = (text) => text.length > 40 ? `${text.slice(0, 20)}…${text.slice(-19)}` : text;
const colorOf = (n) => data.colors[n % data.colors.length];

/* A button that switches something on and off, with a swatch before its name. */
function key(name, swatch, toggle) {
  const button = document.createElement('button'), label = document.createElement('span');
  button.type = 'button';
  button.title = name;
  label.textContent = name;
  button.setAttribute('aria-pressed', 'true');
  button.append(swatch, label);
  button.onclick = () => {
    const on = button.getAttribute('aria-pressed') !== 'true';
    button.setAttribute('aria-pressed', on);
    toggle(on);
  };
  return button;
}

function line(color, dash) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('width', 28);
  svg.setAttribute('height', 8);
  const stroke = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  const values = { d: 'M0 4H28', stroke: color, 'stroke-width': 2.5, 'stroke-dasharray': dash };
  for (const [name, value] of Object.entries(values)) stroke.setAttribute(name, value);
  svg.append(stroke);
  return svg;
}

function sign(number) {
  const mark = document.createElement('b');
  mark.textContent = signs[number % signs.length];
  mark.style.color = colorOf(number);
  return mark;
}

const off = { runs: new Set(), names: new Set() };
const panels = [];
let last = 1;
for (const curves of data.curves)
  for (const curve of Object.values(curves)) last = Math.max(last, curve[0][curve[0].length - 1]);

const show = ({ plot, traces, names }) => Plotly.restyle(plot, {
  visible: traces.map((t) => !off.runs.has(t.meta[0]) && !off.names.has(names[t.meta[1]])),
});

/* All panels first: a plot takes its width from the finished grid. */
for (const [title, names] of Object.entries(data.panels)) {
  const panel = document.createElement('div'), head = document.createElement('h3');
  const plot = document.createElement('div'), keys = document.createElement('div');
  panel.className = 'curve';
  plot.className = 'plot';
  keys.className = 'keys';
  head.textContent = title;
  panel.append(head, plot, keys);
  document.getElementById('curves').append(panel);
  const entry = { plot, names, traces: [] };
  names.forEach((name, n) => keys.append(
    key(name, line(many ? '#444' : colorOf(n), many ? strokes[n % 4] : ''), (on) => {
      off.names[on ? 'delete' : 'add'](name);
      show(entry);
    })));
  data.runs.forEach((run, r) => names.forEach((name, n) => {
    const curve = data.curves[r][name];
    if (!curve) return;
    const few = curve[0].length < 15, step = Math.ceil(curve[0].length / 8);
    entry.traces.push({
      x: curve[0], y: curve[1], meta: [r, n],
      name: safe(many ? short(run) : name),
      mode: few || many ? 'lines+markers' : 'lines',
      line: { color: colorOf(many ? r : n), width: 2, dash: many ? dashes[n % 4] : 'solid' },
      /* Some markers on the way tell runs apart without their colors. */
      marker: {
        symbol: many ? symbols[r % symbols.length] : 'circle',
        size: few ? 7 : curve[0].map((_, i) => i % step === (r * 3) % step ? 7 : 0),
      },
      hovertemplate: '%{y:.4g}',
    });
  }));
  panels.push(entry);
}

for (const { plot, traces } of panels) {
  Plotly.newPlot(plot, traces, {
    font, margin: { l: 54, r: 10, t: 8, b: 36 }, showlegend: false, hovermode: 'x unified',
    dragmode: finger ? false : 'zoom',
    hoverlabel: { font: { size: 11 }, namelength: 40 },
    xaxis: {
      title: { text: 'iteration', standoff: 4, font: { size: 12 } }, gridcolor: '#e6ebef', zeroline: false,
      nticks: 5, range: [0, last * 1.03], hoverformat: ',d',
    },
    /* Only iterations are dragged: values then fill each panel of themselves. */
    yaxis: { gridcolor: '#e6ebef', zeroline: false, nticks: 6, automargin: true, fixedrange: true },
  }, plain);
}

/* The values that a panel's shown curves have between two iterations, with a margin. */
function valuesIn({ plot }, [from, to]) {
  let low = Infinity, high = -Infinity;
  for (const trace of plot.data) {
    if (trace.visible === false) continue;
    const { x, y } = trace;
    const take = (value) => {
      low = Math.min(low, value);
      high = Math.max(high, value);
    };
    for (let i = 0; i < x.length; i++) {
      if (y[i] === null) continue;
      if (x[i] >= from && x[i] <= to) take(y[i]);
      if (i === 0 || y[i - 1] === null) continue;
      /* Where its line crosses the edges of the panel. */
      for (const edge of [from, to])
        if (x[i - 1] < edge && edge < x[i])
          take(y[i - 1] + (y[i] - y[i - 1]) * (edge - x[i - 1]) / (x[i] - x[i - 1]));
    }
  }
  if (low > high) return { 'yaxis.autorange': true };
  const margin = (high - low) * 0.06 || Math.abs(high) * 0.05 || 1;
  return { 'yaxis.range': [low - margin, high + margin] };
}

/* The same iterations in all panels, and each its own values. */
const whole = document.getElementById('whole');
let moving = false;
function zoom(range) {
  moving = true;
  whole.hidden = range === null;
  Promise.all(panels.map((panel) => Plotly.relayout(panel.plot, {
    'xaxis.range': range || [0, last * 1.03],
    ...(range ? valuesIn(panel, range) : { 'yaxis.autorange': true }),
  }))).then(() => { moving = false; });
}
for (const { plot } of panels) {
  plot.on('plotly_relayout', (change) => {
    if (!moving && 'xaxis.range[0]' in change) zoom([change['xaxis.range[0]'], change['xaxis.range[1]']]);
  });
  /* Plotly's own way back knows only its own panel. */
  plot.on('plotly_doubleclick', () => { zoom(null); return false; });
}
whole.onclick = () => zoom(null);

if (many) document.getElementById('run-keys').append(...data.runs.map((run, r) =>
  key(run, sign(r), (on) => {
    off.runs[on ? 'delete' : 'add'](r);
    panels.forEach(show);
  })));

/* A finger that drags scrolls the page, until it is told to zoom. */
const drag = document.getElementById('drag-zoom');
drag.hidden = !finger;
drag.onclick = () => {
  const on = drag.getAttribute('aria-pressed') !== 'true';
  drag.setAttribute('aria-pressed', on);
  panels.forEach(({ plot }) => Plotly.relayout(plot, { dragmode: on ? 'zoom' : false }));
};
