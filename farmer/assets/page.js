// Keeps the page live: puts in the sections that changed, and counts the times on. Without it the page reloads itself.
const body = document.body;
const live = document.getElementById('live');
/** What the farmer's clock is ahead of this one. */
let ahead = Number(body.dataset.now) - Date.now();

const units = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

function duration(seconds) {
  const first = units.findIndex(([size]) => seconds >= size);
  const [[large, largeName], small] = units.slice(first, first + 2);
  const rest = small ? Math.floor((seconds % large) / small[0]) : 0;
  return `${Math.floor(seconds / large)} ${largeName}${rest > 0 ? ` ${rest} ${small[1]}` : ''}`;
}

function relative(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds === 0) return 'now';
  return seconds > 0 ? `in ${duration(seconds)}` : `${duration(-seconds)} ago`;
}

function count() {
  const now = Date.now() + ahead;
  for (const time of document.querySelectorAll('time[data-at]')) {
    const text = relative(Number(time.dataset.at) - now);
    if (time.textContent !== text) time.textContent = text;
  }
}

/** Whether the reader has marked text in there, to copy it. */
function isMarked(section) {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && selection.containsNode(section, true);
}

/** Replaces a section, but not what its reader did to it: opened details, where the focus is, how far a list was scrolled. */
function replace(id, html) {
  const section = document.getElementById(id);
  if (!section) return;
  const open = [...section.querySelectorAll('details[open]')].map((details) => details.id);
  const focused = section.contains(document.activeElement) ? document.activeElement.id : '';
  const scrollTop = section.querySelector('[tabindex]')?.scrollTop ?? 0;
  const word = section.querySelector('[role=status]');
  const next = document.createElement('template');
  // The farmer's own HTML, in which it escaped whatever came from elsewhere.
  next.innerHTML = html;
  const nextWord = next.content.querySelector('[role=status]');
  if (word && nextWord && word.textContent === nextWord.textContent) {
    // The element stays where the word does: a screen reader tells a change, and nothing else.
    nextWord.replaceWith(word);
  }
  section.replaceChildren(next.content);
  for (const details of open) document.getElementById(details)?.setAttribute('open', '');
  const list = section.querySelector('[tabindex]');
  if (list && scrollTop > 0) list.scrollTop = scrollTop;
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** The farmer speaks every 15 seconds at least. */
const SILENT_MS = 45_000;
const AGAIN_MS = 15_000;
/** Sections that came while their old text was marked. */
const held = new Map();
let events;
let heardAt = Date.now();
let triedAt = heardAt;
let isLost = false;

function update({ now, title, sections }) {
  heardAt = Date.now();
  ahead = now - heardAt;
  isLost = false;
  document.title = title;
  live.textContent = 'live';
  live.className = 'note on';
  for (const [id, html] of Object.entries(sections)) held.set(id, html);
  putIn();
  count();
}

function putIn() {
  for (const [id, html] of held) {
    if (isMarked(document.getElementById(id))) continue;
    replace(id, html);
    held.delete(id);
  }
}

/** What the page says may not be what is: the word must not go on saying it. */
function lost() {
  if (isLost) return;
  isLost = true;
  live.textContent = 'not live';
  live.className = 'note';
  document.title = `No contact · ${document.querySelector('h1').textContent}`;
  const word = document.querySelector('.word');
  const before = word.textContent.toLowerCase();
  const since = new Date(heardAt).toLocaleTimeString();
  document.querySelector('.verdict').className = 'verdict gone';
  document.querySelector('.mark').textContent = '?';
  word.textContent = 'No contact';
  document.querySelector('.word + p').textContent =
    `This page has not heard from the farmer since ${since}; then it was ${before}, and what you see is from then. Does it still run?`;
}

function connect() {
  triedAt = Date.now();
  events?.close();
  events = new EventSource('events');
  events.onmessage = ({ data }) => update(JSON.parse(data));
  events.onerror = () => {
    // It tries again by itself, but not where it was refused: too many have the page open, or a proxy has lost the farmer.
    if (events.readyState === EventSource.CLOSED) void ask();
    else lost();
  };
}

/** What is to be done without events: the page itself, again. */
async function ask() {
  try {
    const response = await fetch('./');
    if (!response.ok) throw new Error('no page');
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    const ids = ['verdict', 'figures', 'chart', 'contracts', 'storage', 'node', 'log'];
    const sections = Object.fromEntries(ids.map((id) => [id, page.getElementById(id).innerHTML]));
    update({ now: Number(page.body.dataset.now), title: page.title, sections });
    live.textContent = `every ${AGAIN_MS / 1000} s: too many have the page open`;
    live.className = 'note';
  } catch {
    lost();
  }
  setTimeout(connect, AGAIN_MS);
}

connect();
setInterval(() => {
  count();
  putIn();
  // A connection can die without a word: a laptop slept, a cable was pulled.
  if (Date.now() - Math.max(heardAt, triedAt) < SILENT_MS) return;
  lost();
  connect();
}, 1000);
