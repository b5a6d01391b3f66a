import { BufferedOutput } from '@downstream/platform';
import { FakeClock, settle } from '@downstream/platform/testing';
import { beforeEach, describe, expect, it } from '@jest/globals';

const fail = (code: string) => Object.assign(new Error(code), { code });

describe('BufferedOutput', () => {
  let clock: FakeClock;
  let written: string;
  /** How many bytes the output accepts, or why it accepts none. */
  let accepts: number | 'EAGAIN' | 'ENOSPC';
  /** It accepts nothing more after this many bytes. */
  let spaceBytes: number;
  let reports: [string, number][];
  let output: BufferedOutput;
  beforeEach(() => {
    clock = new FakeClock();
    written = '';
    accepts = Number.POSITIVE_INFINITY;
    spaceBytes = Number.POSITIVE_INFINITY;
    reports = [];
    output = new BufferedOutput({
      clock,
      write: async (bytes) => {
        if (typeof accepts === 'string') throw fail(accepts);
        if (written.length >= spaceBytes) throw fail('EAGAIN');
        const text = String(bytes.subarray(0, accepts));
        written += text;
        return text.length;
      },
      observer: {
        dropped: (lines) => reports.push(['dropped', lines]),
        recovered: (lines) => reports.push(['recovered', lines]),
      },
    });
  });
  const blockWith = (code: 'EAGAIN' | 'ENOSPC') => {
    accepts = code;
    for (let n = 0; n < 1_100; n++) output.write(`${'x'.repeat(1_000)}\n`);
  };

  it('writes everything in order, even if the output accepts a few bytes at a time', async () => {
    accepts = 3;
    output.write('first line\n');
    output.write('second line\n');
    await settle();
    expect(written).toBe('first line\nsecond line\n');
  });

  it.each(['EAGAIN', 'ENOSPC'] as const)(
    'keeps a mebibyte while the output fails with %s, and counts the rest',
    async (code) => {
      blockWith(code);
      await clock.advance(60_000);
      expect(written).toBe('');
      accepts = Number.POSITIVE_INFINITY;
      await clock.advance(1_000);
      const lines = written.split('\n').length - 1;
      expect(lines).toBe(Math.floor(2 ** 20 / 1_001));
      const dropped = 1_100 - lines;
      expect(reports).toEqual([...Array(dropped).fill(['dropped', 1]), ['recovered', dropped]]);
    },
  );

  it('drops all lines until everything that was kept is written, so that there is one gap', async () => {
    spaceBytes = 500_000;
    for (let n = 0; n < 1_600; n++) output.write(`${'x'.repeat(1_000)}\n`);
    await settle();
    output.write('in the gap\n');
    spaceBytes = Number.POSITIVE_INFINITY;
    await clock.advance(5);
    output.write('after the gap\n');
    await settle();
    expect(written.slice(-20)).toMatch(/x\nafter the gap\n$/);
  });

  it('waits for a full output when it is flushed, but only until the timeout', async () => {
    accepts = 'EAGAIN';
    output.write('a line\n');
    let isFlushed = false;
    void output.flush(1_000).then(() => {
      isFlushed = true;
    });
    await clock.advance(990);
    expect(isFlushed).toBe(false);
    await clock.advance(20);
    expect(isFlushed).toBe(true);
    accepts = Number.POSITIVE_INFINITY;
    await clock.advance(10);
    expect(written).toBe('a line\n');
  });

  it('does not wait for an output that fails when it is flushed', async () => {
    accepts = 'ENOSPC';
    output.write('a line\n');
    await settle();
    await output.flush(1_000);
    expect(clock.sleeperCount).toBe(1);
  });
});
