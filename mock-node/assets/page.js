// What the node is like and how to change it, by its control API alone; the events say when to look again.
const REQUESTS_SHOWN = 30;
const CONTRACTS_SHOWN = 25;
/** So long after something happened it is looked at, with what happened meanwhile. */
const SOON_MS = 300;
/** Rounds end without an event while nobody asks. */
const AT_LEAST_EVERY_MS = 5_000;
const RETRY_MS = 2_000;

const byId = (id) => document.getElementById(id);
const rowsOf = (id) => document.querySelector(`#${id} tbody`);
let requests = [];
let clock;
/** When the clock was told, by this machine's own. */
let clockAt = 0;
let intervalMs = 60_000;
let soon;

// ------------------------------------------------------------------------------------------------ asking

class NeedsToken extends Error {}

async function ask(path, { method = 'GET', body, signal } = {}) {
  const token = sessionStorage.getItem('token');
  const response = await fetch(`__admin${path}`, {
    method,
    signal,
    headers: {
      ...(token && { Authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (response.status === 401) {
    byId('key').hidden = false;
    throw new NeedsToken('the token is needed');
  }
  byId('key').hidden = true;
  if (!response.ok) throw new Error((await response.json()).message);
  return response;
}

const get = async (path) => await (await ask(path)).json();

/** Does something, and says so where it could not be done. */
async function act(method, path, body) {
  try {
    await ask(path, { method, body });
    say('');
  } catch (error) {
    if (!(error instanceof NeedsToken)) say(`Not done: ${error.message}`);
  }
  await refresh();
}

function say(text) {
  byId('said').hidden = text === '';
  byId('said').textContent = text;
}

// ------------------------------------------------------------------------------------------------ building

/** An element; text is always text. */
function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function button(text, label, onclick) {
  const element = make('button', { type: 'button', textContent: text, onclick });
  if (label) element.ariaLabel = label;
  return element;
}

/** Rows by key, those that stay being the same elements: nothing is taken away under a pointer or a focus. */
function fill(body, items, keyOf, create) {
  const known = new Map([...body.children].map((row) => [row.dataset.key, row]));
  items.forEach((item, at) => {
    const key = String(keyOf(item));
    const row = known.get(key) ?? create(item);
    known.delete(key);
    row.dataset.key = key;
    row.update?.(item);
    if (body.children[at] !== row) body.insertBefore(row, body.children[at] ?? null);
  });
  for (const row of known.values()) row.remove();
}

function put(element, text, className) {
  if (element.textContent !== text) element.textContent = text;
  if (className !== undefined && element.className !== className) element.className = className;
}

// ------------------------------------------------------------------------------------------------ showing

function showFigures({ farmers, contracts, challenges, requests: journal }) {
  const figures = {
    Farmers: farmers,
    Contracts: contracts.due + contracts.settled,
    Passed: challenges.passed,
    Wrong: challenges.wrong,
    Unanswered: challenges.unanswered,
    Requests: journal.kept + journal.dropped,
  };
  fill(
    byId('figures'),
    Object.entries(figures),
    ([name]) => name,
    ([name]) => {
      const value = make('dd');
      const row = make('div', {}, make('dt', { textContent: name }), value);
      row.update = ([, count]) => put(value, count.toLocaleString('en'));
      return row;
    },
  );
}

function showFaults(faults) {
  byId('no-faults').hidden = faults.length > 0;
  byId('faults').hidden = faults.length === 0;
  fill(
    rowsOf('faults'),
    faults,
    ({ name }) => name,
    ({ name }) => {
      const toggle = button('', `fault ${name}`, () => {
        void act('PATCH', `/faults/${name}`, { enabled: toggle.ariaChecked !== 'true' });
      });
      toggle.role = 'switch';
      const effect = make('span');
      const about = make('small');
      const turn = make('time');
      const turns = make('small', {}, make('span'), ' ', turn);
      const applied = make('td', { className: 'number' });
      const remove = button('×', `remove ${name}`, () => void act('DELETE', `/faults/${name}`));
      const row = make(
        'tr',
        {},
        make('td', {}, toggle),
        make('td', {}, make('code', { textContent: name }), ' ', effect, about, turns),
        applied,
        make('td', { className: 'actions' }, remove),
      );
      row.update = (fault) => {
        toggle.ariaChecked = String(fault.enabled);
        put(effect, inWords(fault.effect));
        put(about, conditions(fault));
        const next = nextTurn(fault);
        turns.hidden = next === undefined;
        put(turns.firstChild, next?.what ?? '');
        turn.dataset.at = String(next?.at ?? 0);
        put(applied, `${fault.applied} of ${fault.matched}`);
      };
      return row;
    },
  );
}

function inWords({ kind, ...parameters }) {
  const told = Object.entries(parameters).map(([name, value]) => `${name} ${value}`);
  return [kind.replaceAll('_', ' '), ...(told.length > 0 ? [`(${told.join(', ')})`] : [])].join(' ');
}

/** What time will do to a fault next, by the node's clock: its window begins, or it ends. */
function nextTurn({ addedAt, state, window, ttlMs }) {
  const added = Date.parse(addedAt);
  const gone = ttlMs === undefined ? Infinity : added + ttlMs;
  const begins = added + (window?.afterMs ?? 0);
  const closes = window?.durationMs === undefined ? Infinity : begins + window.durationMs;
  if (state === 'pending') return begins < gone ? { what: 'begins', at: begins } : { what: 'gone', at: gone };
  const ends = state === 'active' ? Math.min(closes, gone) : gone;
  if (ends === Infinity) return undefined;
  return { what: ends === gone ? 'gone' : 'ends', at: ends };
}

function conditions({ match, skip, times, probability, window, state }) {
  const routes = match.route === undefined || match.route === '*' ? 'every route' : [match.route].flat().join(', ');
  return [
    state,
    routes,
    match.method,
    match.token && `farmer ${match.token.slice(0, 6)}`,
    match.contract && `contract ${match.contract.slice(0, 8)}`,
    probability < 1 && `${Number((probability * 100).toPrecision(3))} % of them`,
    skip > 0 && `after ${skip}`,
    times !== undefined && (times === 1 ? 'once' : `at most ${times} times`),
    window &&
      `from ${window.afterMs / 1000} s${window.durationMs === undefined ? '' : ` for ${window.durationMs / 1000} s`}`,
  ]
    .filter(Boolean)
    .join(' · ');
}

function showScenarios(scenarios, applied) {
  byId('scenarios').dataset.applied = applied ?? '';
  fill(
    byId('scenarios'),
    scenarios,
    ({ name }) => name,
    ({ name, description }) => {
      const choose = button(name, '', () => void act('POST', `/scenarios/${name}/apply`));
      choose.title = description;
      choose.update = () => {
        choose.ariaCurrent = String(name === byId('scenarios').dataset.applied);
      };
      return choose;
    },
  );
}

function showContracts(contracts, total) {
  const shown =
    contracts.length < total ? `the ${contracts.length} whose round ends next, of ${total.toLocaleString('en')}` : '';
  put(byId('contracts-note'), shown);
  fill(
    rowsOf('contracts'),
    contracts,
    ({ hash }) => hash,
    ({ hash, farmer }) => {
      const state = make('td');
      const due = make('time');
      const [passed, wrong, unanswered] = [make('td'), make('td'), make('td')];
      const short = hash.slice(0, 8);
      const row = make(
        'tr',
        {},
        make('td', {}, make('code', { textContent: short, title: hash })),
        make('td', {}, make('code', { textContent: farmer })),
        state,
        make('td', {}, due),
        passed,
        wrong,
        unanswered,
        make(
          'td',
          { className: 'actions' },
          button('Challenge', `challenge ${short} now`, () => void act('POST', `/contracts/${hash}/challenge`)),
          ' ',
          button('Expire', `expire ${short}`, () => void act('POST', `/contracts/${hash}/expire`)),
        ),
      );
      row.update = (contract) => {
        const isDue = contract.state === 'due';
        put(state, isDue ? 'open' : 'answered', isDue ? 'warn' : 'good');
        due.dataset.at = String(Date.parse(contract.dueAt));
        put(passed, String(contract.passed), 'number');
        put(wrong, String(contract.wrong), contract.wrong > 0 ? 'number bad' : 'number');
        put(unanswered, String(contract.unanswered), contract.unanswered > 0 ? 'number warn' : 'number');
      };
      return row;
    },
  );
}

function showRequests() {
  fill(
    rowsOf('requests'),
    requests,
    ({ id }) => id,
    (request) => {
      const { at, method, route, path, farmer, status, durationMs, faults } = request;
      const isBad = status === null || status >= 400;
      return make(
        'tr',
        { title: path },
        make('td', { textContent: at.slice(11, 19) }),
        make('td', { textContent: `${method} ${route ?? path}` }),
        make('td', {}, make('code', { textContent: farmer ?? '' })),
        make('td', { textContent: status ?? 'no reply', className: isBad ? 'bad' : '' }),
        make('td', { textContent: `${Math.round(durationMs)} ms`, className: 'number' }),
        make('td', { textContent: faults.join(', '), className: 'warn' }),
      );
    },
  );
}

function showClock(view) {
  clock = view;
  clockAt = performance.now();
  const isFrozen = view.mode === 'frozen';
  put(byId('pause'), isFrozen ? 'Let it run' : 'Freeze');
  const pace = view.scale === 1 ? 'as fast as real time' : `${view.scale} times as fast as real time`;
  put(byId('pace'), isFrozen ? 'frozen' : `runs ${pace}`);
  tick();
}

function nodeNow() {
  const passed = clock.mode === 'frozen' ? 0 : (performance.now() - clockAt) * clock.scale;
  return Date.parse(clock.now) + passed;
}

function tick() {
  if (clock === undefined) return;
  const now = nodeNow();
  put(byId('now'), `${new Date(now).toISOString().slice(0, 19).replace('T', ' ')} UTC`);
  for (const time of document.querySelectorAll('time[data-at]')) put(time, relative(Number(time.dataset.at) - now));
}

const UNITS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

function relative(milliseconds) {
  const seconds = Math.round(Math.abs(milliseconds) / 1000);
  if (seconds === 0) return 'now';
  const first = UNITS.findIndex(([size]) => seconds >= size);
  const [[large, name], small] = UNITS.slice(first, first + 2);
  const rest = small ? Math.floor((seconds % large) / small[0]) : 0;
  const text = `${Math.floor(seconds / large)} ${name}${rest > 0 ? ` ${rest} ${small[1]}` : ''}`;
  return milliseconds < 0 ? `${text} ago` : `in ${text}`;
}

// ------------------------------------------------------------------------------------------------ living

async function refresh() {
  clearTimeout(soon);
  soon = undefined;
  try {
    const [info, config, faults, scenarios, contracts] = await Promise.all([
      get('/info'),
      get('/config'),
      get('/faults'),
      get('/scenarios'),
      get(`/contracts?order=due&limit=${CONTRACTS_SHOWN}`),
    ]);
    intervalMs = config.intervalMs;
    put(byId('what'), `seed ${info.seed} · ${info.version}`);
    document.title = `Mock node · port ${info.apiPort}`;
    showFigures(info);
    showFaults(faults);
    showScenarios(scenarios, info.scenario);
    showContracts(contracts, info.contracts.due + info.contracts.settled);
    showClock(info.clock);
  } catch (error) {
    if (!(error instanceof NeedsToken)) lost();
  }
}

function refreshSoon() {
  soon ??= setTimeout(() => void refresh(), SOON_MS);
}

function happened(event) {
  if (event.type === 'request') {
    requests = [event.request, ...requests].slice(0, REQUESTS_SHOWN);
    showRequests();
  }
  if (event.type === 'reset') void loadRequests();
  refreshSoon();
}

async function loadRequests() {
  requests = (await get(`/requests?limit=${REQUESTS_SHOWN}`)).reverse();
  showRequests();
}

function lost() {
  put(byId('live'), 'not live: does the node still run?', 'note');
}

/** Listens for as long as there is something to hear, and comes again. */
async function listen() {
  try {
    const response = await ask('/events');
    await Promise.all([loadRequests(), refresh()]);
    put(byId('live'), 'live', 'note on');
    let text = '';
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      const parts = (text + piece).split('\n\n');
      text = parts.pop();
      for (const part of parts) if (part.startsWith('data: ')) happened(JSON.parse(part.slice(6)));
    }
    lost();
  } catch (error) {
    if (error instanceof NeedsToken) {
      put(byId('live'), 'waits for the token', 'note');
      return;
    }
    lost();
  }
  setTimeout(listen, RETRY_MS);
}

byId('key').onsubmit = (event) => {
  event.preventDefault();
  sessionStorage.setItem('token', byId('token').value);
  byId('token').value = '';
  void listen();
};
byId('pause').onclick = () => void act('PUT', '/clock', { mode: clock?.mode === 'frozen' ? 'real' : 'frozen' });
for (const advance of document.querySelectorAll('.advance'))
  advance.onclick = () => void act('POST', '/clock/advance', { ms: Number(advance.dataset.ms ?? intervalMs) });
byId('remove').onclick = () => void act('DELETE', '/faults');
byId('reset').onclick = () => void act('POST', '/reset', {});

void listen();
setInterval(tick, 500);
setInterval(() => {
  if (byId('key').hidden) refreshSoon();
}, AT_LEAST_EVERY_MS);
