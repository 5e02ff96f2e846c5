// Fetches the parts of this site through the edge and shows what the edge said of each.

const PARTS = [
  '/style.css',
  '/panel.js',
  '/mark.svg',
  '/picture.png',
  '/holdfast.woff2',
  '/how.html',
  '/clock.html',
  '/api/time',
  '/nowhere',
];
const SLOWEST_MS = 1000;

// Past the browser's own cache, but without the no-cache that browsers then add and an edge would obey:
// they add it only where the page sets neither field. Caches ignore a directive they do not know.
const REQUEST = { cache: 'no-store', headers: { 'Cache-Control': 'demonstration', Pragma: 'demonstration' } };

const rows = document.querySelector('#rows');
const sum = document.querySelector('#sum');
const again = document.querySelector('#again');

async function measure(path) {
  const startedAt = performance.now();
  try {
    const response = await fetch(path, REQUEST);
    await response.arrayBuffer();
    return { path, ms: performance.now() - startedAt, field: (name) => response.headers.get(name) ?? '' };
  } catch {
    return { path, ms: performance.now() - startedAt, field: (name) => (name === 'x-cache' ? 'FAILED' : '') };
  }
}

function cell(className, ...content) {
  const made = document.createElement('td');
  made.className = className;
  made.append(...content);
  return made;
}

function row({ path, ms, field }) {
  const word = field('x-cache') || 'NO EDGE';
  const bar = Object.assign(document.createElement('meter'), { max: SLOWEST_MS, value: Math.min(ms, SLOWEST_MS) });
  const made = document.createElement('tr');
  made.append(
    cell('', path),
    cell(`word ${word.toLowerCase()}`, word),
    cell('', field('age')),
    cell('time-cell', `${ms.toFixed(ms < 10 ? 1 : 0)} ms`, bar),
    cell('wide', field('cache-status')),
  );
  return made;
}

async function show() {
  again.disabled = true;
  const results = await Promise.all(PARTS.map(measure));
  rows.replaceChildren(...results.map(row));
  const hits = results.filter(({ field }) => ['HIT', 'STALE'].includes(field('x-cache'))).length;
  sum.textContent = `${hits} of ${results.length} without waiting for the origin.`;
  again.disabled = false;
}

for (const base of document.querySelectorAll('.base')) base.textContent = location.origin;
again.addEventListener('click', show);
show();
