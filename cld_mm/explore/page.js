'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const at = (name) => document.getElementById(name);
const count = data.files.length;
const state = { view: 'map', level: Math.min(1, data.levels.length - 1), color: 'group', image: null, found: null };
const nameOf = (file) => file.split(/[\\/]/).pop();

/* Neighboring hues are far apart: the golden angle. */
const colorOf = (n) => `hsl(${(n * 137.5 + 210) % 360} ${62 - (n % 3) * 8}% ${44 + (n % 4) * 5}%)`;
const kinds = data.classes ? [...new Set(data.classes)].sort() : [];
const kindOf = data.classes ? new Map(kinds.map((name, n) => [name, n])) : null;
const colorOfImage = (i) => state.color === 'class' ? colorOf(kindOf.get(data.classes[i])) : colorOf(data.levels[state.level].of[i]);

/* Thumbnails: 32 by 32 in each sprite, shown as backgrounds. */
const sheets = data.sprites.map((url) => { const image = new Image(); image.src = url; return image; });
const side = 64, perSheet = data.columns ** 2;
const style = document.createElement('style');
style.textContent = data.sprites.map((url, n) => `.sheet${n} { background-image: url(${url}); }`).join('\n');
document.head.append(style);

function dress(element, i, size) {
  const rest = i % perSheet, sheet = Math.floor(i / perSheet);
  element.className = element.className.replace(/\bsheet\d+\b/g, '').trim();
  element.classList.add('thumb', `sheet${sheet}`);
  element.style.setProperty('--s', `${size}px`);
  element.style.backgroundSize = `${data.columns * size}px auto`;
  element.style.backgroundPosition = `-${rest % data.columns * size}px -${Math.floor(rest / data.columns) * size}px`;
  return element;
}

function thumb(i, size = 58, note = null) {
  const button = dress(document.createElement('button'), i, size);
  button.type = 'button';
  button.dataset.image = i;
  button.title = data.files[i];
  button.setAttribute('aria-label', data.files[i]);
  button.classList.toggle('on', i === state.image);
  if (note !== null) {
    const small = document.createElement('small');
    small.textContent = note;
    button.append(small);
  }
  return button;
}

function make(tag, text, ...children) {
  const element = document.createElement(tag);
  if (text !== null) element.textContent = text;
  element.append(...children);
  return element;
}

/* The panel: an image and its nearest neighbors. */
function select(i) {
  state.image = i;
  const picture = new Image();
  picture.alt = data.files[i];
  picture.onerror = () => picture.replaceWith(dress(document.createElement('span'), i, 230));
  picture.src = data.urls[i];
  const facts = document.createElement('dl');
  const fact = (name, value) => facts.append(make('dt', name), make('dd', value));
  if (data.classes) fact('class', data.classes[i] || 'none');
  const level = data.levels[state.level], group = level.of[i];
  fact('group', `${group + 1} of ${level.level}${data.classes ? `: ${level.groups[group].name}` : ''}`);
  fact('unusual', `more than ${data.unusual[i]} % of the images`);
  const near = make('div', null, ...data.neighbors[i].map((j, n) => thumb(j, 55, data.similarities[i][n].toFixed(2))));
  near.className = 'grid';
  const copies = data.duplicates.find((set) => set.members.includes(i));
  const parts = [picture, make('h2', nameOf(data.files[i])), make('p', data.files[i]), facts, make('h3', 'Nearest neighbors'), near];
  parts[2].className = 'hint';
  if (copies) {
    const row = make('div', null, ...copies.members.filter((j) => j !== i).map((j) => thumb(j, 55)));
    row.className = 'grid';
    parts.push(make('h3', 'Near-duplicates'), row);
  }
  at('panel').replaceChildren(...parts);
  document.querySelectorAll('button.thumb').forEach((button) => button.classList.toggle('on', Number(button.dataset.image) === i));
  draw();
}

/* The map. */
const canvas = at('map'), pen = canvas.getContext('2d');
let zoom = 1, left = 0, top_ = 0, placed = [];
const extent = [0, 1].map((axis) => data.points.reduce((most, point) => Math.max(most, Math.abs(point[axis])), 1e-3));
const scale = () => zoom * Math.min((canvas.clientWidth / 2 - 36) / extent[0], (canvas.clientHeight / 2 - 36) / extent[1]);
const place = (i) => [canvas.clientWidth / 2 + left + data.points[i][0] * scale(), canvas.clientHeight / 2 + top_ - data.points[i][1] * scale()];

function draw() {
  if (state.view !== 'map') return;
  const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const near = state.image === null ? [] : data.neighbors[state.image];
  const first = state.image === null ? [] : [state.image, ...near];
  const wanted = 0.62 * Math.sqrt(width * height / Math.min(count, 400));
  const size = Math.min(64, Math.max(30, wanted) * (0.8 + 0.2 * zoom)), gap = size * 1.1;
  const cells = new Map(), dots = [], shown = [];
  placed = [];
  /* A thumbnail where there is room for one, else a dot. */
  const visit = (i) => {
    const [x, y] = place(i);
    if (x < -size || y < -size || x > width + size || y > height + size) return;
    const free = state.found === null || state.found.has(i);
    const column = Math.floor(x / gap), row = Math.floor(y / gap);
    let room = at('thumbs').checked && free;
    for (let a = column - 1; room && a <= column + 1; a++)
      for (let b = row - 1; room && b <= row + 1; b++) {
        const other = cells.get(`${a} ${b}`);
        room = !other || Math.abs(other[0] - x) >= gap || Math.abs(other[1] - y) >= gap;
      }
    if (room || i === state.image) {
      cells.set(`${column} ${row}`, [x, y]);
      shown.push([i, x, y]);
    } else dots.push([i, x, y, free]);
  };
  first.forEach(visit);
  const done = new Set(first);
  for (let i = 0; i < count; i++) if (!done.has(i)) visit(i);
  const radius = Math.min(5, 2.2 + zoom * 0.35);
  for (const [i, x, y, free] of dots) {
    pen.globalAlpha = free ? 0.75 : 0.1;
    pen.fillStyle = colorOfImage(i);
    pen.beginPath();
    pen.arc(x, y, radius, 0, 7);
    pen.fill();
    placed.push([i, x, y, radius + 2]);
  }
  pen.globalAlpha = 1;
  for (const [i, x, y] of shown.reverse()) {
    const rest = i % perSheet, sheet = sheets[Math.floor(i / perSheet)];
    const half = size / 2, chosen = i === state.image, beside = near.includes(i);
    pen.save();
    pen.beginPath();
    pen.roundRect(x - half, y - half, size, size, 6);
    pen.fillStyle = '#e2e6ea';
    pen.fill();
    pen.clip();
    if (sheet.complete && sheet.naturalWidth)
      pen.drawImage(sheet, rest % data.columns * side, Math.floor(rest / data.columns) * side, side, side, x - half, y - half, size, size);
    pen.restore();
    pen.lineWidth = chosen ? 4 : beside ? 3.5 : 2;
    pen.strokeStyle = chosen ? '#000' : beside ? '#0b6bcb' : colorOfImage(i);
    pen.beginPath();
    pen.roundRect(x - half, y - half, size, size, 6);
    pen.stroke();
    placed.push([i, x, y, half]);
  }
}

function hit(event) {
  const box = canvas.getBoundingClientRect();
  const x = event.clientX - box.left, y = event.clientY - box.top;
  for (let n = placed.length - 1; n >= 0; n--) {
    const [i, px, py, reach] = placed[n];
    if (Math.abs(px - x) <= reach && Math.abs(py - y) <= reach) return i;
  }
  return null;
}

function zoomBy(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const before = zoom;
  zoom = factor ? Math.min(80, Math.max(0.8, zoom * factor)) : 1;
  if (!factor) left = top_ = 0;
  else {
    left = (x - canvas.clientWidth / 2) * (1 - zoom / before) + left * zoom / before;
    top_ = (y - canvas.clientHeight / 2) * (1 - zoom / before) + top_ * zoom / before;
  }
  draw();
}

const fingers = new Map();
let moved = 0;
canvas.onwheel = (event) => {
  event.preventDefault();
  const box = canvas.getBoundingClientRect();
  zoomBy(Math.exp(-event.deltaY * 0.0016), event.clientX - box.left, event.clientY - box.top);
};
canvas.onpointerdown = (event) => {
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  if (fingers.size === 1) moved = 0;
};
canvas.onpointermove = (event) => {
  const old = fingers.get(event.pointerId);
  if (!old) { hover(hit(event), event); return; }
  hover(null);
  const now = [event.clientX, event.clientY];
  const [dx, dy] = [now[0] - old[0], now[1] - old[1]];
  moved += Math.abs(dx) + Math.abs(dy);
  if (fingers.size === 2) {
    const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
    const gap = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
    const box = canvas.getBoundingClientRect();
    zoomBy(gap(now) / gap(old), (now[0] + other[0]) / 2 - box.left, (now[1] + other[1]) / 2 - box.top);
  } else if (moved > 4) {
    canvas.classList.add('moving');
    left += dx;
    top_ += dy;
    draw();
  }
  fingers.set(event.pointerId, now);
};
canvas.onpointerup = canvas.onpointercancel = (event) => {
  fingers.delete(event.pointerId);
  canvas.classList.remove('moving');
  if (moved > 4 || event.type === 'pointercancel') return;
  const i = hit(event);
  if (i !== null) select(i);
};
canvas.onpointerleave = () => hover(null);
canvas.onkeydown = (event) => {
  const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
  if (step) { left += step[0]; top_ += step[1]; draw(); }
  else if (event.key === '+' || event.key === '=') zoomBy(1.6);
  else if (event.key === '-') zoomBy(0.625);
  else return;
  event.preventDefault();
};
at('zoom').onclick = ({ target }) => { if (target.dataset.zoom) zoomBy(Number(target.dataset.zoom)); };

function hover(i, event) {
  const tip = at('tip');
  if (i === null) { tip.style.display = 'none'; return; }
  dress(tip.firstChild, i, 126);
  tip.lastChild.textContent = nameOf(data.files[i]) + (data.classes && data.classes[i] ? ` · ${data.classes[i]}` : '');
  tip.style.display = 'block';
  const box = tip.getBoundingClientRect();
  const right = event.clientX + 16 + box.width < innerWidth;
  tip.style.left = `${right ? event.clientX + 16 : Math.max(4, event.clientX - 16 - box.width)}px`;
  tip.style.top = `${Math.max(4, Math.min(event.clientY - box.height / 2, innerHeight - box.height - 4))}px`;
}

/* Cards and grids. */
const kept = (i) => state.found === null || state.found.has(i);
const empty = (text) => { const p = make('p', text); p.className = 'empty'; return p; };
const percent = (value) => `${Math.round(100 * value)} %`;

function card(title, text, members, color, size) {
  const box = make('article', null), head = make('h2', null);
  box.className = 'card';
  if (color) { const dot = make('i', null); dot.style.background = color; head.append(dot); }
  head.append(title);
  const row = make('div', null, ...members.map((i) => thumb(i, 64)));
  box.append(head, make('p', text), row);
  if (size > members.length) {
    const rest = make('p', `and ${(size - members.length).toLocaleString('en')} more`);
    rest.className = 'more';
    box.append(rest);
  }
  return box;
}

function show() {
  document.querySelectorAll('nav button').forEach((b) => b.setAttribute('aria-pressed', b.dataset.view === state.view));
  document.querySelectorAll('#views section').forEach((s) => { s.hidden = s.dataset.view !== state.view; });
  at('level-choice').hidden = !['map', 'groups'].includes(state.view);
  at('color-choice').hidden = at('thumbs-choice').hidden = state.view !== 'map';
  const level = data.levels[state.level];
  if (state.view === 'groups') {
    const cards = level.groups.flatMap((group, n) => {
      const members = group.members.filter(kept);
      if (!members.length) return [];
      const text = `${group.size.toLocaleString('en')} images · spread ${group.spread.toFixed(2)}` +
        (group.purity === null ? '' : ` · ${percent(group.purity)} ${group.name}`);
      return [card(data.classes ? `${n + 1} · ${group.name}` : group.name, text, members, colorOf(n), group.size)];
    });
    at('group-cards').replaceChildren(...(cards.length ? cards : [empty('No group has such a file.')]));
  } else if (state.view === 'duplicates') {
    const cards = data.duplicates.filter((set) => set.members.some(kept)).map((set) =>
      card(`${set.size} images`, `similarity ${set.similarity.toFixed(3)} · ${set.members.map((i) => nameOf(data.files[i])).join(', ')}`, set.members, null, set.size));
    at('duplicate-cards').replaceChildren(...(cards.length ? cards : [empty('No near-duplicates were found.')]));
  } else if (state.view === 'outliers' || state.view === 'subset') {
    const list = data[state.view === 'subset' ? 'subset' : 'outliers'];
    const images = list.flatMap((i, n) => kept(i) ? [thumb(i, 92, String(n + 1))] : []);
    at(state.view === 'subset' ? 'subset-grid' : 'outlier-grid').replaceChildren(...(images.length ? images : [empty('No such file among them.')]));
  } else draw();
}

at('level').append(...data.levels.map(({ method, level, groups }, n) => {
  const option = make('option', `${groups.length} ${method === 'kmeans' ? 'by k-means' : 'nested (hierarchical)'}`);
  option.value = n;
  option.selected = n === state.level;
  return option;
}));
at('level').onchange = ({ target }) => { state.level = Number(target.value); show(); if (state.image !== null) select(state.image); };
at('color').onchange = ({ target }) => { state.color = target.value; draw(); };
at('thumbs').onchange = draw;
at('search').oninput = ({ target }) => {
  const text = target.value.trim().toLowerCase();
  state.found = text ? new Set(data.files.flatMap((file, i) => file.toLowerCase().includes(text) ? [i] : [])) : null;
  at('matches').textContent = text ? `${state.found.size.toLocaleString('en')} found` : '';
  if (state.found && state.found.size === 1) select([...state.found][0]);
  show();
};
document.querySelector('nav').onclick = ({ target }) => {
  const button = target.closest('button');
  if (!button) return;
  state.view = button.dataset.view;
  hover(null);
  show();
};
document.body.addEventListener('click', ({ target }) => {
  const button = target.closest('button.thumb');
  if (button) select(Number(button.dataset.image));
});
document.body.addEventListener('pointerover', (event) => {
  const button = event.target.closest('button.thumb');
  if (button && event.pointerType === 'mouse') hover(Number(button.dataset.image), event);
  else if (event.target !== canvas) hover(null);
});
addEventListener('resize', draw);
sheets.forEach((image) => { image.onload = draw; });
show();
