import { describe, expect, it } from '@jest/globals';
import { computeUptime, createFarmerRecord, extendOnlineTime } from '../src/ledger/farmer-record.ts';
import { IDENTITY } from './support/ledger.ts';

describe('computeUptime', () => {
  it('is 0 before the first contract', () => {
    expect(computeUptime(createFarmerRecord('token', IDENTITY), 1_000)).toBe(0);
  });

  it('is the part of the time since the first contract in which a contract ran', () => {
    const record = createFarmerRecord('token', IDENTITY);
    extendOnlineTime(record, 1_100, 1_000);
    expect(computeUptime(record, 1_000)).toBe(0);
    expect(computeUptime(record, 1_050)).toBe(1);
    expect(computeUptime(record, 1_200)).toBe(0.5);
    extendOnlineTime(record, 1_400, 1_300);
    expect(computeUptime(record, 1_400)).toBe(0.5);
  });
});
