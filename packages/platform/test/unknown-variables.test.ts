import { findUnknownVariables, formatUnknownVariables } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';

const table = {
  port: { env: 'X_PORT', flag: '--port', description: '', allowed: '', schema: z.string() },
};

describe('findUnknownVariables', () => {
  it('finds variables with the prefix that are no settings, and suggests similar ones', () => {
    const env = { X_PORT: '1', X_PROT: '1', x_port: '1', X_COLOUR: 'red', Y_PORT: '1' };
    expect(findUnknownVariables(table, 'X_', env)).toEqual([
      { name: 'X_PROT', didYouMean: 'X_PORT' },
      { name: 'x_port', didYouMean: 'X_PORT' },
      { name: 'X_COLOUR' },
    ]);
  });

  it('ignores what Kubernetes and Docker set for a service', () => {
    const env = {
      X_SERVICE_HOST: '10.0.0.1',
      X_NODE_SERVICE_PORT_HTTP: '80',
      X_NODE_PORT: 'tcp://10.0.0.1:80',
      X_PORT_80_TCP: 'tcp://10.0.0.1:80',
      X_NODE_PORT_80_TCP_ADDR: '10.0.0.1',
    };
    expect(findUnknownVariables(table, 'X_', env)).toEqual([]);
  });
});

describe('formatUnknownVariables', () => {
  it('formats one warning per variable', () => {
    const variables = [{ name: 'X_PROT', didYouMean: 'X_PORT' }, { name: 'X_COLOUR' }];
    expect(formatUnknownVariables(variables)).toBe(
      'warning: unknown environment variable X_PROT: did you mean X_PORT?\n' +
        'warning: unknown environment variable X_COLOUR: remove it\n',
    );
  });
});
