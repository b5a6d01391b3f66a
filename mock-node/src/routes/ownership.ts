import express, { type Router } from 'express';
import { z } from 'zod';
import type { OwnershipFiles } from '../ownership/files.ts';

const BODY_BYTES = 16 * 1024;

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
export function ownershipRoutes(files: OwnershipFiles): Router {
  const router = express.Router();

  router.post(
    '/challenges/answer/:filename',
    express.text({ type: () => true, limit: BODY_BYTES }),
    async (request, response) => {
      const body = jsonObject(request.body);
      if (body === undefined || Object.keys(body).length === 0) {
        response.status(400).json({ msg: 'missing request json' });
        return;
      }
      if (Object.keys(body).sort().join() !== 'block,response,seed') {
        response.status(400).json({ msg: 'missing data' });
        return;
      }
      const parsed = answer.safeParse(body);
      const match = parsed.success ? await files.answer(request.params.filename, parsed.data) : undefined;
      if (match === undefined) {
        response.status(404).json({ msg: 'unknown challenge' });
        return;
      }
      response.json({ msg: 'ok', match });
    },
  );
  router.all('/challenges/answer/:filename', (_request, response) => {
    response.status(405).set('Allow', 'POST').json({ msg: 'method not allowed' });
  });

  router.get('/challenges/:filename', async (request, response) => {
    const challenges = await files.challenges(request.params.filename);
    if (challenges === undefined) {
      response.status(404).json({ status: 'error', message: 'No such file.' });
      return;
    }
    response.json({ challenges });
  });

  return router;
}

function jsonObject(text: unknown): object | undefined {
  try {
    const value: unknown = JSON.parse(String(text));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
