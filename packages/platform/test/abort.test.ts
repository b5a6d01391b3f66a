import { getEventListeners } from 'node:events';
import { runUnlessAborted, TimeoutError, waitAtMost, withTimeout } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';

describe('withTimeout', () => {
  it('distinguishes a timeout, an abort and an error of the work', async () => {
    const forever = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('inner'))));
    await expect(withTimeout({ timeoutMs: 5 }, forever)).rejects.toBeInstanceOf(TimeoutError);
    const controller = new AbortController();
    const call = withTimeout({ timeoutMs: 60_000, signal: controller.signal }, forever);
    controller.abort('stop');
    await expect(call).rejects.toBe('stop');
    await expect(withTimeout({ timeoutMs: 60_000 }, async () => Promise.reject(new Error('own')))).rejects.toThrow(
      'own',
    );
    expect(await withTimeout({ timeoutMs: 60_000 }, async () => 7)).toBe(7);
  });

  it('does not start the work if the signal is already aborted', async () => {
    let hasStarted = false;
    const work = async () => {
      hasStarted = true;
    };
    await expect(withTimeout({ timeoutMs: 1, signal: AbortSignal.abort('stop') }, work)).rejects.toBe('stop');
    expect(hasStarted).toBe(false);
  });

  it('reports the timeout with a code', async () => {
    const forever = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    await expect(withTimeout({ timeoutMs: 5 }, forever)).rejects.toMatchObject({
      code: 'timeout',
      details: { timeoutMs: 5 },
    });
  });

  it('removes its listener from the signal', async () => {
    const controller = new AbortController();
    for (let n = 0; n < 100; n++) await withTimeout({ timeoutMs: 60_000, signal: controller.signal }, async () => n);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });
});

describe('waitAtMost', () => {
  it('rejects after the timeout, and ignores the result of the work from then on', async () => {
    await expect(waitAtMost(5, new Promise(() => {}))).rejects.toBeInstanceOf(TimeoutError);
    expect(await waitAtMost(60_000, Promise.resolve('done'))).toBe('done');
    await expect(waitAtMost(60_000, Promise.reject(new Error('own')))).rejects.toThrow('own');
    // A failure after the timeout is ignored.
    const work = Promise.withResolvers<void>();
    await expect(waitAtMost(5, work.promise)).rejects.toBeInstanceOf(TimeoutError);
    work.reject(new Error('too late'));
  });
});

describe('runUnlessAborted', () => {
  it('rejects with the reason of an abort, and ignores the result of the work from then on', async () => {
    const controller = new AbortController();
    const work = Promise.withResolvers<string>();
    const result = runUnlessAborted(controller.signal, async () => await work.promise);
    controller.abort('stop');
    await expect(result).rejects.toBe('stop');
    work.reject(new Error('too late'));
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('returns the result of the work, and does not start it after an abort', async () => {
    const controller = new AbortController();
    expect(await runUnlessAborted(controller.signal, async () => 7)).toBe(7);
    await expect(runUnlessAborted(controller.signal, async () => Promise.reject(new Error('own')))).rejects.toThrow(
      'own',
    );
    controller.abort('stop');
    let hasStarted = false;
    const work = async () => {
      hasStarted = true;
    };
    await expect(runUnlessAborted(controller.signal, work)).rejects.toBe('stop');
    expect(hasStarted).toBe(false);
  });
});
