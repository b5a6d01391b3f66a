import { formatSettingsMarkdown, maskCredentials, parseSettings, toFlags } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';

const table = {
  port: {
    env: 'X_PORT',
    flag: '--http-port',
    value: '<port>',
    description: 'The port.',
    allowed: 'a port',
    schema: z.string().regex(/^\d+$/).transform(Number),
    default: '80',
  },
  name: { env: 'X_NAME', flag: '--name', description: 'A name.', allowed: 'a name', schema: z.string().optional() },
} as const;

describe('parseSettings', () => {
  it('prefers flags to the environment, and the environment to defaults', () => {
    expect(parseSettings(table, { env: {} })).toEqual({ port: 80, name: undefined });
    expect(parseSettings(table, { env: { X_PORT: '', X_NAME: 'n' } })).toEqual({ port: 80, name: 'n' });
    expect(parseSettings(table, { env: { X_PORT: '81' }, flags: { port: '82' } })).toMatchObject({ port: 82 });
  });

  it('reports the name, the value and what is allowed, and truncates long values', () => {
    expect(() => parseSettings(table, { env: { X_PORT: 'x'.repeat(500) } })).toThrow(
      /^X_PORT: expected a port \(got "x{100}…"\)$/,
    );
    expect(() => parseSettings(table, { env: {}, flags: { port: 'y' } })).toThrow(
      '--http-port: expected a port (got "y")',
    );
  });

  it('reports all invalid settings at once', () => {
    const both = { ...table, name: { ...table.name, schema: z.string().max(1) } };
    expect(() => parseSettings(both, { env: { X_PORT: 'x', X_NAME: 'xx' } })).toThrow(
      expect.objectContaining({
        code: 'invalid_settings',
        message: 'X_PORT: expected a port (got "x")\nX_NAME: expected a name (got "xx")',
      }),
    );
  });

  it('reports required settings that are missing', () => {
    const required = { name: { ...table.name, schema: z.string() } };
    for (const env of [{}, { X_NAME: '' }]) {
      expect(() => parseSettings(required, { env })).toThrow(/^X_NAME is not set: expected a name$/);
    }
  });

  it('masks passwords in URLs', () => {
    expect(() => parseSettings(table, { env: { X_PORT: 'http://me:hunter2@node:80/x' } })).toThrow(
      /^X_PORT: expected a port \(got "http:\/\/\*\*\*@node:80\/x"\)$/,
    );
  });

  it('shows nothing of an invalid secret', () => {
    const secret = { token: { ...table.name, schema: z.string().min(8), sensitive: 'all' } } as const;
    expect(() => parseSettings(secret, { env: { X_NAME: 'hunter2' } })).toThrow(
      /^X_NAME: expected a name \(got a value of 7 characters, which is not shown\)$/,
    );
  });
});

describe('maskCredentials', () => {
  it.each([
    ['http://user:hunter2@host', 'http://***@host'],
    ['http://hunter2@host:5000', 'http://***@host:5000'],
    ['http://user:hun/ter2@host/x', 'http://***@host/x'],
    ['http://user:hun,ter2@host=2,http://b=1', 'http://***@host=2,http://b=1'],
    ['user:hunter2@host', '***@host'],
    ['http:user:hunter2@host', '***@host'],
    ['http://user:hunter2', 'http://user:***'],
    ['http://user:hunter2%40host/x', 'http://user:***/x'],
    ['https://host/?token=hunter2', 'https://host/?***'],
    ['https://host/#hunter2', 'https://host/#***'],
    ['localhost:5000', 'localhost:5000'],
    ['ftp://host:21/x,http://[::1]:5000=2', 'ftp://host:21/x,http://[::1]:5000=2'],
  ])('masks %j as %j', (text, masked) => {
    expect(maskCredentials(text)).toBe(masked);
  });
});

describe('toFlags', () => {
  it('converts option names to keys of the table', () => {
    expect(toFlags(table, { httpPort: '1', other: '2' })).toEqual({ port: '1', name: undefined });
  });
});

describe('formatSettingsMarkdown', () => {
  it('formats one row per setting', () => {
    expect(formatSettingsMarkdown(table)).toContain('| `X_PORT` | `--http-port <port>` | `80` | The port. |');
  });
});
