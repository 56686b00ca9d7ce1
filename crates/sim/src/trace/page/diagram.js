// The space-time diagram. All data is on the page; nothing is loaded.
(() => {
  'use strict';
  const $ = id => document.getElementById(id);
  const data = JSON.parse($('data').textContent);
  const { names, texts, nodes } = data, span = Math.max(1, data.until - data.from);
  const GUTTER = 58, AXIS = 24, ROW = 17;
  const stage = $('stage'), canvas = $('canvas'), overview = $('overview');
  const pen = canvas.getContext('2d'), small = overview.getContext('2d');

  // ---- what there is
  const messages = [], marks = [], seen = new Set();
  for (let i = 0; i < data.messages.length; i += 7) {
    const [from, to, sent, way, fate, text, id] = data.messages.slice(i, i + 7);
    messages.push({ from, to, at: sent, end: sent + way, kind: names[fate], text, id, copy: seen.has(id), message: true });
    seen.add(id);
  }
  for (let i = 0; i < data.marks.length; i += 4) {
    const [node, kind, at, text] = data.marks.slice(i, i + 4);
    marks.push({ node, kind: names[kind], at, end: at, text });
  }
  const states = Array.from({ length: nodes + 1 }, () => []), down = Array.from({ length: nodes + 1 }, () => []);
  for (let i = 0; i < data.states.length; i += 3) {
    const [node, at, text] = data.states.slice(i, i + 3);
    if (states[node]) states[node].push({ at, text });
  }
  for (const mark of marks) {
    const gaps = down[mark.node];
    if (!gaps) continue;
    if (mark.kind === 'crashed') gaps.push([mark.at, span]);
    if (mark.kind === 'started') {
      if (gaps.length) gaps[gaps.length - 1][1] = Math.min(gaps[gaps.length - 1][1], mark.at);
      else if (mark.at > 0) gaps.push([0, mark.at]);
    }
  }
  // The most common first word of a state is pale, the next one stands out.
  const word = text => (texts[text].match(/^[^\s,;:{(]+/) || [''])[0];
  const spent = new Map();
  for (const list of states) list.forEach((state, nth) => {
    const until = nth + 1 < list.length ? list[nth + 1].at : span;
    spent.set(word(state.text), (spent.get(word(state.text)) || 0) + until - state.at);
  });
  const paints = ['--s1', '--s0', '--s2', '--s3', '--s4', '--s5'];
  const leads = name => /^(leader|primary|coordinator)$/i.test(name);
  const ranked = [...spent].sort((a, b) => b[1] - a[1]).map(([name]) => name);
  const chief = ranked.findIndex(leads);
  if (chief >= 0) ranked.splice(Math.min(1, ranked.length - 1), 0, ...ranked.splice(chief, 1));
  const paint = new Map(ranked.map((name, nth) => [name, paints[nth % paints.length]]));

  const family = name => /isolate|split|one-way|bridge|flap|partition/.test(name) ? ['--f-cut', 'partition']
    : /crash|blackout|fail-sync|kill/.test(name) ? ['--f-down', 'process down']
    : /pause/.test(name) ? ['--f-pause', 'pause'] : /disk|rot|write|sync|torn/.test(name) ? ['--f-disk', 'disk fault']
    : /spike|slow|delay|loss|link|band/.test(name) ? ['--f-net', 'network fault'] : ['--f-other', 'another fault'];
  const colours = { delivered: '--ok', lost: '--lost', blocked: '--blocked', 'receiver-down': '--down', 'on its way': '--way',
    event: '--event', command: '--command', timer: '--timer', durable: '--durable', crashed: '--crash', started: '--start' };
  const colour = kind => colours[kind] || '--other';

  // ---- how it looks
  let ink = {}, width = 0, height = 0, lane = 60, ratio = 1;
  const theme = () => {
    const style = getComputedStyle(document.documentElement);
    ink = new Proxy({}, { get: (known, name) => known[name] || (known[name] = style.getPropertyValue(name).trim() || '#888') });
  };
  const rows = data.rows;
  const size = () => {
    ratio = Math.max(1, window.devicePixelRatio || 1);
    width = Math.max(200, stage.clientWidth);
    lane = Math.round(Math.min(92, Math.max(30, 620 / Math.max(1, nodes))));
    height = AXIS + nodes * lane + rows.length * ROW + 8;
    for (const [sheet, high] of [[canvas, height], [overview, 46]]) {
      sheet.width = Math.round((sheet === canvas ? width : overview.clientWidth) * ratio);
      sheet.height = Math.round(high * ratio);
      sheet.style.height = high + 'px';
    }
  };
  let view = { from: 0, until: span };
  const X = at => GUTTER + (at - view.from) / (view.until - view.from) * (width - GUTTER);
  const Y = node => AXIS + (node - 0.5) * lane;
  const T = x => view.from + (x - GUTTER) / (width - GUTTER) * (view.until - view.from);
  const ms = (at, digits = 3) => ((at + data.from) / 1e6).toFixed(digits) + ' ms';

  const hidden = new Set();
  let hits = null, only = false, hit = -1, hover = null, kept = null, cone = null, pointer = null;
  const shown = thing => !hidden.has(thing.kind) && !(thing.copy && hidden.has('copy')) && (!only || !hits || hits.has(thing));

  // Where a message is drawn: one that did not arrive ends on the way.
  const line = m => {
    const x1 = X(m.at), y1 = Y(m.from), x2 = X(m.end), y2 = Y(m.to);
    if (!m.from) return [x2 - 16, y2 - 12, x2, y2];
    if (m.kind === 'delivered' || (m.end > m.at && m.kind !== 'on its way')) return [x1, y1, x2, y2];
    const part = Math.min(Math.abs(y2 - y1) * 0.5, 30) * Math.sign(y2 - y1);
    return [x1, y1, x1 + 12, y1 + part];
  };
  const within = thing => thing.end >= view.from && thing.at <= view.until;

  const draw = () => {
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = ink['--card'];
    pen.fillRect(0, 0, width, height);
    pen.font = '11px system-ui, sans-serif';
    pen.save();
    pen.beginPath();
    pen.rect(GUTTER, 0, width - GUTTER, height);
    pen.clip();
    grid();
    faults();
    lanes();
    shadow();
    clients();
    const visible = messages.filter(m => within(m) && shown(m));
    lines(visible);
    const points = marks.filter(m => within(m) && shown(m));
    symbols(points, visible.length);
    glow();
    pen.restore();
    gutter();
    survey();
    document.body.dataset.drawn = visible.length + points.length;
  };

  const steps = about => {
    const rough = (view.until - view.from) / about, power = 10 ** Math.floor(Math.log10(Math.max(1, rough)));
    return [1, 2, 5, 10].map(times => times * power).find(step => step >= rough) || power * 10;
  };
  const grid = () => {
    const step = steps(Math.max(2, width / 130)), first = Math.ceil((view.from + data.from) / step) * step - data.from;
    const digits = step >= 1e6 ? 0 : step >= 1e5 ? 1 : step >= 1e4 ? 2 : 3;
    pen.strokeStyle = ink['--grid'];
    pen.fillStyle = ink['--dim'];
    pen.lineWidth = 1;
    pen.beginPath();
    for (let at = first; at <= view.until; at += step) {
      const x = Math.round(X(at)) + 0.5;
      pen.moveTo(x, AXIS);
      pen.lineTo(x, height);
      pen.fillText(ms(at, digits), x + 3, 14);
    }
    pen.stroke();
  };
  const clear = new Map();
  // Labels of one row do not cover each other.
  const label = (row, text, x, y) => {
    const wide = pen.measureText(text).width + 8;
    if (x < (clear.get(row) ?? -1e9) || x > width) return false;
    clear.set(row, x + wide);
    pen.fillText(text, x, y);
    return true;
  };
  const faults = () => {
    clear.clear();
    for (const [name, at, until, struck] of data.faults) {
      if (until < view.from || at > view.until) continue;
      const [tint, kind] = family(name);
      if (hidden.has(kind)) continue;
      const x = X(Math.max(at, view.from)), wide = Math.max(1.5, X(Math.min(until, view.until)) - x);
      for (const node of struck.length ? struck : [0]) {
        const top = node ? AXIS + (node - 1) * lane : AXIS, high = node ? lane : nodes * lane;
        pen.globalAlpha = 0.1;
        pen.fillStyle = ink[tint];
        pen.fillRect(x, top, wide, high - 1);
        pen.globalAlpha = 0.7;
        pen.fillRect(x, top, wide, 2);
        pen.globalAlpha = 1;
        pen.fillStyle = ink['--dim'];
        label('fault' + node, name, Math.max(x, GUTTER) + 3, top + 12);
      }
    }
  };
  const lanes = () => {
    for (let node = 1; node <= nodes; node++) {
      const y = Y(node), list = states[node];
      pen.fillStyle = ink['--lane'];
      pen.fillRect(GUTTER, y - 0.5, width, 1);
      let nth = Math.max(0, before(list, view.from) - 1), last = -1;
      for (; nth < list.length && list[nth].at <= view.until; nth++) {
        const until = nth + 1 < list.length ? list[nth + 1].at : span;
        const x = X(list[nth].at), end = X(until);
        // Many changes within a pixel are one.
        if (end - last < 0.7) continue;
        last = end;
        pen.fillStyle = ink[paint.get(word(list[nth].text)) || '--s1'];
        pen.fillRect(x, y - 3, Math.max(0.7, end - x), 6);
        if (end - x > 46 && lane > 40) {
          pen.fillStyle = ink['--dim'];
          const from = Math.max(x, GUTTER) + 3;
          const room = Math.floor((Math.min(end, width) - from) / 6), text = texts[list[nth].text];
          if (room > 6) pen.fillText(text.length > room ? text.slice(0, room - 1) + '…' : text, from, y - 12);
        }
      }
      for (const [at, until] of down[node]) {
        if (until < view.from || at > view.until) continue;
        const x = X(at), end = X(until);
        pen.fillStyle = ink['--card'];
        pen.fillRect(x, y - 4, end - x, 8);
        pen.strokeStyle = ink['--crash'];
        pen.setLineDash([2, 4]);
        pen.beginPath();
        pen.moveTo(x, y);
        pen.lineTo(end, y);
        pen.stroke();
        pen.setLineDash([]);
      }
    }
  };
  const before = (list, at) => {
    let low = 0, high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle].at <= at) low = middle + 1; else high = middle;
    }
    return low;
  };
  const clients = () => {
    rows.forEach(([, stretches], nth) => {
      const y = AXIS + nodes * lane + nth * ROW + 3;
      for (const [at, until, text, marked] of stretches) {
        const end = until ?? span;
        if (end < view.from || at > view.until) continue;
        const x = Math.max(X(at), GUTTER - 4), wide = Math.max(2, X(end) - x);
        pen.globalAlpha = until === null ? 0.5 : 1;
        pen.fillStyle = ink[marked ? '--bad' : '--op'];
        pen.fillRect(x, y, wide, ROW - 4);
        pen.globalAlpha = 1;
        pen.fillStyle = ink[marked ? '--card' : '--op-ink'];
        const room = Math.floor((wide - 6) / 6.2);
        if (room > 3) pen.fillText(text.length > room ? text.slice(0, room - 1) + '…' : text, x + 3, y + 10);
      }
    });
  };

  const lines = visible => {
    const many = visible.length > 1500, dense = visible.length > 6000;
    const batches = new Map(), drawn = new Set();
    for (const m of visible) {
      const [x1, y1, x2, y2] = line(m);
      if (many) {
        // What falls on the same pixels is drawn once.
        const key = `${m.from},${m.to},${Math.round(x1)},${Math.round(x2)},${m.kind}`;
        if (drawn.has(key)) continue;
        drawn.add(key);
      }
      const batch = m.kind + (m.copy ? '+' : '');
      if (!batches.has(batch)) batches.set(batch, { path: new Path2D(), heads: new Path2D(), m });
      const { path, heads } = batches.get(batch);
      path.moveTo(x1, y1);
      path.lineTo(x2, y2);
      if (!many) head(heads, m.kind, x1, y1, x2, y2);
    }
    for (const { path, heads, m } of batches.values()) {
      pen.strokeStyle = pen.fillStyle = ink[colour(m.kind)];
      const plain = m.kind === 'delivered';
      pen.globalAlpha = !plain ? 0.95 : dense ? 0.25 : many ? 0.4 : 0.85;
      pen.lineWidth = many ? 0.8 : plain ? 1.2 : 1.5;
      pen.setLineDash(m.copy ? [2, 3] : m.kind === 'on its way' ? [5, 4] : []);
      pen.stroke(path);
      pen.setLineDash([]);
      if (plain) pen.fill(heads); else { pen.lineWidth = 1.7; pen.stroke(heads); }
    }
    pen.globalAlpha = 1;
    if (visible.length <= 90) {
      clear.clear();
      pen.fillStyle = ink['--dim'];
      for (const m of visible) {
        if (!m.from) continue;
        const [x1, y1, x2, y2] = line(m), text = (texts[m.text].match(/^[^\s{(]+/) || [''])[0].slice(0, 18);
        const part = m.kind === 'delivered' ? 0.35 : 1, y = Math.round((y1 + (y2 - y1) * part) / 11);
        label('m' + y, text, x1 + (x2 - x1) * part + 4, y * 11);
      }
    }
  };
  const head = (path, kind, x1, y1, x2, y2) => {
    const angle = Math.atan2(y2 - y1, x2 - x1), cos = Math.cos(angle), sin = Math.sin(angle);
    const at = (along, across) => [x2 + cos * along - sin * across, y2 + sin * along + cos * across];
    const go = points => points.forEach(([along, across], nth) => nth ? path.lineTo(...at(along, across)) : path.moveTo(...at(along, across)));
    if (kind === 'delivered') { go([[0, 0], [-7, 3], [-7, -3]]); path.closePath(); }
    else if (kind === 'lost') { go([[-4, -4], [4, 4]]); go([[-4, 4], [4, -4]]); }
    else if (kind === 'blocked') go([[0, -5], [0, 5]]);
    else if (kind === 'receiver-down') { path.moveTo(x2 + 4, y2); path.arc(x2, y2, 4, 0, 7); }
    else if (kind !== 'on its way') { go([[-4, 0], [0, -4], [4, 0], [0, 4], [-4, 0]]); }
  };
  const place = mark => {
    const y = Y(mark.node);
    return mark.kind === 'event' ? y - 7 : mark.kind === 'command' || mark.kind === 'timer' ? y + 8 : mark.kind === 'durable' ? y + 14 : y;
  };
  const symbols = (points, lines) => {
    const many = points.length + lines > 1500, drawn = new Set();
    clear.clear();
    for (const mark of points) {
      const rare = mark.kind === 'crashed' || mark.kind === 'started' || !colours[mark.kind];
      if (many && !rare && !hits) {
        if (points.length > 6000) continue;
        const key = mark.node + mark.kind + Math.round(X(mark.at) / 3);
        if (drawn.has(key)) continue;
        drawn.add(key);
      }
      symbol(mark.kind, X(mark.at), place(mark), many && !rare ? 0.6 : 1);
      if (mark.kind === 'durable' && points.length < 400) {
        pen.fillStyle = ink['--durable'];
        label('d' + mark.node, texts[mark.text].replace('up to ', ''), X(mark.at) + 5, place(mark) + 8);
      }
    }
    if (data.failure) {
      const x = X(data.failure.at);
      pen.fillStyle = ink['--bad'];
      pen.fillRect(x - 1, AXIS, 2, nodes * lane);
      if (data.failure.node) { pen.beginPath(); pen.arc(x, Y(data.failure.node), 8, 0, 7); pen.lineWidth = 2.5; pen.strokeStyle = ink['--bad']; pen.stroke(); }
    }
  };
  const symbol = (kind, x, y, times) => {
    const r = 3.6 * times;
    pen.fillStyle = pen.strokeStyle = ink[colour(kind)];
    pen.lineWidth = 1.4;
    pen.beginPath();
    if (kind === 'event') pen.arc(x, y, r * 0.85, 0, 7);
    else if (kind === 'command') { pen.moveTo(x, y - r); pen.lineTo(x + r, y); pen.lineTo(x, y + r); pen.lineTo(x - r, y); }
    else if (kind === 'timer') { pen.moveTo(x - r, y - r); pen.lineTo(x + r, y - r); pen.lineTo(x - r, y + r); pen.lineTo(x + r, y + r); pen.closePath(); }
    else if (kind === 'durable') { pen.moveTo(x, y + 5 * times); pen.lineTo(x, y - 4 * times); pen.lineTo(x + 4 * times, y - 4 * times); pen.stroke(); return; }
    else if (kind === 'started') { pen.moveTo(x, y - 7); pen.lineTo(x + 6, y + 5); pen.lineTo(x - 6, y + 5); }
    else if (kind === 'crashed') {
      pen.arc(x, y, 6.5, 0, 7);
      pen.fillStyle = ink['--card'];
      pen.fill();
      pen.stroke();
      pen.beginPath();
      pen.lineWidth = 2.2;
      pen.moveTo(x - 4, y - 4); pen.lineTo(x + 4, y + 4); pen.moveTo(x + 4, y - 4); pen.lineTo(x - 4, y + 4);
      pen.stroke();
      return;
    } else pen.rect(x - r, y - r, 2 * r, 2 * r);
    pen.fill();
  };
  const trail = (m, tint, wide) => {
    const [x1, y1, x2, y2] = m.message ? line(m) : [X(m.at), place(m), X(m.at), place(m)];
    pen.strokeStyle = tint;
    pen.lineWidth = wide;
    pen.beginPath();
    if (m.message) { pen.moveTo(x1, y1); pen.lineTo(x2, y2); pen.stroke(); pen.beginPath(); }
    for (const [x, y] of m.message ? [[x1, y1], [x2, y2]] : [[x1, y1]]) { pen.moveTo(x + 6, y); pen.arc(x, y, 6, 0, 7); }
    pen.stroke();
  };
  const glow = () => {
    if (hits) {
      let nth = 0;
      pen.globalAlpha = 0.85;
      for (const thing of hits) if (within(thing) && shown(thing) && nth++ < 800) trail(thing, ink['--hit'], 1.6);
      pen.globalAlpha = 1;
    }
    if (kept) trail(kept, ink['--hit'], 3);
    if (hover && hover !== kept) trail(hover, ink['--ink'], 2.2);
  };
  const gutter = () => {
    pen.fillStyle = ink['--card'];
    pen.fillRect(0, 0, GUTTER, height);
    pen.fillStyle = ink['--rule'];
    pen.fillRect(GUTTER - 1, 0, 1, height);
    pen.font = '600 13px system-ui, sans-serif';
    pen.fillStyle = ink['--ink'];
    for (let node = 1; node <= nodes; node++) pen.fillText('n' + node, 12, Y(node) + 4);
    pen.font = '11px system-ui, sans-serif';
    pen.fillStyle = ink['--dim'];
    rows.forEach(([name], nth) => pen.fillText(name.slice(0, 9), 5, AXIS + nodes * lane + nth * ROW + 13));
  };

  // ---- the whole at a glance
  let histogram = null;
  const survey = () => {
    const wide = overview.clientWidth, high = 46, x = at => at / span * wide;
    small.setTransform(ratio, 0, 0, ratio, 0, 0);
    small.fillStyle = ink['--card'];
    small.fillRect(0, 0, wide, high);
    for (const [name, at, until] of data.faults) {
      small.globalAlpha = 0.3;
      small.fillStyle = ink[family(name)[0]];
      small.fillRect(x(at), 0, Math.max(1, x(until) - x(at)), 6);
    }
    small.globalAlpha = 1;
    if (!histogram || histogram.length !== Math.ceil(wide / 2)) {
      histogram = new Array(Math.ceil(wide / 2)).fill(0);
      for (const thing of [...messages, ...marks]) histogram[Math.min(histogram.length - 1, Math.floor(x(thing.at) / 2))]++;
    }
    const most = Math.max(1, ...histogram);
    small.fillStyle = ink['--ok'];
    histogram.forEach((count, nth) => { const bar = Math.sqrt(count / most) * (high - 10); small.fillRect(nth * 2, high - bar, 1.6, bar); });
    small.fillStyle = ink['--crash'];
    for (const mark of marks) if (mark.kind === 'crashed') small.fillRect(x(mark.at), 6, 1.5, 6);
    if (hits) { small.fillStyle = ink['--hit']; for (const thing of hits) small.fillRect(x(thing.at), 12, 1.5, 8); }
    if (data.failure) { small.fillStyle = ink['--bad']; small.fillRect(x(data.failure.at) - 1, 0, 2, high); }
    const from = x(view.from), until = x(view.until);
    small.fillStyle = ink['--ink'];
    small.globalAlpha = 0.16;
    small.fillRect(0, 0, from, high);
    small.fillRect(until, 0, wide, high);
    small.globalAlpha = 1;
    small.strokeStyle = ink['--ink'];
    small.strokeRect(from + 0.5, 0.5, Math.max(3, until - from) - 1, high - 1);
  };

  // ---- what happened before what: one pass back and one forth over the deliveries
  const arrived = messages.filter(m => m.kind === 'delivered' && m.from);
  const backwards = [...arrived].sort((a, b) => b.end - a.end), forwards = [...arrived].sort((a, b) => a.at - b.at);
  const causes = thing => {
    const past = new Array(nodes + 1).fill(-1), future = new Array(nodes + 1).fill(Infinity);
    if (thing.message) {
      if (thing.from) past[thing.from] = thing.at;
      if (thing.kind === 'delivered') future[thing.to] = thing.end;
    } else { past[thing.node] = thing.at; future[thing.node] = thing.at; }
    for (const m of backwards) if (m.end <= past[m.to] && m.at > past[m.from]) past[m.from] = m.at;
    for (const m of forwards) if (m.at >= future[m.from] && m.end < future[m.to]) future[m.to] = m.end;
    return { past, future };
  };
  const shadow = () => {
    if (!cone) return;
    for (let node = 1; node <= nodes; node++) {
      const top = AXIS + (node - 1) * lane;
      pen.fillStyle = ink['--past'];
      if (cone.past[node] >= 0) pen.fillRect(X(0), top, X(cone.past[node]) - X(0), lane);
      pen.fillStyle = ink['--future'];
      if (cone.future[node] < Infinity) pen.fillRect(X(cone.future[node]), top, X(span) - X(cone.future[node]), lane);
    }
  };

  // ---- words
  const told = thing => {
    if (!thing.message) return `n${thing.node} ${thing.kind}, ${ms(thing.at)}\n${texts[thing.text]}`;
    const from = thing.from ? 'n' + thing.from : 'somebody', way = ((thing.end - thing.at) / 1e6).toFixed(3);
    const times = !thing.from ? ms(thing.end) : thing.end > thing.at ? `sent ${ms(thing.at)}, until ${ms(thing.end)}: ${way} ms` : `sent ${ms(thing.at)}`;
    return `${from} → n${thing.to}: ${thing.kind}${thing.copy ? ' (a copy)' : ''}, message ${thing.id}\n${times}\n${texts[thing.text]}`;
  };
  const tell = () => {
    const thing = kept || hover, stretch = !thing && pointer ? client(pointer) : null;
    $('detail').textContent = thing ? told(thing) : stretch || (data.failure ? `${ms(data.failure.at)}\n${data.failure.text}` : 'Point at something.');
    $('detail').classList.toggle('kept', !!kept);
    const at = pointer ? T(pointer.x) : kept ? kept.at : view.until;
    const list = $('states');
    list.textContent = '';
    const line = (node, text) => {
      const row = document.createElement('div'), name = document.createElement('b'), words = document.createElement('span');
      name.textContent = node;
      words.textContent = text;
      row.append(name, words);
      list.append(row);
    };
    const when = document.createElement('span');
    when.className = 'dim';
    when.textContent = 'states at ' + ms(at);
    list.append(when);
    for (let node = 1; node <= nodes; node++) {
      const known = before(states[node], at), dead = down[node].some(([from, until]) => from <= at && at < until);
      const faulty = data.faults.filter(([name, from, until, struck]) => from <= at && at < until && struck.includes(node) && !/crash|blackout/.test(name));
      const text = dead ? 'down' : known ? texts[states[node][known - 1].text] : '';
      line('n' + node, text + faulty.map(([name]) => ` [${name}]`).join(''));
    }
  };
  const client = ({ x, y }) => {
    const nth = Math.floor((y - AXIS - nodes * lane) / ROW), at = T(x);
    const found = rows[nth] && rows[nth][1].find(([from, until]) => from <= at && at <= (until ?? span));
    return found ? `${rows[nth][0]}: ${found[2]}\n${ms(found[0])}` + (found[1] === null ? ', never answered' : ` – ${ms(found[1])}`) : null;
  };

  // ---- hands
  let asked = false;
  const again = () => { if (!asked) { asked = true; requestAnimationFrame(() => { asked = false; draw(); tell(); }); } };
  const look = (from, until) => {
    const least = 2000, wide = Math.min(Math.max(until - from, least), span * 1.1), slack = span * 0.05;
    from = Math.min(Math.max((from + until - wide) / 2, -slack), span + slack - wide);
    view = { from, until: from + wide };
    again();
  };
  const zoom = (times, x = (GUTTER + width) / 2) => {
    const at = T(x), wide = (view.until - view.from) / times, part = (at - view.from) / (view.until - view.from);
    if (wide > span * 1.1) return look(0, span);
    const from = at - part * wide;
    look(from, from + wide);
  };
  const move = part => { const by = (view.until - view.from) * part; look(view.from + by, view.until + by); };
  const centre = at => { const half = (view.until - view.from) / 2; look(at - half, at + half); };
  const near = ({ x, y }) => {
    let best = null, least = 7;
    const distance = (thing, far, bonus = 0) => { if (far - bonus < least) { least = far - bonus; best = thing; } };
    for (const m of marks) if (within(m) && shown(m)) distance(m, Math.hypot(X(m.at) - x, place(m) - y), 2);
    for (const m of messages) {
      if (!within(m) && X(m.at) > x + 20) continue;
      if (!shown(m)) continue;
      const [x1, y1, x2, y2] = line(m), dx = x2 - x1, dy = y2 - y1, part = Math.min(1, Math.max(0, ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy || 1)));
      distance(m, Math.hypot(x1 + part * dx - x, y1 + part * dy - y));
    }
    return best;
  };
  const keep = thing => { kept = thing; cone = thing && causes(thing); again(); };
  const spot = event => { const box = stage.getBoundingClientRect(); return { x: event.clientX - box.left, y: event.clientY - box.top }; };
  const fingers = new Map();
  let grabbed = null;
  stage.addEventListener('pointerdown', event => {
    fingers.set(event.pointerId, spot(event));
    grabbed = { x: event.clientX, view, moved: false };
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener('pointermove', event => {
    const at = spot(event);
    if (fingers.size === 2 && fingers.has(event.pointerId)) {
      const other = [...fingers].find(([id]) => id !== event.pointerId)[1], was = Math.abs(fingers.get(event.pointerId).x - other.x);
      zoom(Math.max(20, Math.abs(at.x - other.x)) / Math.max(20, was), (at.x + other.x) / 2);
      fingers.set(event.pointerId, at);
      grabbed = null;
    } else if (grabbed && fingers.has(event.pointerId)) {
      const by = event.clientX - grabbed.x;
      if (Math.abs(by) > 4) { grabbed.moved = true; stage.classList.add('drag'); }
      if (grabbed.moved) {
        const shift = by / (width - GUTTER) * (grabbed.view.until - grabbed.view.from);
        look(grabbed.view.from - shift, grabbed.view.until - shift);
      }
    } else { pointer = at; hover = near(at); stage.style.cursor = hover ? 'pointer' : ''; again(); }
  });
  const release = event => {
    fingers.delete(event.pointerId);
    stage.classList.remove('drag');
    if (event.type === 'pointerup' && grabbed && !grabbed.moved) { pointer = spot(event); const thing = near(pointer); keep(thing === kept ? null : thing); }
    grabbed = null;
  };
  stage.addEventListener('pointerup', release);
  stage.addEventListener('pointercancel', release);
  stage.addEventListener('pointerleave', () => { pointer = hover = null; again(); });
  stage.addEventListener('wheel', event => {
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) move((event.deltaX || event.deltaY) / 900);
    else zoom(Math.exp(-event.deltaY / 300), spot(event).x);
  }, { passive: false });
  const scrub = event => { if (event.buttons) centre((event.clientX - overview.getBoundingClientRect().left) / overview.clientWidth * span); };
  overview.addEventListener('pointerdown', event => { overview.setPointerCapture(event.pointerId); scrub(event); });
  overview.addEventListener('pointermove', scrub);

  const failure = () => { if (data.failure) centre(data.failure.at - (view.until - view.from) * 0.35); };
  const keys = { ArrowLeft: () => move(-0.15), ArrowRight: () => move(0.15), '+': () => zoom(1.5), '=': () => zoom(1.5), '-': () => zoom(1 / 1.5),
    f: () => look(0, span), x: failure, n: () => go(1), p: () => go(-1), Home: () => centre(0), End: () => centre(span), Escape: () => keep(null) };
  document.addEventListener('keydown', event => {
    if (event.target.tagName === 'INPUT' || event.ctrlKey || event.metaKey || event.altKey) {
      if (event.key === 'Escape') stage.focus();
      return;
    }
    if (event.key === '/') { event.preventDefault(); $('find').focus(); return; }
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  $('closer').onclick = () => zoom(1.6);
  $('farther').onclick = () => zoom(1 / 1.6);
  $('fit').onclick = () => look(0, span);
  $('failure').hidden = !data.failure;
  $('failure').onclick = failure;

  // ---- search
  const lower = texts.map(text => text.toLowerCase());
  const matches = (thing, words) => words.every(word => {
    if (/^n\d+$/.test(word)) return thing.message ? 'n' + thing.from === word || 'n' + thing.to === word : 'n' + thing.node === word;
    if (/^#\d+$/.test(word)) return thing.message && '#' + thing.id === word;
    return thing.kind.includes(word) || lower[thing.text].includes(word);
  });
  const search = () => {
    const words = $('find').value.toLowerCase().split(/\s+/).filter(Boolean);
    hits = words.length ? new Set([...messages, ...marks].filter(thing => matches(thing, words)).sort((a, b) => a.at - b.at)) : null;
    hit = -1;
    $('found').textContent = hits ? `${hits.size} found` : '';
    again();
  };
  const go = by => {
    if (!hits || !hits.size) return;
    const list = [...hits];
    if (hit < 0) hit = by > 0 ? Math.max(0, list.findIndex(thing => thing.at >= view.from)) : list.length - 1;
    else hit = (hit + by + list.length) % list.length;
    $('found').textContent = `${hit + 1} of ${hits.size}`;
    centre(list[hit].at);
    keep(list[hit]);
  };
  $('find').addEventListener('input', search);
  $('find').addEventListener('keydown', event => { if (event.key === 'Enter') go(event.shiftKey ? -1 : 1); });
  $('next').onclick = () => go(1);
  $('previous').onclick = () => go(-1);
  $('only').onchange = event => { only = event.target.checked; again(); };

  // ---- legend: what occurs, and a switch for each
  const entry = (name, tint, words) => {
    const item = document.createElement('li'), button = document.createElement('button'), swatch = document.createElement('i');
    swatch.style.background = `var(${tint})`;
    button.type = 'button';
    button.append(swatch, words);
    if (name) {
      button.setAttribute('aria-pressed', 'true');
      button.onclick = () => {
        if (!hidden.delete(name)) hidden.add(name);
        button.setAttribute('aria-pressed', String(!hidden.has(name)));
        again();
      };
    } else button.disabled = true;
    item.append(button);
    $('legend').append(item);
  };
  const count = new Map();
  for (const thing of [...messages, ...marks]) count.set(thing.kind, (count.get(thing.kind) || 0) + 1);
  const copies = messages.filter(m => m.copy).length;
  for (const [kind, many] of [...count].sort((a, b) => b[1] - a[1])) entry(kind, colour(kind), `${kind} ${many}`);
  if (copies) entry('copy', '--way', `copies ${copies}`);
  for (const [kind, tint] of new Map(data.faults.map(([name]) => family(name).reverse()))) entry(kind, tint, kind);
  if (paint.size > 1) for (const [name, tint] of paint) entry('', tint, name);

  // ---- begin where something is to be seen
  const things = [...messages, ...marks].sort((a, b) => a.at - b.at);
  const begin = () => {
    const asked = /[#&]t=([\d.]+)\.\.([\d.]+)/.exec(location.hash);
    if (asked) return look(asked[1] * 1e6 - data.from, asked[2] * 1e6 - data.from);
    if (things.length <= 500) return look(-span * 0.01, span * 1.01);
    const crash = marks.find(mark => mark.kind === 'crashed');
    const about = data.failure ? data.failure.at : crash ? crash.at : 0;
    const middle = before(things, about), first = things[Math.max(0, middle - 220)], last = things[Math.min(things.length - 1, middle + (data.failure ? 20 : 120))];
    look(first.at, Math.max(last.at, first.at + 1000));
  };
  document.querySelector('.live').hidden = false;
  theme();
  size();
  begin();
  addEventListener('resize', () => { size(); histogram = null; again(); });
  addEventListener('hashchange', begin);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { theme(); again(); });
})();
