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

/** Replaces a section, but not what its reader did to it: opened details, and how far a list was scrolled. */
function replace(id, html) {
  const section = document.getElementById(id);
  if (!section) return;
  const open = [...section.querySelectorAll('details[open]')].map((details) => details.id);
  const scrolled = section.querySelector('[tabindex]');
  const { scrollTop = 0 } = scrolled ?? {};
  const focused = scrolled !== null && scrolled === document.activeElement;
  const word = section.querySelector('[role=status]');
  const next = document.createElement('template');
  // The farmer's own HTML, in which it escaped whatever came from elsewhere.
  next.innerHTML = html;
  const nextWord = next.content.querySelector('[role=status]');
  // The element stays where the word does: a screen reader tells a change, and nothing else.
  if (word && nextWord && word.textContent === nextWord.textContent) nextWord.replaceWith(word);
  section.replaceChildren(next.content);
  for (const details of open) document.getElementById(details)?.setAttribute('open', '');
  const list = section.querySelector('[tabindex]');
  if (list && scrollTop > 0) list.scrollTop = scrollTop;
  if (list && focused) list.focus({ preventScroll: true });
}

const events = new EventSource('events');
events.onmessage = ({ data }) => {
  const { now, title, sections } = JSON.parse(data);
  ahead = now - Date.now();
  document.title = title;
  for (const [id, html] of Object.entries(sections)) replace(id, html);
  live.textContent = 'live';
  live.className = 'note on';
};
events.onerror = () => {
  live.textContent = 'the farmer does not answer: what you see is old';
  live.className = 'note off';
  document.title = `? ${document.title.replace(/^\? /, '')}`;
};
setInterval(count, 1000);
