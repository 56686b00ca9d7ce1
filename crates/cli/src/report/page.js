// Hover, zoom and copy. Everything that matters is on the page without this.
(() => {
  'use strict';
  const $ = id => document.getElementById(id);
  const tip = $('tip'), panel = $('panel'), detail = $('detail'), scroll = $('scroll'), diagram = $('diagram'), hot = $('hot');

  // What a shape has to say: its title, taken over so that the browser does not show it a second time.
  const said = new WeakMap();
  const speaker = node => {
    for (let at = node; at instanceof SVGElement && at.tagName !== 'svg'; at = at.parentNode) {
      if (said.has(at)) return at;
      const title = [...at.children].find(child => child.tagName === 'title');
      if (title) { said.set(at, title.textContent); title.remove(); return at; }
    }
    return null;
  };
  // Lines are thin: look around the pointer too. Arrows and marks come before bands.
  const under = (x, y) => {
    let band = null;
    for (const [dx, dy] of [[0, 0], [0, 3], [0, -3], [3, 0], [-3, 0], [0, 5], [0, -5]]) {
      const found = speaker(document.elementFromPoint(x + dx, y + dy));
      if (found && !/band|role|window/.test(found.getAttribute('class') || '')) return found;
      band = band || found;
    }
    return band;
  };

  let kept = false, last = null;
  const heat = shape => {
    hot.textContent = '';
    if (!shape || shape.tagName !== 'line' || !shape.closest('#messages')) return;
    const line = shape.cloneNode(false);
    line.removeAttribute('class');
    hot.append(line);
    for (const end of ['1', '2']) {
      const ring = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
      ring.setAttribute('cx', shape.getAttribute('x' + end));
      ring.setAttribute('cy', shape.getAttribute('y' + end));
      ring.setAttribute('r', '6');
      hot.append(ring);
    }
  };
  document.addEventListener('pointermove', event => {
    const inside = diagram.contains(event.target), shape = event.target instanceof SVGElement ? under(event.clientX, event.clientY) : null;
    if (inside && !kept && shape !== last) {
      last = shape;
      if (shape) detail.textContent = said.get(shape);
      heat(shape);
    }
    tip.hidden = inside || !shape;
    if (tip.hidden) return;
    tip.textContent = said.get(shape);
    tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + 'px';
    tip.style.top = Math.min(event.clientY + 16, innerHeight - tip.offsetHeight - 8) + 'px';
  });

  // Times are in percent: a wider drawing is a closer look.
  const room = () => scroll.clientWidth - 16;
  const natural = Number(diagram.dataset.width);
  const zoom = (times, middle) => {
    const now = diagram.clientWidth, most = Math.max(natural * 40, 4e4);
    const wide = Math.min(Math.max(now * times, room()), Math.min(most, 4e5));
    const at = (scroll.scrollLeft + middle) / now;
    diagram.style.minWidth = '0';
    diagram.style.width = wide + 'px';
    diagram.classList.toggle('vast', wide < natural * 0.22);
    diagram.classList.toggle('far', wide < natural * 0.8);
    diagram.classList.toggle('z1', wide >= natural * 4);
    diagram.classList.toggle('z2', wide >= natural * 16);
    scroll.scrollLeft = at * wide - middle;
  };
  const centre = () => scroll.clientWidth / 2;
  $('closer').onclick = () => zoom(1.6, centre());
  $('farther').onclick = () => zoom(1 / 1.6, centre());
  $('fit').onclick = () => zoom(0, centre());
  const marked = diagram.querySelector('.op.bad:not(.open)');
  const seek = () => { scroll.scrollLeft = marked.getBBox().x + marked.getBBox().width / 2 - centre(); };
  if (marked) { $('marked').onclick = seek; } else { $('marked').hidden = true; }
  // Begin with the contradiction where all at once would be too much.
  if (marked && natural > room() * 5) seek(); else if (natural > room()) zoom(0, centre());
  $('tools').hidden = false;
  scroll.addEventListener('wheel', event => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 240), event.clientX - scroll.getBoundingClientRect().left);
  }, { passive: false });
  scroll.addEventListener('keydown', event => {
    if (event.key === '+' || event.key === '=') zoom(1.6, centre());
    if (event.key === '-') zoom(1 / 1.6, centre());
  });
  let from = null;
  scroll.addEventListener('pointerdown', event => { if (event.button === 0) from = { x: event.clientX, left: scroll.scrollLeft, moved: false }; });
  addEventListener('pointermove', event => {
    if (!from) return;
    from.moved = from.moved || Math.abs(event.clientX - from.x) > 4;
    scroll.classList.toggle('drag', from.moved);
    if (from.moved) scroll.scrollLeft = from.left - (event.clientX - from.x);
  });
  addEventListener('pointerup', () => {
    if (from && !from.moved) {
      kept = !kept && !!last;
      panel.classList.toggle('kept', kept);
    }
    from = null;
    scroll.classList.remove('drag');
  });

  const copy = $('copy');
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.onclick = () => navigator.clipboard.writeText($('command-line').textContent).then(() => { copy.textContent = 'copied'; });
  }
})();
