'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const dashes = ['solid', 'dash', 'dot', 'dashdot'];
const plain = { responsive: true, displaylogo: false, displayModeBar: false };
const font = { family: 'system-ui, sans-serif', size: 12, color: '#1c2530' };

/* Plotly reads some tags in names; names come from data. */
const safe = (text) => String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;');

/* All panels first: a plot takes its width from the finished grid. */
const panels = Object.entries(data.panels).map((entry) => {
  const panel = document.createElement('div');
  panel.className = 'curve';
  document.getElementById('curves').append(panel);
  return [panel, ...entry];
});
for (const [panel, title, names] of panels) {
  const traces = [];
  data.runs.forEach((run, r) => names.forEach((name, n) => {
    const curve = data.curves[r][name];
    if (!curve) return;
    const many = data.runs.length > 1;
    const colour = data.colours[(many ? r : n) % data.colours.length];
    traces.push({
      x: curve[0], y: curve[1], name: safe(many ? (names.length > 1 ? `${run}: ${name}` : run) : name),
      mode: curve[0].length < 15 ? 'lines+markers' : 'lines',
      line: { color: colour, width: 2, dash: many ? dashes[n % 4] : 'solid' },
    });
  }));
  Plotly.newPlot(panel, traces, {
    title: { text: safe(title), font: { size: 14 }, x: 0.02, xanchor: 'left' }, font,
    margin: { l: 52, r: 12, t: 34, b: 40 }, showlegend: true,
    legend: { orientation: 'h', y: -0.28, x: 0 },
    xaxis: { title: { text: 'iteration', standoff: 4 }, gridcolor: '#eef1f4', zeroline: false, nticks: 5 },
    yaxis: { gridcolor: '#eef1f4', zeroline: false, nticks: 6 },
  }, plain);
}

function thumb(shot, place, size) {
  const box = document.createElement('div');
  box.className = 'thumb';
  dress(box, shot, place, size);
  return box;
}

function dress(box, shot, place, size) {
  const rows = Math.ceil(shot.labels.length / shot.columns);
  const column = place % shot.columns, row = Math.floor(place / shot.columns);
  box.style.cssText = `width:${size}px;height:${size}px;background-image:url(${shot.sprite});` +
    `background-size:${shot.columns * size}px ${rows * size}px;` +
    `background-position:-${column * size}px -${row * size}px`;
  box.title = shot.names[shot.labels[place]];
}

function look(section) {
  const shot = data.snapshots[section.dataset.run];
  if (!shot) return;
  const epochs = Object.keys(shot.epochs).map(Number).sort((a, b) => a - b);
  const find = (name) => section.querySelector(name);
  const slider = find('input'), scatter = find('.embedding'), tip = document.getElementById('tip');
  const kinds = [...new Set(shot.labels)].sort((a, b) => a - b);
  let chosen = null;

  function draw() {
    const epoch = epochs[slider.value], now = shot.epochs[epoch];
    find('output').textContent = epoch;
    const q = now.quality;
    find('.quality').textContent = `${q.groups_used} groups: NMI with the classes ${q.nmi.toFixed(3)}, ` +
      `adjusted Rand ${q.adjusted_rand.toFixed(3)}, purity ${q.purity.toFixed(3)}`;
    const traces = kinds.map((kind) => {
      const rows = shot.labels.flatMap((label, i) => label === kind ? [i] : []);
      return {
        x: rows.map((i) => now.places[i][0]), y: rows.map((i) => now.places[i][1]), customdata: rows,
        name: safe(shot.names[kind]), mode: 'markers', type: 'scatter', hoverinfo: 'none',
        marker: { color: shot.colours[kind], size: 7, symbol: kind % 8, opacity: 0.85 },
        selectedpoints: chosen === null ? null : rows.flatMap((i, n) => now.groups[i] === chosen ? [n] : []),
        unselected: { marker: { opacity: 0.08 } },
      };
    });
    const axis = { visible: false, range: [-1.06, 1.06] };
    Plotly.react(scatter, traces, {
      font, margin: { l: 4, r: 4, t: 4, b: 4 }, xaxis: axis, yaxis: axis, hovermode: 'closest',
      legend: { orientation: 'h', y: -0.02, itemsizing: 'constant' }, uirevision: 'kept',
    }, plain);
    const groups = Object.keys(now.members).map(Number);
    find('.group-buttons').replaceChildren(...groups.map((group) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = `${group + 1} (${now.groups.filter((g) => g === group).length})`;
      button.setAttribute('aria-pressed', group === chosen);
      button.onclick = () => { chosen = chosen === group ? null : group; draw(); };
      return button;
    }));
    find('.members').replaceChildren(
      ...(chosen === null ? [] : now.members[chosen] || []).map((i) => thumb(shot, i, 54)));
    find('.neighbours').replaceChildren(...shot.queries.map((query, r) => {
      const line = document.createElement('div'), name = document.createElement('span');
      name.textContent = shot.names[shot.labels[query]];
      const first = thumb(shot, query, 40);
      first.classList.add('query');
      line.append(name, first, ...now.neighbours[r].map((i) => {
        const box = thumb(shot, i, 40);
        box.classList.add(shot.labels[i] === shot.labels[query] ? 'same' : 'other');
        return box;
      }));
      return line;
    }));
  }

  slider.oninput = () => { chosen = null; draw(); };
  draw();
  scatter.on('plotly_hover', ({ points, event }) => {
    const place = points[0].customdata;
    dress(tip.querySelector('.thumb'), shot, place, 90);
    tip.querySelector('span').textContent = shot.names[shot.labels[place]];
    tip.style.display = 'block';
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - 130)}px`;
    tip.style.top = `${Math.max(6, event.clientY - 120)}px`;
  });
  scatter.on('plotly_unhover', () => { tip.style.display = 'none'; });
}

document.querySelectorAll('.look').forEach(look);
