import { z } from 'zod';
import { type Call, json, type Reply, type Route } from '../api/reply.ts';
import type { OwnershipFiles } from '../ownership/files.ts';

const answer = z.object({
  /** Some farmers send the number as text. */
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

/** File ownership. The body counts as JSON whatever its content type says, as it did for the original. */
export function createOwnershipRoutes(files: OwnershipFiles): Route[] {
  return [
    {
      name: 'answer',
      handle: async (call) => await answered(call, files),
    },
    {
      name: 'challenges',
      handle: async ({ params }) => {
        const challenges = await files.challenges(params['filename'] ?? '');
        return challenges === undefined
          ? json({ status: 'error', message: 'No such file.' }, 404)
          : json({ challenges });
      },
    },
  ];
}

async function answered({ params, body: text }: Call, files: OwnershipFiles): Promise<Reply> {
  const body = parseJsonObject(text);
  if (body === undefined || Object.keys(body).length === 0) return json({ msg: 'missing request json' }, 400);
  if (Object.keys(body).sort().join() !== 'block,response,seed') return json({ msg: 'missing data' }, 400);
  const parsed = answer.safeParse(body);
  const match = parsed.success ? await files.answer(params['filename'] ?? '', parsed.data) : undefined;
  return match === undefined ? json({ msg: 'unknown challenge' }, 404) : json({ msg: 'ok', match });
}

function parseJsonObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
