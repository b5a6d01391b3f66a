import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { describeWith } from '../../test/support/tools.ts';

const root = join(import.meta.dirname, '../..');

describeWith(['systemd-analyze'], 'systemd/downstream.service', () => {
  it('is a valid unit whose programs exist', () => {
    const folder = mkdtempSync(join(tmpdir(), 'systemd-'));
    try {
      const unit = readFileSync(join(root, 'systemd/downstream.service'), 'utf8');
      const path = join(folder, 'downstream.service');
      writeFileSync(path, unit.replaceAll('/opt/downstream', root));
      const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], {
        encoding: 'utf8',
      });
      expect({ status, output: stdout + stderr }).toEqual({ status: 0, output: '' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
