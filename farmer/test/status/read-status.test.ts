import { describe, expect, it } from '@jest/globals';
import { toFarmerId } from '../../src/status/read-status.ts';

describe('toFarmerId', () => {
  it("hashes the token's bytes and keeps 20 hex characters", () => {
    // The expected value comes from `printf '\x00\xff' | sha256sum`.
    expect(toFarmerId('00ff')).toBe('06eb7d6a69ee19e5fbdf');
    expect(toFarmerId('dfs9mfa2')).toMatch(/^[0-9a-f]{20}$/);
  });
});
