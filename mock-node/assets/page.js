// Shows and changes the node through its control API. Events trigger a refresh.
import { setUpFaultForm } from './fault-form.js';

const MAX_REQUESTS = 30;
/** Contracts on a page. */
const MAX_CONTRACTS = 25;
/** The delay from an event to the refresh, which also covers later events. */
const REFRESH_DELAY_MS = 300;
/** The end of a round alone is not an event. */
const REFRESH_INTERVAL_MS = 5_000;
const RETRY_MS = 2_000;

const byId = (id) => document.getElementById(id);
const tableBody = (id) => document.querySelector(`#${id} tbody`);
let requests = [];
let clock;
/** When the clock arrived, by `performance.now()`. */
let clockAt = 0;
let intervalMs = 60_000;
/** How many contracts are on the pages before the one that is shown. */
let skippedContracts = 0;
let refreshTimer;

// ------------------------------------------------------------------------------------------------ calling the API

class TokenRequired extends Error {}

async function call(path, { method = 'GET', body, signal } = {}) {
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
    byId('login').hidden = false;
    throw new TokenRequired('the control token is required');
  }
  byId('login').hidden = true;
  if (!response.ok) throw new Error(formatProblem(await response.json()));
  return response;
}

function formatProblem({ message, errors = [] }) {
  return [message, ...errors.map((error) => `${error.pointer} ${error.message}`)].join('; ');
}

const get = async (path) => await (await call(path)).json();

/** Calls the API and shows an error. @returns whether it succeeded */
async function act(method, path, body) {
  let succeeded = false;
  try {
    await call(path, { method, body });
    succeeded = true;
    showAlert('');
  } catch (error) {
    if (!(error instanceof TokenRequired)) showAlert(`Failed: ${error.message}`);
  }
  await refresh();
  return succeeded;
}

function showAlert(text) {
  byId('alert').hidden = text === '';
  byId('alert').textContent = text;
}

// ------------------------------------------------------------------------------------------------ elements

/** Creates an element. Strings become text, never HTML. */
function createElement(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function createButton(text, label, onclick) {
  const element = createElement('button', { type: 'button', textContent: text, onclick });
  if (label) element.ariaLabel = label;
  return element;
}

/** Updates the children by key. Existing elements stay, so that they keep the focus and the pointer. */
function updateChildren(body, items, getKey, create) {
  const known = new Map([...body.children].map((row) => [row.dataset.key, row]));
  items.forEach((item, at) => {
    const key = String(getKey(item));
    const row = known.get(key) ?? create(item);
    known.delete(key);
    row.dataset.key = key;
    row.update?.(item);
    if (body.children[at] !== row) body.insertBefore(row, body.children[at] ?? null);
  });
  for (const row of known.values()) row.remove();
}

function setText(element, text, className) {
  if (element.textContent !== text) element.textContent = text;
  if (className !== undefined && element.className !== className) element.className = className;
}

// ------------------------------------------------------------------------------------------------ views

function showFigures({ farmers, contracts, challenges, requests: journal }) {
  const figures = {
    Farmers: farmers,
    Contracts: contracts.due + contracts.settled,
    Passed: challenges.passed,
    Wrong: challenges.wrong,
    Unanswered: challenges.unanswered,
    Requests: journal.kept + journal.dropped,
  };
  updateChildren(
    byId('figures'),
    Object.entries(figures),
    ([name]) => name,
    ([name]) => {
      const value = createElement('dd');
      const row = createElement('div', {}, createElement('dt', { textContent: name }), value);
      row.update = ([, count]) => setText(value, count.toLocaleString('en'));
      return row;
    },
  );
}

function showFaults(faults) {
  byId('no-faults').hidden = faults.length > 0;
  byId('faults').hidden = faults.length === 0;
  updateChildren(
    tableBody('faults'),
    faults,
    ({ name }) => name,
    ({ name }) => {
      const toggle = createButton('', `fault ${name}`, () => {
        void act('PATCH', `/faults/${name}`, { enabled: toggle.ariaChecked !== 'true' });
      });
      toggle.role = 'switch';
      const effect = createElement('span');
      const conditions = createElement('small');
      const changeTime = createElement('time');
      const changes = createElement('small', {}, createElement('span'), ' ', changeTime);
      const applied = createElement('td', { className: 'number' });
      const remove = createButton('×', `remove ${name}`, () => void act('DELETE', `/faults/${name}`));
      const row = createElement(
        'tr',
        {},
        createElement('td', {}, toggle),
        createElement('td', {}, createElement('code', { textContent: name }), ' ', effect, conditions, changes),
        applied,
        createElement('td', { className: 'actions' }, remove),
      );
      row.update = (fault) => {
        toggle.ariaChecked = String(fault.enabled);
        setText(effect, formatEffect(fault.effect));
        setText(conditions, formatConditions(fault));
        const next = getNextChange(fault);
        changes.hidden = next === undefined;
        setText(changes.firstChild, next?.what ?? '');
        changeTime.dataset.at = String(next?.at ?? 0);
        setText(applied, `${fault.applied} of ${fault.matched}`);
      };
      return row;
    },
  );
}

function formatEffect({ kind, ...parameters }) {
  const values = Object.entries(parameters).map(([name, value]) => `${name} ${value}`);
  return [kind.replaceAll('_', ' '), ...(values.length > 0 ? [`(${values.join(', ')})`] : [])].join(' ');
}

/** The next change of a fault by the node's clock: its window begins or ends, or the fault is removed. */
function getNextChange({ addedAt, state, window, ttlMs }) {
  const added = Date.parse(addedAt);
  const removed = ttlMs === undefined ? Infinity : added + ttlMs;
  const begins = added + (window?.afterMs ?? 0);
  const closes = window?.durationMs === undefined ? Infinity : begins + window.durationMs;
  if (state === 'pending') return begins < removed ? { what: 'begins', at: begins } : { what: 'removed', at: removed };
  const ends = state === 'active' ? Math.min(closes, removed) : removed;
  if (ends === Infinity) return undefined;
  return { what: ends === removed ? 'removed' : 'ends', at: ends };
}

function formatConditions({ match, skip, times, probability, window, state }) {
  const routes = match.route === undefined || match.route === '*' ? 'all routes' : [match.route].flat().join(', ');
  return [
    state,
    routes,
    match.method,
    match.token && `farmer ${match.token.slice(0, 6)}`,
    match.contract && `contract ${match.contract.slice(0, 8)}`,
    probability < 1 && `${Number((probability * 100).toPrecision(3))} % of requests`,
    skip > 0 && `after ${skip} requests`,
    times !== undefined && (times === 1 ? 'once' : `at most ${times} times`),
    window &&
      `from ${window.afterMs / 1000} s${window.durationMs === undefined ? '' : ` for ${window.durationMs / 1000} s`}`,
  ]
    .filter(Boolean)
    .join(' · ');
}

function showScenarios(scenarios, applied) {
  byId('scenarios').dataset.applied = applied ?? '';
  updateChildren(
    byId('scenarios'),
    scenarios,
    ({ name }) => name,
    ({ name, description }) => {
      const choose = createButton(name, '', () => void act('POST', `/scenarios/${name}/apply`));
      choose.title = description;
      choose.update = () => {
        choose.ariaCurrent = String(name === byId('scenarios').dataset.applied);
      };
      return choose;
    },
  );
}

function showContracts(contracts, total) {
  const last = skippedContracts + contracts.length;
  const hasPages = total > MAX_CONTRACTS || skippedContracts > 0;
  const range = `${(skippedContracts + 1).toLocaleString('en')} to ${last.toLocaleString('en')}`;
  setText(byId('contracts-note'), hasPages ? `${range} of ${total.toLocaleString('en')}` : '');
  byId('no-contracts').hidden = contracts.length > 0;
  byId('contract-pages').hidden = !hasPages;
  byId('previous-contracts').disabled = skippedContracts === 0;
  byId('next-contracts').disabled = last >= total;
  updateChildren(
    tableBody('contracts'),
    contracts,
    ({ hash }) => hash,
    ({ hash, farmer, api, sizeBytes }) => {
      const state = createElement('td');
      const due = createElement('time');
      const [passed, wrong, unanswered] = [createElement('td'), createElement('td'), createElement('td')];
      const short = hash.slice(0, 8);
      const row = createElement(
        'tr',
        {},
        createElement('td', {}, createElement('code', { textContent: short, title: hash })),
        createElement('td', {}, createElement('code', { textContent: farmer })),
        createElement('td', { textContent: api }),
        createElement('td', { textContent: formatBytes(sizeBytes), className: 'number' }),
        state,
        createElement('td', {}, due),
        passed,
        wrong,
        unanswered,
        createElement(
          'td',
          { className: 'actions' },
          createButton('Challenge', `challenge ${short} now`, () => void act('POST', `/contracts/${hash}/challenge`)),
          ' ',
          createButton('Expire', `expire ${short}`, () => void act('POST', `/contracts/${hash}/expire`)),
        ),
      );
      row.update = (contract) => {
        const isDue = contract.state === 'due';
        setText(state, isDue ? 'open' : 'answered', isDue ? 'warn' : 'good');
        due.dataset.at = String(Date.parse(contract.dueAt));
        setText(passed, String(contract.passed), 'number');
        setText(wrong, String(contract.wrong), contract.wrong > 0 ? 'number bad' : 'number');
        setText(unanswered, String(contract.unanswered), contract.unanswered > 0 ? 'number warn' : 'number');
      };
      return row;
    },
  );
}

function showRequests() {
  byId('no-requests').hidden = requests.length > 0;
  updateChildren(
    tableBody('requests'),
    requests,
    ({ id }) => id,
    (request) => {
      const { at, method, route, path, farmer, status, durationMs, faults } = request;
      const isBad = status === null || status >= 400;
      return createElement(
        'tr',
        { title: path },
        createElement('td', { textContent: at.slice(11, 19) }),
        createElement('td', { textContent: `${method} ${route ?? path}` }),
        createElement('td', {}, createElement('code', { textContent: farmer ?? '' })),
        createElement('td', { textContent: status ?? 'no response', className: isBad ? 'bad' : '' }),
        createElement('td', { textContent: `${Math.round(durationMs)} ms`, className: 'number' }),
        createElement('td', { textContent: faults.join(', '), className: 'warn' }),
      );
    },
  );
}

function showClock(view) {
  clock = view;
  clockAt = performance.now();
  const isFrozen = view.mode === 'frozen';
  setText(byId('freeze'), isFrozen ? 'Resume' : 'Freeze');
  const rate = view.scale === 1 ? 'at real time' : `at ${view.scale} × real time`;
  setText(byId('rate'), isFrozen ? 'frozen' : `running ${rate}`);
  tick();
}

function getNodeTime() {
  const passed = clock.mode === 'frozen' ? 0 : (performance.now() - clockAt) * clock.scale;
  return Date.parse(clock.now) + passed;
}

function tick() {
  if (clock === undefined) return;
  const now = getNodeTime();
  setText(byId('now'), `${new Date(now).toISOString().slice(0, 19).replace('T', ' ')} UTC`);
  for (const time of document.querySelectorAll('time[data-at]'))
    setText(time, formatRelative(Number(time.dataset.at) - now));
}

function formatBytes(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  const unit = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${(bytes / 1024 ** unit).toLocaleString('en', { maximumFractionDigits: 1 })} ${units[unit]}`;
}

const UNITS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

function formatRelative(milliseconds) {
  const seconds = Math.round(Math.abs(milliseconds) / 1000);
  if (seconds === 0) return 'now';
  const first = UNITS.findIndex(([size]) => seconds >= size);
  const [[large, name], small] = UNITS.slice(first, first + 2);
  const rest = small ? Math.floor((seconds % large) / small[0]) : 0;
  const text = `${Math.floor(seconds / large)} ${name}${rest > 0 ? ` ${rest} ${small[1]}` : ''}`;
  return milliseconds < 0 ? `${text} ago` : `in ${text}`;
}

// ------------------------------------------------------------------------------------------------ updates

async function refresh() {
  clearTimeout(refreshTimer);
  refreshTimer = undefined;
  try {
    const [info, config, faults, scenarios, contracts] = await Promise.all([
      get('/info'),
      get('/config'),
      get('/faults'),
      get('/scenarios'),
      get(`/contracts?skip=${skippedContracts}&limit=${MAX_CONTRACTS}`),
    ]);
    intervalMs = config.intervalMs;
    setText(byId('identity'), `seed ${info.seed} · ${info.version} (commit ${info.commit})`);
    document.title = `Mock node · port ${info.apiPort}`;
    showFigures(info);
    showFaults(faults);
    showScenarios(scenarios, info.scenario);
    const total = info.contracts.due + info.contracts.settled;
    showContracts(contracts, total);
    // The contracts of this page may have ended.
    if (contracts.length === 0 && total > 0) await showContractPage(0);
    showClock(info.clock);
  } catch (error) {
    if (!(error instanceof TokenRequired)) showDisconnected();
  }
}

async function showContractPage(skip) {
  skippedContracts = Math.max(0, skip);
  await refresh();
}

/** Creates the form once, when the schema of the API can be read. */
async function showFaultForm() {
  if (byId('fault-form').childElementCount > 0) return;
  const { components } = await get('/openapi.json');
  setUpFaultForm(byId('fault-form'), {
    schemas: components.schemas,
    add: async (fault) => await act('POST', '/faults', fault),
    getNames: () => [...tableBody('faults').children].map((row) => row.dataset.key),
  });
}

function scheduleRefresh() {
  refreshTimer ??= setTimeout(() => void refresh(), REFRESH_DELAY_MS);
}

function handleEvent(event) {
  if (event.type === 'request') {
    requests = [event.request, ...requests].slice(0, MAX_REQUESTS);
    showRequests();
  }
  if (event.type === 'reset') void loadRequests();
  scheduleRefresh();
}

async function loadRequests() {
  requests = (await get(`/requests?limit=${MAX_REQUESTS}`)).reverse();
  showRequests();
}

function showDisconnected() {
  setText(byId('connection'), 'disconnected: check that the node is running', 'note');
}

/** Reads events until the connection ends, and reconnects. */
async function listen() {
  try {
    const response = await call('/events');
    await Promise.all([loadRequests(), refresh(), showFaultForm()]);
    setText(byId('connection'), 'live', 'note on');
    let text = '';
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      const parts = (text + piece).split('\n\n');
      text = parts.pop();
      for (const part of parts) if (part.startsWith('data: ')) handleEvent(JSON.parse(part.slice(6)));
    }
    showDisconnected();
  } catch (error) {
    if (error instanceof TokenRequired) {
      setText(byId('connection'), 'token required', 'note');
      return;
    }
    showDisconnected();
  }
  setTimeout(listen, RETRY_MS);
}

byId('login').onsubmit = (event) => {
  event.preventDefault();
  sessionStorage.setItem('token', byId('token').value);
  byId('token').value = '';
  void listen();
};
byId('freeze').onclick = () => void act('PUT', '/clock', { mode: clock?.mode === 'frozen' ? 'real' : 'frozen' });
for (const advance of document.querySelectorAll('.advance'))
  advance.onclick = () => void act('POST', '/clock/advance', { ms: Number(advance.dataset.ms ?? intervalMs) });
byId('previous-contracts').onclick = () => void showContractPage(skippedContracts - MAX_CONTRACTS);
byId('next-contracts').onclick = () => void showContractPage(skippedContracts + MAX_CONTRACTS);
byId('remove').onclick = () => void act('DELETE', '/faults');
byId('reset').onclick = () => void act('POST', '/reset', {});

void listen();
setInterval(tick, 500);
setInterval(() => {
  if (byId('login').hidden) scheduleRefresh();
}, REFRESH_INTERVAL_MS);
