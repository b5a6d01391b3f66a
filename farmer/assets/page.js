// Keeps the page live: replaces the sections that changed and updates relative times. Without this script, the page
// reloads itself.
const body = document.body;
const live = document.getElementById('live');
/** How far the farmer's clock is ahead of the browser's. */
let clockOffsetMs = Number(body.dataset.now) - Date.now();

const units = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

function formatDuration(seconds) {
  const first = units.findIndex(([size]) => seconds >= size);
  const [[large, largeName], small] = units.slice(first, first + 2);
  const rest = small ? Math.floor((seconds % large) / small[0]) : 0;
  return `${Math.floor(seconds / large)} ${largeName}${rest > 0 ? ` ${rest} ${small[1]}` : ''}`;
}

function formatRelative(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds === 0) return 'now';
  return seconds > 0 ? `in ${formatDuration(seconds)}` : `${formatDuration(-seconds)} ago`;
}

function updateTimes() {
  const now = Date.now() + clockOffsetMs;
  for (const time of document.querySelectorAll('time[data-at]')) {
    const text = formatRelative(Number(time.dataset.at) - now);
    if (time.textContent !== text) time.textContent = text;
  }
}

/** Whether text in the section is selected, for example to copy it. */
function hasSelection(section) {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && selection.containsNode(section, true);
}

/** Replaces a section. Keeps its open details, its focus and its scroll position. */
function replaceSection(id, html) {
  const section = document.getElementById(id);
  if (!section) return;
  const open = [...section.querySelectorAll('details[open]')].map((details) => details.id);
  const focused = section.contains(document.activeElement) ? document.activeElement.id : '';
  const { scrollTop = 0, scrollLeft = 0 } = section.querySelector('[tabindex]') ?? {};
  const label = section.querySelector('[role=status]');
  const next = document.createElement('template');
  // The farmer has escaped everything that comes from elsewhere.
  next.innerHTML = html;
  const nextLabel = next.content.querySelector('[role=status]');
  if (label && nextLabel && label.textContent === nextLabel.textContent) {
    // An unchanged element is not announced again by screen readers.
    nextLabel.replaceWith(label);
  }
  section.replaceChildren(next.content);
  for (const details of open) document.getElementById(details)?.setAttribute('open', '');
  const list = section.querySelector('[tabindex]');
  if (list) list.scrollTo(scrollLeft, scrollTop);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** The farmer sends an event at least every 15 seconds. */
const MAX_SILENCE_MS = 45_000;
const RETRY_MS = 15_000;
/** New content of sections that have a selection. */
const pending = new Map();
let events;
let lastEventAt = Date.now();
let lastAttemptAt = lastEventAt;
let isLost = false;

function update({ now, title, sections }) {
  lastEventAt = Date.now();
  clockOffsetMs = now - lastEventAt;
  isLost = false;
  document.title = title;
  live.textContent = 'live';
  live.className = 'note on';
  for (const [id, html] of Object.entries(sections)) pending.set(id, html);
  showPending();
  updateTimes();
}

function showPending() {
  for (const [id, html] of pending) {
    if (hasSelection(document.getElementById(id))) continue;
    replaceSection(id, html);
    pending.delete(id);
  }
}

/** Replaces the status, which may be outdated. */
function showConnectionLost() {
  if (isLost) return;
  isLost = true;
  live.textContent = 'not live';
  live.className = 'note';
  document.title = `Connection lost · ${document.querySelector('h1').textContent}`;
  const label = document.querySelector('.label');
  const lastStatus = label.textContent;
  const since = new Date(lastEventAt + clockOffsetMs).toISOString().slice(11, 19);
  document.querySelector('.overall').className = 'overall offline';
  document.querySelector('.icon').textContent = '?';
  label.textContent = 'Connection lost';
  document.querySelector('.label + p').textContent =
    `No update from the farmer since ${since} UTC. The last status was “${lastStatus}”; the figures below are from then. Check whether the farmer is running.`;
}

function connect() {
  lastAttemptAt = Date.now();
  events?.close();
  events = new EventSource('events');
  events.onmessage = ({ data }) => update(JSON.parse(data));
  events.onerror = () => {
    // The browser reconnects by itself unless the server responded with an error, for example to too many clients.
    if (events.readyState === EventSource.CLOSED) void reloadSections();
    else showConnectionLost();
  };
}

/** Fetches the page instead of receiving events, then tries to connect again. */
async function reloadSections() {
  try {
    const response = await fetch('./');
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    const ids = ['overall', 'figures', 'chart', 'contracts', 'storage', 'node', 'log'];
    const sections = Object.fromEntries(ids.map((id) => [id, page.getElementById(id).innerHTML]));
    update({ now: Number(page.body.dataset.now), title: page.title, sections });
    live.textContent = `updated every ${RETRY_MS / 1000} s: too many clients have this page open`;
    live.className = 'note';
  } catch {
    showConnectionLost();
  }
  setTimeout(connect, RETRY_MS);
}

connect();
setInterval(() => {
  updateTimes();
  showPending();
  // A connection can end without an error, for example when the computer was suspended.
  if (Date.now() - Math.max(lastEventAt, lastAttemptAt) < MAX_SILENCE_MS) return;
  showConnectionLost();
  connect();
}, 1000);
