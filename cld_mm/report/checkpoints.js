'use strict';
/* The embedding, groups and neighbors of a run, at the checkpoint that the slider names. */
const tip = document.getElementById('tip');

function thumb(shot, index, size) {
  const box = document.createElement('div');
  box.className = 'thumb';
  dress(box, shot, index, size);
  return box;
}

/* The class of an image, or its own name where images are unlabeled. */
const nameOfImage = (shot, index) => shot.names[shot.labels ? shot.labels[index] : index];
const countOf = (shot) => shot.labels ? shot.labels.length : shot.names.length;

function dress(box, shot, index, size) {
  const rows = Math.ceil(countOf(shot) / shot.columns);
  const column = index % shot.columns, row = Math.floor(index / shot.columns);
  box.style.cssText = `width:${size}px;height:${size}px;background-image:url(${shot.sprite});` +
    `background-size:${shot.columns * size}px ${rows * size}px;` +
    `background-position:-${column * size}px -${row * size}px`;
  box.title = nameOfImage(shot, index);
  box.setAttribute('role', 'img');
  box.setAttribute('aria-label', box.title);
}

function point(shot, index, at) {
  dress(tip.querySelector('.thumb'), shot, index, 96);
  tip.querySelector('span').textContent = nameOfImage(shot, index);
  tip.style.display = 'block';
  /* Beside the pointer, on the side where there is room. */
  const { width, height } = tip.getBoundingClientRect();
  const right = at.clientX + 14 + width < innerWidth;
  const left = right ? at.clientX + 14 : at.clientX - 14 - width;
  tip.style.left = `${Math.max(4, Math.min(left, innerWidth - width - 4))}px`;
  tip.style.top = `${Math.max(4, Math.min(at.clientY - height / 2, innerHeight - height - 4))}px`;
}

function showCheckpoints(section) {
  const shot = data.snapshots[section.dataset.run];
  if (!shot) return;
  const epochs = Object.keys(shot.epochs).map(Number).sort((a, b) => a - b);
  const find = (name) => section.querySelector(name);
  const slider = find('input'), scatter = find('.embedding');
  const size = innerWidth < 720 ? 40 : 48;
  const hidden = new Set();
  let chosen = null, by = shot.labels ? 'class' : 'group';

  const kindsNow = (now) => by === 'class' ? shot.labels : now.groups;
  const nameOf = (kind) => by === 'class' ? shot.names[kind] : `group ${kind + 1}`;

  function draw() {
    const epoch = epochs[slider.value], now = shot.epochs[epoch], kinds = kindsNow(now);
    find('output').textContent = epoch.toLocaleString('en');
    slider.setAttribute('aria-valuetext', `${shot.unit} ${epoch}`);
    const q = now.quality;
    find('.quality').textContent = !shot.labels ? '' : `${q.groups_used} groups: NMI with the classes ${q.nmi.toFixed(3)}, ` +
      `adjusted Rand ${q.adjusted_rand.toFixed(3)}, purity ${q.purity.toFixed(3)}`;
    const traces = [...new Set(kinds)].sort((a, b) => a - b).map((kind) => {
      const rows = kinds.flatMap((label, i) => label === kind ? [i] : []);
      return {
        x: rows.map((i) => now.points[i][0]), y: rows.map((i) => now.points[i][1]), customdata: rows,
        name: safe(nameOf(kind)), mode: 'markers', type: 'scatter', hoverinfo: 'none', meta: kind,
        visible: !hidden.has(kind),
        marker: { color: colorOf(kind), size: countOf(shot) > 1500 ? 5 : 7, symbol: symbols[kind % symbols.length], opacity: 0.8 },
        selectedpoints: chosen === null ? null : rows.flatMap((i, n) => now.groups[i] === chosen ? [n] : []),
        unselected: { marker: { opacity: 0.08 } },
      };
    });
    const axis = { visible: false, range: [-1.06, 1.06] };
    Plotly.react(scatter, traces, {
      font, margin: { l: 4, r: 4, t: 4, b: 4 }, xaxis: axis, yaxis: { ...axis, scaleanchor: 'x' },
      hovermode: 'closest', showlegend: false, dragmode: finger ? false : 'zoom', uirevision: 'kept',
    }, plain);
    return traces;
  }

  /* Keys of classes or groups, drawn anew where those change. */
  function drawKeys() {
    find('.kinds').replaceChildren(...draw().map(({ meta: kind }) => {
      const button = key(nameOf(kind), sign(kind), (on) => {
        hidden[on ? 'delete' : 'add'](kind);
        draw();
      });
      button.setAttribute('aria-pressed', !hidden.has(kind));
      return button;
    }));
  }

  function drawGroups() {
    const now = shot.epochs[epochs[slider.value]];
    find('.groups').replaceChildren(...Object.keys(now.members).map(Number).map((group) => {
      const button = document.createElement('button'), name = document.createElement('span');
      const count = document.createElement('small'), row = document.createElement('div');
      button.type = 'button';
      name.textContent = `group ${group + 1}`;
      count.textContent = `${now.groups.filter((g) => g === group).length} images`;
      name.append(count);
      button.append(name, row);
      const shown = () => {
        const open = chosen === group, all = now.members[group], few = 6;
        /* Closed: some of them, evenly spread as the whole row is. */
        const members = open || all.length <= few ? all
          : Array.from({ length: few }, (_, i) => all[Math.round(i * (all.length - 1) / (few - 1))]);
        button.setAttribute('aria-pressed', open);
        row.replaceChildren(...members.map((i) => thumb(shot, i, open ? size : size - 8)));
      };
      button.shown = shown;
      button.onclick = () => {
        chosen = chosen === group ? null : group;
        find('.groups').querySelectorAll('button').forEach((other) => other.shown());
        draw();
      };
      shown();
      return button;
    }));
    find('.neighbors').replaceChildren(...shot.queries.map((query, r) => {
      const line = document.createElement('div'), name = document.createElement('span');
      name.textContent = name.title = nameOfImage(shot, query);
      const first = thumb(shot, query, size);
      first.classList.add('query');
      line.append(name, first, ...now.neighbors[r].map((i) => {
        const box = thumb(shot, i, size);
        if (shot.labels) box.classList.add(shot.labels[i] === shot.labels[query] ? 'same' : 'other');
        return box;
      }));
      return line;
    }));
  }

  section.querySelectorAll('.choice button').forEach((button, _, all) => {
    button.onclick = () => {
      by = button.dataset.by;
      hidden.clear();
      all.forEach((other) => other.setAttribute('aria-pressed', other === button));
      drawKeys();
    };
  });
  slider.oninput = () => {
    chosen = null;
    if (by === 'group') hidden.clear();
    drawKeys();
    drawGroups();
  };
  drawKeys();
  drawGroups();
  const at = ({ points, event }) => point(shot, points[0].customdata, event);
  scatter.on('plotly_hover', at);
  scatter.on('plotly_click', at);
  scatter.on('plotly_unhover', () => { tip.style.display = 'none'; });
}

document.querySelectorAll('.checkpoints').forEach(showCheckpoints);
/* Paper is narrower than most screens, and Plotly draws in pixels. */
const plots = () => document.querySelectorAll('.plot, .embedding');
const fit = () => plots().forEach((plot) => Plotly.relayout(plot, { width: plot.clientWidth }));
addEventListener('beforeprint', () => { document.body.classList.add('paper'); fit(); });
addEventListener('afterprint', () => {
  document.body.classList.remove('paper');
  plots().forEach((plot) => Plotly.relayout(plot, { width: null, autosize: true }));
});
addEventListener('scroll', () => { tip.style.display = 'none'; }, { passive: true });
