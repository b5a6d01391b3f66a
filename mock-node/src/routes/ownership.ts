import { parseJson } from '@downstream/platform';
import { z } from 'zod';
import type { Handlers } from '../api/handler.ts';
import { json } from '../api/response.ts';

const answer = z.object({
  /** Some farmers send the number as a string. */
  block: z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d{1,15}$/)
        .transform(Number),
    ])
    .pipe(z.number().int().nonnegative()),
  seed: z.string(),
  response: z.string(),
});

/** The file-ownership routes. Like the original, they parse the body as JSON whatever its content type. */
export const ownershipHandlers: Handlers<'challenges' | 'answer'> = {
  challenges: async ({ params, node }) => {
    const challenges = await node.files.challenges(params['filename'] ?? '');
    return challenges === undefined ? json({ status: 'error', message: 'No such file.' }, 404) : json({ challenges });
  },
  answer: async ({ params, body: text, node }) => {
    const body = parseJsonObject(text);
    if (body === undefined || Object.keys(body).length === 0) return json({ msg: 'missing request json' }, 400);
    if (Object.keys(body).sort().join() !== 'block,response,seed') return json({ msg: 'missing data' }, 400);
    const parsed = answer.safeParse(body);
    const match = parsed.success ? await node.files.answer(params['filename'] ?? '', parsed.data) : undefined;
    return match === undefined ? json({ msg: 'unknown challenge' }, 404) : json({ msg: 'ok', match });
  },
};

function parseJsonObject(text: string): object | undefined {
  const value = parseJson(text);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}
