import type { EffectByKind, EffectKindIn } from '@downstream/control-api';
import { expect } from '@jest/globals';
import fc from 'fast-check';
import { getDelayMs } from '../../../src/faults/effects/registry.ts';
import { SeededRandom } from '../../../src/ledger/seeded-random.ts';
import { API, createChunk, setUpMockNode, sha256 } from '../../support/mock-node.ts';
import { ask, talk, until } from '../../support/raw-client.ts';
import { testEffects } from './test-effects.ts';

const { start, url, get, fault, controller, newToken, acceptContract, nextWait, close } = setUpMockNode({
  holdsWaits: true,
});

/** The delays of the first requests to which an effect applies. */
function delays(effect: EffectByKind[EffectKindIn<'delay'>], count: number, seed = 'seed', name = 'late'): number[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, (_, index) => {
    const chance = (what: string) => random.chance(name, index, what);
    return getDelayMs({ name, kind: effect.kind, effect, contract: undefined, index, chance });
  });
}

/** Sends a request and ends its delay. @returns the delay and the status of the response */
async function askDelayed(): Promise<{ ms: number; status: number | undefined }> {
  const asked = ask(url(), '/');
  const { ms, end } = await nextWait();
  end();
  return { ms, status: (await asked).status };
}

testEffects('delay', {
  fixed: {
    'delays the response by `ms`': async () => {
      await start();
      fault({ effect: { kind: 'fixed', ms: 150 } });
      let isAnswered = false;
      const asked = ask(url(), '/').finally(() => {
        isAnswered = true;
      });
      const { ms, end } = await nextWait();
      await get('/metrics');
      expect({ ms, isAnswered }).toEqual({ ms: 150, isAnswered: false });
      end();
      expect((await asked).status).toBe(200);
    },
    'adds to other delays and precedes the effect of another fault': async () => {
      await start();
      fault({ name: 'status', effect: 'status' });
      fault({ name: 'one', effect: { kind: 'fixed', ms: 80 } });
      fault({ name: 'two', effect: { kind: 'uniform', minMs: 70, maxMs: 70 } });
      expect(await askDelayed()).toEqual({ ms: 150, status: 503 });
    },
    'follows the processing of the request, which other clients see during the delay': async () => {
      await start();
      const token = await newToken();
      fault({ name: 'late', match: { route: ['chunk', 'challenge'] }, effect: { kind: 'fixed', ms: 400 } });
      let hasContract = false;
      const accepted = acceptContract(token).finally(() => {
        hasContract = true;
      });
      const acceptance = await nextWait();
      const due = async () => (await get(`${API}/due/${token}`)).json;
      expect((await due()).all_contracts).toHaveLength(1);
      expect(hasContract).toBe(false);
      acceptance.end();
      const { secret, file_hash: hash, challenge } = await accepted;
      let hasVerdict = false;
      const verdict = get(`${API}/challenge/${token}/${hash}/${sha256(createChunk(secret), challenge)}`).finally(() => {
        hasVerdict = true;
      });
      const answer = await nextWait();
      expect((await due()).due_contracts).toEqual([]);
      expect(hasVerdict).toBe(false);
      answer.end();
      expect((await verdict).json).toEqual({ status: 'pass' });
    },
    'ends when the client disconnects': async () => {
      await start();
      fault({ effect: { kind: 'fixed', ms: 3_600_000 } });
      const gone = new AbortController();
      const asked = fetch(url(), { signal: gone.signal }).catch(() => 'gone');
      const { isAborted } = await nextWait();
      gone.abort();
      expect(await asked).toBe('gone');
      await until('the node has noticed', () => controller().journal.find({ fault: 'fixed' }).length === 1);
      await until('the delay has ended', isAborted);
      expect(controller().journal.find()[0]).toMatchObject({ status: null, responseBytes: 0 });
    },
    'does not delay the closing of the node': async () => {
      await start();
      fault({ effect: { kind: 'fixed', ms: 3_600_000 } });
      const seen = talk(url(), '/');
      const { isAborted } = await nextWait();
      await close();
      expect((await seen).text).toBe('');
      await until('the delay has ended', isAborted);
    },
  },

  uniform: {
    'delays by a time between `minMs` and `maxMs`': async () => {
      await start();
      fault({ effect: { kind: 'uniform', minMs: 60, maxMs: 90 } });
      const { ms, status } = await askDelayed();
      expect(status).toBe(200);
      expect(ms).toBeGreaterThanOrEqual(60);
      expect(ms).toBeLessThanOrEqual(90);
    },
    'is uniformly distributed and repeats with the seed': async () => {
      const bounds = fc.tuple(fc.nat(3_600_000), fc.nat(3_600_000)).map(([a, b]) => ({
        minMs: Math.min(a, b),
        maxMs: Math.max(a, b),
      }));
      fc.assert(
        fc.property(bounds, fc.string(), ({ minMs, maxMs }, seed) => {
          for (const ms of delays({ kind: 'uniform', minMs, maxMs }, 20, seed)) {
            expect(ms).toBeGreaterThanOrEqual(minMs);
            expect(ms).toBeLessThanOrEqual(maxMs);
          }
        }),
      );
      const effect = { kind: 'uniform', minMs: 0, maxMs: 1_000 } as const;
      const drawn = delays(effect, 2_000);
      expect(delays(effect, 2_000)).toEqual(drawn);
      expect(delays(effect, 2_000, 'another seed')).not.toEqual(drawn);
      expect(delays(effect, 2_000, 'seed', 'other-fault')).not.toEqual(drawn);
      expect(drawn.reduce((sum, ms) => sum + ms, 0) / drawn.length).toBeGreaterThan(470);
      expect(drawn.reduce((sum, ms) => sum + ms, 0) / drawn.length).toBeLessThan(530);
      for (let tenth = 0; tenth < 1_000; tenth += 100)
        expect(drawn.filter((ms) => ms >= tenth && ms < tenth + 100).length).toBeGreaterThan(150);
    },
  },

  lognormal: {
    'delays by about the median': async () => {
      await start();
      fault({ effect: { kind: 'lognormal', medianMs: 80, sigma: 0 } });
      expect(await askDelayed()).toEqual({ ms: 80, status: 200 });
    },
    'has its median, a long tail and a limit, and repeats with the seed': async () => {
      const effect = { kind: 'lognormal', medianMs: 100, sigma: 1, maxMs: 2_000 } as const;
      const drawn = delays(effect, 2_000);
      expect(delays(effect, 2_000)).toEqual(drawn);
      expect(delays(effect, 2_000, 'another seed')).not.toEqual(drawn);
      const sorted = drawn.toSorted((a, b) => a - b);
      const quantile = (q: number) => sorted[Math.floor(q * sorted.length)] ?? Number.NaN;
      expect(quantile(0.5)).toBeGreaterThan(90);
      expect(quantile(0.5)).toBeLessThan(110);
      // Two thirds of a normal distribution are within one sigma of the median.
      expect(quantile(0.1587)).toBeGreaterThan(30);
      expect(quantile(0.1587)).toBeLessThan(44);
      expect(quantile(0.8413)).toBeGreaterThan(235);
      expect(quantile(0.8413)).toBeLessThan(310);
      expect(Math.max(...drawn)).toBeLessThanOrEqual(2_000);
      expect(Math.min(...drawn)).toBeGreaterThan(0);
    },
    'is a valid delay up to the limit for any parameters': async () => {
      const parameters = fc.record({
        medianMs: fc.double({ min: 0, max: 3_600_000, noNaN: true }),
        sigma: fc.double({ min: 0, max: 5, noNaN: true }),
        maxMs: fc.double({ min: 0, max: 3_600_000, noNaN: true }),
      });
      fc.assert(
        fc.property(parameters, fc.string(), (given, seed) => {
          for (const ms of delays({ kind: 'lognormal', ...given }, 20, seed)) {
            expect(ms).toBeGreaterThanOrEqual(0);
            expect(ms).toBeLessThanOrEqual(given.maxMs);
          }
        }),
      );
    },
  },
});
