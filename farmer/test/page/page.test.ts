import { once } from 'node:events';
import { get } from 'node:http';
import { connect } from 'node:net';
import { listen } from '@downstream/platform';
import { FakeLogger } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import { renderDocument } from '../../src/page/document.ts';
import { formatDuration, formatSince } from '../../src/page/format.ts';
import { html } from '../../src/page/html.ts';
import { LiveUpdates } from '../../src/page/live-updates.ts';
import { createPageRoutes } from '../../src/page/routes.ts';
import { renderSections } from '../../src/page/sections.ts';
import type { View } from '../../src/page/view.ts';
import type { DiskStatus, NodeStatus, Status } from '../../src/status/status.ts';
import { terms, waiting } from '../fakes/builders.ts';
import { createView, hold } from '../fakes/view.ts';

/** Renders the page with changes to its disk. */
const renderWithDisk = (changes: Partial<DiskStatus>): string => {
  const { status } = createView();
  return renderDocument(
    createView({ status: { ...status, disks: status.disks.map((disk) => ({ ...disk, ...changes })) } }),
  ).text;
};

/** Renders the page with changes to its node. */
const renderWithNode = (changes: Partial<NodeStatus>): string => {
  const { status } = createView();
  return renderDocument(
    createView({ status: { ...status, nodes: status.nodes.map((node) => ({ ...node, ...changes })) } }),
  ).text;
};

/** Serves a page; `setView` changes what it shows from the next update on. */
async function servePage(first: View = createView()) {
  let renderings = 0;
  let view: View | Error = first;
  const readView = async () => {
    renderings += 1;
    if (view instanceof Error) throw view;
    return view;
  };
  const log = new FakeLogger();
  const live = new LiveUpdates({ view: readView, log }, { updateIntervalMs: 10 });
  const contracts = (page: number) => ({ now: 1_000_000, alias: 'here', total: 0, page, pages: 1, rows: [] });
  const app = express().use(createPageRoutes({ view: readView, contracts, live }));
  const server = await listen(app, { host: '127.0.0.1', port: 0, setting: 'X' });
  return {
    url: server.url,
    live,
    log,
    renderings: () => renderings,
    setView: (next: View | Error) => {
      view = next;
    },
    [Symbol.asyncDispose]: async () => {
      live.close();
      await server.close();
    },
  };
}

/** Receives the events of a page. */
async function listenToEvents(url: string) {
  const request = get(`${url}/events`);
  const [response] = await once(request, 'response');
  response.setEncoding('utf8');
  let text = '';
  response.on('data', (piece: string) => {
    text += piece;
  });
  response.on('error', () => {});
  const next = async () => {
    for (;;) {
      const found = /data: (.*)\n\n/.exec(text);
      if (found?.[1] !== undefined) {
        text = text.slice(found.index + found[0].length);
        return JSON.parse(found[1]);
      }
      await once(response, 'data');
    }
  };
  return { status: response.statusCode, next, disconnect: () => request.destroy(), closed: once(response, 'close') };
}

describe('renderDocument', () => {
  it('shows the version and the commit of the build', () => {
    expect(renderDocument(createView()).text).toContain('<dt>Version</dt><dd>1 (commit 858913b1a2b3)</dd>');
  });

  it('contains the status, deadlines, failures and log without a script', () => {
    const { text } = renderDocument(createView());
    for (const expected of [
      'Healthy',
      'All challenges passed.',
      'in 1 min',
      '10 s ago',
      'missed 2',
      'challenge failed',
      '7.8 KiB free',
    ])
      expect(text).toContain(expected);
    expect(text).toContain('<noscript><meta http-equiv="refresh"');
  });

  it('shows the obstacle and the last result of a contract', () => {
    const contract = { ...waiting(), obstacle: 'chunk_unreadable' as const, last: 'wrong_answer' as const };
    const { text } = renderDocument(
      createView({ nextContracts: [hold(contract), hold({ ...waiting(), last: 'passed' })] }),
    );
    expect(text).toContain('chunk unreadable');
    expect(text).toContain('✕ wrong answer');
    expect(text).toContain('<td class="name">main</td><td>waiting</td><td>passed</td>');
    expect(text).toContain(`<a href="status/contracts/${contract.terms.id}"><code>`);
    expect(text).toContain('1 KiB per contract');
  });

  it('shows lost chunks and their repair', () => {
    const withRepairs = (repairs: Status['repairs'], generating = 0) => {
      const { status } = createView();
      const contracts = { ...status.contracts, generating };
      return renderDocument(createView({ status: { ...status, repairs, contracts } })).text;
    };
    expect(withRepairs({ lost: 0, rebuilt: 0, rebuilding: 0 })).toContain('none needed since the start');
    const text = withRepairs({ lost: 3, rebuilt: 1, rebuilding: 2 }, 5);
    expect(text).toContain('since the start: 3 chunks lost, 1 rebuilt, <strong class="warning-text">2 being rebuilt');
    expect(text).toContain('<li>2 rebuilding</li><li>3 generating</li>');
    const generating = { ...waiting(), phase: 'generating' as const, hadChunk: true };
    const rows = renderDocument(
      createView({ nextContracts: [hold(generating), hold({ ...generating, hadChunk: false })] }),
    ).text;
    expect(rows.match(/<td>(rebuilding|generating)<\/td>/g)).toEqual(['<td>rebuilding</td>', '<td>generating</td>']);
  });

  it('names the periods that the totals cover', () => {
    const render = (results: Status['results']) =>
      renderDocument(createView({ status: { ...createView().status, results } })).text;
    const since = '2030-01-01T08:00:00.000Z';
    const periods = [9, 10, 11, 12].map((hour) => ({
      from: `2030-01-02T${String(hour).padStart(2, '0')}:05:30.000Z`,
      to: `2030-01-02T${String(hour).padStart(2, '0')}:08:00.000Z`,
    }));
    expect(render(null)).toContain('Passed and failed: not read yet.');
    expect(render({ since: null, unknown: [] })).toContain('Passed and failed: since the data directory was created.');
    expect(render({ since, unknown: [] })).toContain('Passed and failed: since 2030-01-01 08:00:00 UTC.');
    expect(render({ since, unknown: periods.slice(0, 1) })).toContain(
      'since 2030-01-01 08:00:00 UTC, without 2030-01-02 09:05:30 to 09:08:00 UTC (state lost or restored).',
    );
    expect(render({ since, unknown: periods })).toContain('without 1 earlier, 2030-01-02 10:05:30 to ');
  });

  it('names the period of the chart, and marks the time before it', () => {
    const span = { minutes: 1, passed: 1, failed: 0, minSlackMs: 9 };
    const spans = Array.from({ length: 30 }, (_, n) => ({ ...span, from: n * 60_000 }));
    const render = (completeSince: number) =>
      renderDocument(createView({ now: 30 * 60_000, spans, completeSince })).text;
    expect(render(-1)).toContain('Challenges in the last 30 minutes: ');
    expect(render(-1)).not.toContain('class="missing"');
    const short = render(26 * 60_000);
    expect(short).toContain('Challenges in the last 4 minutes: ');
    expect(short).toContain('; no results from before 00:26 UTC</figcaption>');
    expect(short).toContain('<rect class="missing" x="0" y="0" width="624" height="140"/>');
    expect(short).toContain('<span>30 minutes ago</span>');
  });

  it('shows requests to the node and the last failure', () => {
    expect(renderDocument(createView()).text).toContain('7, 0 failed</dd>');
    const lastFailure = { route: 'due', outcome: 'http_error', at: 940_000 };
    const { text } = renderDocument(
      createView({ requests: new Map([['main', { total: 9, failed: 2, lastResponseAt: undefined, lastFailure }]]) }),
    );
    expect(text).toContain('last response never');
    expect(text).toMatch(/9, 2 failed<br><small>last failure: due, http error, <time [^>]*>1 min ago/);
  });

  it('has an element for each section that the script updates', async () => {
    await using page = await servePage();
    const script = await (await fetch(`${page.url}/page.js`)).text();
    for (const id of Object.keys(renderSections(createView()))) {
      expect(script).toContain(`'${id}'`);
      expect(renderDocument(createView()).text).toContain(`<div id="${id}">`);
    }
  });

  it('shows when a disk is too small for its capacity', () => {
    expect(renderDocument(createView()).text).not.toContain('Disk too small');
    expect(renderWithDisk({ freeBytes: 1024 })).toContain('2 KiB less free space than the remaining capacity');
    expect(renderWithDisk({ freeBytes: null })).toContain('free space unknown');
  });

  it('shows a failed disk, with its folder if there are several', () => {
    const failed = { path: '/mnt/b', state: 'quarantined', reason: 'EIO' } as const;
    expect(renderWithDisk(failed)).toContain('quarantined: EIO');
    expect(renderWithDisk(failed)).not.toContain('/mnt/b');
    const { status } = createView();
    const disks = status.disks.flatMap((disk) => [disk, { ...disk, ...failed }]);
    expect(renderDocument(createView({ status: { ...status, disks } })).text).toContain(
      // Beside a label, a long path would cover the figures.
      '<dt>Disk</dt><dd><code>/mnt/b</code><br>',
    );
  });

  it('shows lost contracts, but not released ones', () => {
    expect(renderWithNode({ ended: { ended_by_node: 0, completed: 0, token_lost: 0, released: 5 } })).not.toContain(
      'lost since',
    );
    const text = renderWithNode({ ended: { ended_by_node: 2, completed: 0, token_lost: 11, released: 5 } });
    expect(text).toContain('Contracts lost since the farmer started: 13');
    expect(text).toContain('(ended by the node: 2, token lost: 11)');
  });

  it('explains why there are more contracts than the capacity', () => {
    const { status } = createView();
    const bytes = { used: 60 * 2 ** 20, capacity: 40 * 2 ** 20 };
    expect(renderDocument(createView()).text).not.toContain('more than the capacity');
    expect(renderDocument(createView({ status: { ...status, bytes } })).text).toContain(
      'The contracts use 60 MiB, more than the capacity of 40 MiB, which was larger before: all are kept and proved',
    );
  });

  it('shows what is wrong with a node, and since when', () => {
    const since = new Date(400_000).toISOString();
    const began = 'began <time datetime="1970-01-01T00:06:40.000Z" data-at="400000">10 min ago</time>';
    expect(renderWithNode({})).toContain('<br>responding, last response');
    expect(renderWithNode({ reachable: false })).toContain('<br>connecting, last response');
    expect(renderWithNode({ reachable: false, circuitOpen: true, problem: { code: 'timeout', since } })).toContain(
      `not responding (timeout, circuit breaker open)</strong>, ${began}`,
    );
    expect(renderWithNode({ problem: { code: 'invalid_response', since } })).toContain(
      `responding with errors (invalid response)</strong>, ${began}`,
    );
  });

  it('shows since when a disk cannot be used', () => {
    expect(renderWithDisk({ state: 'quarantined', reason: 'EIO', since: new Date(400_000).toISOString() })).toContain(
      'quarantined: EIO</strong>, began <time datetime="1970-01-01T00:06:40.000Z"',
    );
  });

  it('shows a clock skew and an exit', () => {
    expect(renderWithNode({ clockSkewSeconds: 3 })).not.toContain('check both clocks');
    expect(renderWithNode({ clockSkewSeconds: -90 })).toContain('1 min 30 s behind');
    expect(renderWithNode({ exitState: 'exiting' })).toContain('exiting');
    expect(renderWithNode({})).not.toContain('No new contracts');
    const waiting = { reason: 'capacity_used' as const, explanation: 'Others hold more than their share.' };
    expect(renderWithNode({ waiting })).toMatch(/No new contracts.*Others hold more than their share\./s);
    expect(renderWithNode({ exitState: 'exited', reachable: false })).toContain('no longer used');
  });

  it('escapes all values', () => {
    const hostile = `"><script>alert('x')</script>&`;
    const { status } = createView();
    const contract = { ...waiting(), terms: terms({ id: '<img src=x>' }) };
    const { text } = renderDocument(
      createView({
        status: {
          ...status,
          alias: hostile,
          address: hostile,
          nodes: status.nodes.map((node) => ({ ...node, alias: hostile, url: hostile })),
        },
        nextContracts: [hold(contract, hostile)],
        log: [{ level: hostile, text: hostile }],
      }),
    );
    expect(text.match(/<script/g)).toEqual(['<script']);
    expect(text).not.toContain('<img');
    expect(text).toContain('&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;');
  });

  it('loads nothing from other servers and forbids it in its content security policy', async () => {
    await using page = await servePage();
    const response = await fetch(page.url);
    const text = await response.text();
    const policy = response.headers.get('content-security-policy')?.split(';');
    expect(policy).toEqual(
      expect.arrayContaining(["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]),
    );
    expect(policy?.join()).not.toContain('unsafe');
    expect(text).not.toMatch(/ style=| on[a-z]+=|https?:\/\/(?!node)/);
    for (const [, name] of text.matchAll(/(?:src|href)="((?:base|page)\.[a-z]+)"/g))
      expect((await fetch(`${page.url}/${name}`)).status).toBe(200);
  });
});

describe('LiveUpdates', () => {
  it('sends all sections, then only changed ones, and renders nothing without clients', async () => {
    await using page = await servePage();
    const listener = await listenToEvents(page.url);
    const first = await listener.next();
    expect(Object.keys(first.sections)).toHaveLength(7);
    expect(first).toMatchObject({ now: 1_000_000, title: 'Healthy · here' });
    page.setView(
      createView({
        now: 1_001_000,
        overall: { label: 'Failing', severity: 'critical', explanation: 'Many challenges failed.' },
      }),
    );
    const second = await listener.next();
    expect(Object.keys(second.sections)).toEqual(['overall']);
    expect(second.title).toBe('Failing · here');
    listener.disconnect();
    await listener.closed.catch(() => {});
    await fetch(`${page.url}/page.css`);
    const renderings = page.renderings();
    // These round trips take longer than several update intervals.
    for (let n = 0; n < 50; n++) await fetch(`${page.url}/page.css`);
    expect(page.renderings()).toBe(renderings);
  });

  it('sends all sections to a new client and only changes to the others', async () => {
    await using page = await servePage();
    const first = await listenToEvents(page.url);
    await first.next();
    const second = await listenToEvents(page.url);
    expect(Object.keys((await second.next()).sections)).toHaveLength(7);
    page.setView(createView({ log: [] }));
    expect(Object.keys((await first.next()).sections)).toEqual(['log']);
  });

  it('sends an event every 15 seconds even if nothing changes', async () => {
    await using page = await servePage();
    const listener = await listenToEvents(page.url);
    await listener.next();
    page.setView(createView({ now: 1_015_000 }));
    // Relative times are not a change, because the page updates them itself.
    expect(await listener.next()).toMatchObject({ now: 1_015_000, sections: {} });
  });

  it('disconnects a client that does not read', async () => {
    await using page = await servePage();
    const paused = connect(Number(new URL(page.url).port), '127.0.0.1').on('error', () => {});
    paused.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
    paused.pause();
    const closed = once(paused, 'close');
    const reader = await listenToEvents(page.url);
    await reader.next();
    expect(page.live.listeners).toBe(2);
    let n = 0;
    const flood = setInterval(
      () => page.setView(createView({ log: [{ level: 'info', text: `${n++} ${'x'.repeat(200_000)}` }] })),
      5,
    );
    // A paused socket does not notice that it was closed, but the server has one listener less.
    while (page.live.listeners > 1) await fetch(`${page.url}/page.css`);
    clearInterval(flood);
    expect(Object.keys((await reader.next()).sections)).toEqual(['log']);
    paused.resume();
    await closed;
  });

  it('continues after an error while rendering and logs it once', async () => {
    await using page = await servePage();
    const listener = await listenToEvents(page.url);
    await listener.next();
    page.setView(new Error('rendering failed'));
    const renderings = page.renderings();
    while (page.renderings() < renderings + 3) await fetch(`${page.url}/page.css`);
    expect(page.log.messages()).toEqual(['status page update failed']);
    page.setView(createView({ log: [] }));
    expect(Object.keys((await listener.next()).sections)).toEqual(['log']);
  });

  it('does not open an event stream for a HEAD request', async () => {
    await using page = await servePage();
    const { status, headers } = await fetch(`${page.url}/events`, { method: 'HEAD' });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toContain('text/event-stream');
    expect(page.renderings()).toBe(0);
  });

  it('accepts up to 32 clients and disconnects them when it is closed', async () => {
    await using page = await servePage();
    const listeners = await Promise.all(Array.from({ length: 32 }, async () => await listenToEvents(page.url)));
    const late = await fetch(`${page.url}/events`);
    expect(late.status).toBe(503);
    expect(late.headers.get('retry-after')).toBe('30');
    page.live.close();
    await Promise.all(listeners.map(async ({ closed }) => await closed));
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0 ms'],
    [850, '850 ms'],
    [-5_000, '−5 s'],
    [59_400, '59 s'],
    [65_000, '1 min 5 s'],
    [3_600_000, '1 h'],
    [3_605_000, '1 h'],
    [100_000_000, '1 d 3 h'],
  ])('formats %d ms as %s', (ms, expected) => {
    expect(formatDuration(ms)).toBe(expected);
  });
});

describe('formatSince', () => {
  it('shows the date of another day, and that a state may be older than the farmer', () => {
    const wallTimes = { now: Date.UTC(2030, 0, 2, 9), startedAt: Date.UTC(2030, 0, 1, 7) };
    expect(formatSince('2030-01-02T08:30:00.000Z', wallTimes)).toBe('since 08:30 UTC');
    expect(formatSince('2030-01-01T08:30:00.000Z', wallTimes)).toBe('since 2030-01-01 08:30 UTC');
    expect(formatSince('2030-01-01T07:00:01.000Z', wallTimes)).toBe('since the farmer started at 2030-01-01 07:00 UTC');
  });
});

describe('html', () => {
  it('concatenates lists and omits undefined', () => {
    expect(html`<ul>${['<', 1].map((item) => html`<li>${item}</li>`)}${undefined}</ul>`.text).toBe(
      '<ul><li>&lt;</li><li>1</li></ul>',
    );
  });
});
