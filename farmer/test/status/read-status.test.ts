import { systemClock } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';
import { BUILD } from '../../src/build.ts';
import { readConfig } from '../../src/config.ts';
import { readStatus, toFarmerId } from '../../src/status/read-status.ts';

describe('readStatus', () => {
  it('contains the version and the commit of the build, also while the farmer starts', () => {
    const config = readConfig({ env: { FARMER_ADDRESS: '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV' } });
    const status = readStatus({ phase: 'starting' }, { config, clock: systemClock, startedAt: systemClock.now() });
    expect(status).toMatchObject({ version: BUILD.version, commit: 'unknown' });
  });
});

describe('toFarmerId', () => {
  it("hashes the token's bytes and keeps 20 hex characters", () => {
    // The expected value comes from `printf '\x00\xff' | sha256sum`.
    expect(toFarmerId('00ff')).toBe('06eb7d6a69ee19e5fbdf');
    expect(toFarmerId('dfs9mfa2')).toMatch(/^[0-9a-f]{20}$/);
  });
});
