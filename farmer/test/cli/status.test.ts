import { beforeEach, describe, expect, it } from '@jest/globals';
import { status } from '../../src/cli/status.ts';
import { FakeControl, FakeOutput } from '../fakes/fake-control.ts';
import { claimNode, StateDir } from '../fakes/state-dir.ts';

const control = new FakeControl();
const dir = new StateDir();
let output: FakeOutput;
beforeEach(() => {
  output = new FakeOutput();
});

const ONCE = { json: false, watch: false };

describe('status', () => {
  it('prints the page as text, or as JSON, also while the farmer starts', async () => {
    await control.open({}, { operations: () => undefined });
    expect(await status(control.config, ONCE, output)).toBe(0);
    expect(await status(control.config, { json: true, watch: false }, output)).toBe(0);
    expect(output.text).toBe('the page\n{\n  "alias": "here"\n}\n');
  });

  it('names the folder in which no farmer is running', async () => {
    await expect(status(control.config, ONCE, output)).rejects.toMatchObject({
      code: 'not_running',
      message: `downstream status needs a running farmer, but none runs in ${control.folder}: start it, or set FARMER_DATA_DIR to its data directory`,
    });
  });

  it('does not claim that no farmer runs if one has no control socket', async () => {
    claimNode(dir.open());
    await expect(status({ dataDir: dir.path }, ONCE, output)).rejects.toMatchObject({
      code: 'not_running',
      message: expect.stringContaining('downstream status cannot reach the farmer that runs in'),
    });
  });

  it('repeats the status in place until it is interrupted, also while the farmer is restarted', async () => {
    await control.open();
    const sleeps = [async () => await control.close(), async () => void (await control.open())];
    const sleep = async () => {
      const next = sleeps.shift();
      if (next === undefined) throw new Error('interrupted');
      await next();
    };
    const options = { json: false, watch: true };
    await expect(status(control.config, options, { ...output, screen: { rows: 24 }, sleep })).rejects.toThrow(
      'interrupted',
    );
    const [first, ...others] = output.text.split('\x1b[H').slice(1);
    expect(first).toBe('the page\x1b[K\n\x1b[J');
    expect(others).toEqual([expect.stringContaining('needs a running farmer'), first]);
  });
});
