import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeLogger } from '@downstream/platform/testing';
import { afterEach, beforeEach } from '@jest/globals';
import { ControlClient } from '../../src/control/control-client.ts';
import {
  CONTROL_SOCKET,
  type ControlServer,
  type ControlServerDeps,
  openControlServer,
} from '../../src/control/control-server.ts';
import { ContractIdError } from '../../src/control/find-contract.ts';
import { OperationError } from '../../src/control/operations.ts';
import type { Operations } from '../../src/control/reports.ts';

export const SCRUB = {
  running: false,
  done: 0,
  total: 3,
  results: { ok: 0, proved: 0, corrupt: 0, unreadable: 0, slow: 0 },
  rebuilding: 0,
};

/** The control socket of a farmer that does nothing, in its own folder. Both are removed after each test. */
export class FakeControl {
  folder = '';
  /** What commands have called. */
  calls: string[] = [];
  #server: ControlServer | undefined;

  constructor() {
    beforeEach(() => {
      this.folder = mkdtempSync(join(tmpdir(), 'control-'));
      this.calls = [];
      this.#server = undefined;
    });
    afterEach(async () => {
      await this.#server?.close();
      rmSync(this.folder, { recursive: true });
    });
  }

  get socket(): string {
    return join(this.folder, CONTROL_SOCKET);
  }

  get config(): { dataDir: string } {
    return { dataDir: this.folder };
  }

  /** Opens the socket. @param changes replaces operations */
  async open(
    changes: Partial<Operations> = {},
    { log = new FakeLogger(), path = this.socket, ...deps }: Partial<ControlServerDeps> & { path?: string } = {},
  ): Promise<ControlServer | undefined> {
    const operations = { ...this.#createOperations(), ...changes };
    const status = { text: () => 'the page\n', report: () => ({ alias: 'here' }) };
    this.#server = await openControlServer(path, { operations: () => operations, status, log, ...deps });
    return this.#server;
  }

  /** Opens the socket and connects to it. */
  async connect(): Promise<ControlClient> {
    await this.open();
    return new ControlClient(this.socket);
  }

  async close(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  #createOperations(): Operations {
    return {
      listContracts: () => ({ nodes: [], disks: [], rows: [] }),
      explain: (id, last) => {
        this.calls.push(`explain ${id}, last ${last}`);
        return new ContractIdError(id === 'abc' ? 'no_contract' : 'invalid_id', `no ${id}`);
      },
      startScrub: () => ({ ...SCRUB, running: true }),
      getScrub: () => SCRUB,
      startExit: (alias) => {
        this.calls.push(`start exit ${alias}`);
        if (alias === 'unknown') throw new OperationError('no_such_node', 'unknown node');
        return { nodes: [] };
      },
      cancelExit: (alias) => {
        this.calls.push(`cancel exit ${alias}`);
        return { nodes: [] };
      },
      getExit: () => ({ nodes: [] }),
      backup: async (path) => ({ path, bytes: 5 }),
      replaceDisk: async () => {
        throw new OperationError('no_such_node', 'not expected here');
      },
    };
  }
}

/** Collects what a command writes. */
export class FakeOutput {
  text = '';
  /** How many bytes it accepts. */
  acceptsBytes = Number.POSITIVE_INFINITY;

  readonly print = (line: string): void => {
    this.text += `${line}\n`;
  };

  readonly write = async (content: string | Uint8Array): Promise<boolean> => {
    this.text += Buffer.from(content).toString('latin1');
    return this.text.length <= this.acceptsBytes;
  };
}
