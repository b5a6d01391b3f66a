import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DEFAULT_PASSPHRASE,
  decryptInline,
  deriveConvergentKey,
  encrypt,
  encryptInline,
  randomio,
} from '@downstream/file-encryptor';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

interface Vector {
  plaintext: { randomio_seed: string; size: number; sha256: string };
  passphrase: string | null;
  key_hex: string;
  ciphertext: { head_hex: string; tail_hex: string; sha256: string };
}
const fixture = (name: string) => JSON.parse(readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), 'utf8'));
const { vectors, default_passphrase }: { vectors: Vector[]; default_passphrase: string } = fixture('file-encryptor');
const genesis: {
  genesis: { randomio_seed: string; size: number; sha256: string };
  chunks: { secret: string; file_hash: string }[];
} = fixture('genesis');

const sha256 = (bytes: Iterable<Uint8Array>) => {
  const hash = createHash('sha256');
  for (const block of bytes) hash.update(block);
  return hash.digest('hex');
};

describe('Convergent encryption', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'file-encryptor-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('uses the default passphrase of the original library', () => {
    expect(DEFAULT_PASSPHRASE).toBe(default_passphrase);
  });

  it.each(vectors)(
    'produces the known key and ciphertext for $plaintext and $passphrase',
    ({ plaintext, passphrase, key_hex, ciphertext }) => {
      const key = deriveConvergentKey(plaintext.sha256, passphrase ?? undefined);
      expect(key.toString('hex')).toBe(key_hex);
      const output = Buffer.concat([...encrypt(key, randomio(plaintext.randomio_seed, plaintext.size))]);
      const { head_hex, tail_hex } = ciphertext;
      expect(output.subarray(0, head_hex.length / 2).toString('hex')).toBe(head_hex);
      expect(output.subarray(-tail_hex.length / 2).toString('hex')).toBe(tail_hex);
      expect(sha256([output])).toBe(ciphertext.sha256);
    },
  );

  it.each(vectors)(
    'encrypts and decrypts a file in place: $plaintext',
    async ({ plaintext, passphrase, key_hex, ciphertext }) => {
      const path = join(folder, plaintext.randomio_seed);
      writeFileSync(path, Buffer.concat([...randomio(plaintext.randomio_seed, plaintext.size)]));
      const key = await encryptInline(path, passphrase ?? undefined);
      expect(key.toString('hex')).toBe(key_hex);
      expect(sha256([readFileSync(path)])).toBe(ciphertext.sha256);
      await decryptInline(path, key);
      expect(sha256([readFileSync(path)])).toBe(plaintext.sha256);
    },
  );

  it('produces the same ciphertext for blocks of any size', () => {
    const plaintext = Buffer.concat([...randomio('pieces', 1000)]);
    const key = deriveConvergentKey(sha256([plaintext]), 'p');
    const pieces = [plaintext.subarray(0, 1), plaintext.subarray(1, 18), plaintext.subarray(18)];
    expect(Buffer.concat([...encrypt(key, pieces)])).toEqual(Buffer.concat([...encrypt(key, [plaintext])]));
  });

  it('does not create a missing file', async () => {
    await expect(encryptInline(join(folder, 'absent'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('The standard genesis file', () => {
  it('has the known hash, and so do chunks generated from it', () => {
    const { randomio_seed, size, sha256: pinned } = genesis.genesis;
    expect(sha256(randomio(randomio_seed, size))).toBe(pinned);
    for (const { secret, file_hash } of genesis.chunks) {
      expect(sha256(encrypt(deriveConvergentKey(pinned, secret), randomio(randomio_seed, size)))).toBe(file_hash);
    }
  });
});
