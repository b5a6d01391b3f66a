import { once } from 'node:events';
import { get } from 'node:http';
import { connect } from 'node:net';
import { listen } from '@downstream/platform';
import { FakeLogger } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import { EMPTY_TALLY } from '../../src/farming/ports.ts';
import { renderDocument } from '../../src/page/document.ts';
import { duration } from '../../src/page/format-time.ts';
import { html } from '../../src/page/html.ts';
import { LiveUpdates } from '../../src/page/live-updates.ts';
import { pageRoutes } from '../../src/page/routes.ts';
import { renderSections, type View } from '../../src/page/view.ts';
import { type DiskStatus, type NodeStatus, toChallengeTotals } from '../../src/status/status.ts';
import { terms, waiting } from '../fakes/builders.ts';

const NO_JOBS = { waiting: 0, running: 0 };

const aView = (but: Partial<View> = {}): View => ({
  now: 1_000_000,
  startedAt: 0,
  status: {
    alias: 'here',
    version: '1',
    uptimeSeconds: 1_000,
    address: 'a',
    contracts: { total: 1, capacity: 2, capacityEstimate: 40, generating: 0, waiting: 1, proving: 0, answering: 0 },
    nodes: [
      {
        alias: 'main',
        url: 'http://node',
        reachable: true,
        circuitOpen: false,
        tokenRejected: false,
        leaving: 'no',
        ended: { ended_by_node: 0, token_lost: 0, released: 0 },
        clockSkewSeconds: null,
        farmerId: 'f'.repeat(20),
        contracts: { total: 1, capacity: 2, generating: 0, waiting: 1, proving: 0, answering: 0 },
        nextDue: null,
        challenges: toChallengeTotals(EMPTY_TALLY),
      },
    ],
    stateSaved: true,
    disks: [
      {
        path: '/data',
        state: 'ok',
        reason: null,
        bytes: { used: 1024, capacity: 4096 },
        freeBytes: 8_000,
        sizeBytes: 10_000,
      },
    ],
    scrub: {
      running: false,
      completedAt: null,
      results: { sound: 0, proved: 0, corrupt: 0, unreadable: 0, slow: 0 },
    },
    bytes: { used: 1024, capacity: 4096 },
    nextDue: new Date(1_060_000).toISOString(),
    challenges: toChallengeTotals({
      passed: 3,
      wrong_answer: 1,
      late: 0,
      missed: 2,
      not_challenged: 0,
      chunk_unreadable: 0,
      node_error: 0,
    }),
  },
  verdict: { word: 'Passing', tone: 'calm', sentence: 'All is well.' },
  intervalMs: 60_000,
  lastPassedAt: 990_000,
  spans: [{ from: 0, minutes: 1, passed: 3, failed: 1, minSlackMs: -50 }],
  soonest: [{ ...waiting(), round: { number: 0, issuedAt: 1_000_000 } }],
  queues: { chunks: NO_JOBS, answers: NO_JOBS },
  workers: { size: 2, busy: 1 },
  requests: new Map([['main', { asked: 7, failed: 0, answeredAt: 999_000, lastFailure: undefined }]]),
  log: [{ level: 'warn', text: '08:00:00 warn  challenge failed' }],
  ...but,
});

/** The page where something about its disk is otherwise. */
const withDisk = (but: Partial<DiskStatus>): string => {
  const { status } = aView();
  return renderDocument(aView({ status: { ...status, disks: status.disks.map((disk) => ({ ...disk, ...but })) } }))
    .text;
};

/** The page where something about its node is otherwise. */
const withNode = (but: Partial<NodeStatus>): string => {
  const { status } = aView();
  return renderDocument(aView({ status: { ...status, nodes: status.nodes.map((node) => ({ ...node, ...but })) } }))
    .text;
};

/** The page as it is served; `look` changes what is seen from the next look on. */
async function aPage(first: View = aView()) {
  let looks = 0;
  let view: View | Error = first;
  const seen = async () => {
    looks += 1;
    if (view instanceof Error) throw view;
    return view;
  };
  const log = new FakeLogger();
  const live = new LiveUpdates({ view: seen, log }, { updateIntervalMs: 10 });
  const app = express().use(pageRoutes({ view: seen, live }));
  const server = await listen(app, { host: '127.0.0.1', port: 0, setting: 'X' });
  return {
    url: server.url,
    live,
    log,
    looks: () => looks,
    look: (next: View | Error) => {
      view = next;
    },
    [Symbol.asyncDispose]: async () => {
      live.close();
      await server.close();
    },
  };
}

/** Listens to the events of a page. */
async function events(url: string) {
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
  return { status: response.statusCode, next, leave: () => request.destroy(), closed: once(response, 'close') };
}

describe('the page', () => {
  it('says the essentials without any script', () => {
    const { text } = renderDocument(aView());
    for (const essential of [
      'Passing',
      'All is well.',
      'in 1 min',
      '10 s ago',
      'missed 2',
      'challenge failed',
      '7.8 KiB free',
    ])
      expect(text).toContain(essential);
    expect(text).toContain('<noscript><meta http-equiv="refresh"');
  });

  it('says of a contract what stands in its way, and how it came out last', () => {
    const contract = { ...waiting(), obstacle: 'chunk_unreadable' as const, last: 'wrong_answer' as const };
    const { text } = renderDocument(aView({ soonest: [contract, { ...waiting(), last: 'passed' }] }));
    expect(text).toContain('chunk unreadable');
    expect(text).toContain('✕ wrong answer');
    expect(text).toContain('<td>passed</td>');
    expect(text).toContain('1 KiB each');
  });

  it('says how the node answers', () => {
    expect(renderDocument(aView()).text).toContain('7, of which 0 failed</dd>');
    const lastFailure = { route: 'due', outcome: 'http_error', at: 940_000 };
    const { text } = renderDocument(
      aView({ requests: new Map([['main', { asked: 9, failed: 2, answeredAt: undefined, lastFailure }]]) }),
    );
    expect(text).toContain('last heard never');
    expect(text).toMatch(/9, of which 2 failed<br><small>last: due, http error, <time [^>]*>1 min ago/);
  });

  it('has a script that knows every part of it', async () => {
    await using page = await aPage();
    const script = await (await fetch(`${page.url}/page.js`)).text();
    for (const id of Object.keys(renderSections(aView()))) {
      expect(script).toContain(`'${id}'`);
      expect(renderDocument(aView()).text).toContain(`<div id="${id}">`);
    }
  });

  it('says it when the disk is too small for what is given', () => {
    expect(renderDocument(aView()).text).not.toContain('Too small');
    expect(withDisk({ freeBytes: 1024 })).toContain('2 KiB are missing');
    expect(withDisk({ freeBytes: null })).toContain('can not be read');
  });

  it('says it when a disk failed, and which one of several', () => {
    const failed = { path: '/mnt/b', state: 'quarantined', reason: 'EIO' } as const;
    expect(withDisk(failed)).toContain('quarantined: EIO');
    expect(withDisk(failed)).not.toContain('/mnt/b');
    const { status } = aView();
    const disks = status.disks.flatMap((disk) => [disk, { ...disk, ...failed }]);
    expect(renderDocument(aView({ status: { ...status, disks } })).text).toContain('<code>/mnt/b</code>');
  });

  it('says how many contracts were lost, but for those that were given back', () => {
    expect(withNode({ ended: { ended_by_node: 0, token_lost: 0, released: 5 } })).not.toContain('lost since');
    const text = withNode({ ended: { ended_by_node: 2, token_lost: 11, released: 5 } });
    expect(text).toContain('Contracts lost since the start: 13');
    expect(text).toContain('(ended by the node 2, lost with a token 11)');
  });

  it('says it when a clock is wrong, a node is left alone, or this farmer leaves', () => {
    expect(withNode({ clockSkewSeconds: 3 })).not.toContain('one of the two is wrong');
    expect(withNode({ clockSkewSeconds: -90 })).toContain('1 min 30 s behind');
    expect(withNode({ reachable: false, circuitOpen: true })).toContain('left alone for a while');
    expect(withNode({ leaving: 'leaving' })).toContain('leaving, as you wanted it');
  });

  it('escapes whatever comes from elsewhere', () => {
    const hostile = `"><script>alert('x')</script>&`;
    const { status } = aView();
    const contract = { ...waiting(), terms: terms({ id: '<img src=x>' }) };
    const { text } = renderDocument(
      aView({
        status: {
          ...status,
          alias: hostile,
          address: hostile,
          nodes: status.nodes.map((node) => ({ ...node, alias: hostile, url: hostile })),
        },
        soonest: [contract],
        log: [{ level: hostile, text: hostile }],
      }),
    );
    expect(text.match(/<script/g)).toEqual(['<script']);
    expect(text).not.toContain('<img');
    expect(text).toContain('&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;');
  });

  it('needs nothing from elsewhere, and its policy allows nothing else', async () => {
    await using page = await aPage();
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

describe('its events', () => {
  it('bring everything first, then only what changed, and nothing is reckoned when nobody listens', async () => {
    await using page = await aPage();
    const listener = await events(page.url);
    const first = await listener.next();
    expect(Object.keys(first.sections)).toHaveLength(7);
    expect(first).toMatchObject({ now: 1_000_000, title: 'Passing · here' });
    page.look(aView({ now: 1_001_000, verdict: { word: 'Failing', tone: 'bad', sentence: 'Oh.' } }));
    const second = await listener.next();
    expect(Object.keys(second.sections)).toEqual(['verdict']);
    expect(second.title).toBe('Failing · here');
    listener.leave();
    await listener.closed.catch(() => {});
    await fetch(`${page.url}/page.css`);
    const looks = page.looks();
    // Some round trips: several of its intervals.
    for (let n = 0; n < 50; n++) await fetch(`${page.url}/page.css`);
    expect(page.looks()).toBe(looks);
  });

  it('bring a newcomer everything, and nobody else what they have', async () => {
    await using page = await aPage();
    const first = await events(page.url);
    await first.next();
    const second = await events(page.url);
    expect(Object.keys((await second.next()).sections)).toHaveLength(7);
    page.look(aView({ log: [] }));
    expect(Object.keys((await first.next()).sections)).toEqual(['log']);
  });

  it('speak every 15 seconds although nothing changes', async () => {
    await using page = await aPage();
    const listener = await events(page.url);
    await listener.next();
    page.look(aView({ now: 1_015_000 }));
    // What is due a second later is no change: the page counts by itself.
    const { now, sections } = await listener.next();
    expect([now, Object.keys(sections)]).toEqual([1_015_000, []]);
  });

  it('do not wait for somebody who does not read', async () => {
    await using page = await aPage();
    const deaf = connect(Number(new URL(page.url).port), '127.0.0.1').on('error', () => {});
    deaf.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
    deaf.pause();
    const gone = once(deaf, 'close');
    const reader = await events(page.url);
    await reader.next();
    expect(page.live.listeners).toBe(2);
    let n = 0;
    const flood = setInterval(
      () => page.look(aView({ log: [{ level: 'info', text: `${n++} ${'x'.repeat(200_000)}` }] })),
      5,
    );
    // A socket that is paused hears nothing of its end either; one slot is free again when it was dropped.
    while (page.live.listeners > 1) await fetch(`${page.url}/page.css`);
    clearInterval(flood);
    expect(Object.keys((await reader.next()).sections)).toEqual(['log']);
    deaf.resume();
    await gone;
  });

  it('survive what goes wrong in the making, and say so once', async () => {
    await using page = await aPage();
    const listener = await events(page.url);
    await listener.next();
    page.look(new Error('odd'));
    const looks = page.looks();
    while (page.looks() < looks + 3) await fetch(`${page.url}/page.css`);
    expect(page.log.messages()).toEqual(['page not made']);
    page.look(aView({ log: [] }));
    expect(Object.keys((await listener.next()).sections)).toEqual(['log']);
  });

  it('are not for who asks for the head alone', async () => {
    await using page = await aPage();
    const { status, headers } = await fetch(`${page.url}/events`, { method: 'HEAD' });
    expect([status, headers.get('content-type')]).toEqual([200, expect.stringContaining('text/event-stream')]);
    expect(page.looks()).toBe(0);
  });

  it('are for 32 at most, and end at once when the farmer stops', async () => {
    await using page = await aPage();
    const listeners = await Promise.all(Array.from({ length: 32 }, async () => await events(page.url)));
    const late = await fetch(`${page.url}/events`);
    expect([late.status, late.headers.get('retry-after')]).toEqual([503, '30']);
    const start = performance.now();
    page.live.close();
    await Promise.all(listeners.map(async ({ closed }) => await closed));
    expect(performance.now() - start).toBeLessThan(400);
  });
});

describe('a duration', () => {
  it.each([
    [0, '0 ms'],
    [850, '850 ms'],
    [-5_000, '−5 s'],
    [59_400, '59 s'],
    [65_000, '1 min 5 s'],
    [3_600_000, '1 h'],
    [3_605_000, '1 h'],
    [100_000_000, '1 d 3 h'],
  ])('of %d ms is said %s', (ms, said) => {
    expect(duration(ms)).toBe(said);
  });
});

describe('html', () => {
  it('puts lists one after the other, and leaves out what is not there', () => {
    expect(html`<ul>${['<', 1].map((item) => html`<li>${item}</li>`)}${undefined}</ul>`.text).toBe(
      '<ul><li>&lt;</li><li>1</li></ul>',
    );
  });
});
