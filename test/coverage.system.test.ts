import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

describe('The unit tests', () => {
  it('cover at least the share of the code that jest.config.js requires', async () => {
    const args = ['run', '--silent', 'test:coverage', '--', '--maxWorkers=1', '--coverageReporters=text-summary'];
    const child = spawn('npm', args, { cwd: join(import.meta.dirname, '..'), stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => {
        output += String(text);
      });
    }
    const [exitCode] = await once(child, 'close');
    // Only the failures and the summary: the unit tier reports its tests itself.
    const summary = output
      .split('\n')
      .filter((line) => /^(FAIL|\s+●|Jest:|Statements|Branches|Functions|Lines)/.test(line));
    expect({ exitCode, summary }).toEqual({ exitCode: 0, summary });
  }, 400_000);
});
