import { resolve } from 'node:path';
import { z } from 'zod';
import { findPathMistake } from './path-mistake.ts';
import { rejectWithHint } from './settings.ts';

const MAX_PATH_LENGTH = 4096;

/** Parses a path and resolves it against the working directory. */
export const pathSchema = z
  .string()
  .min(1)
  .max(MAX_PATH_LENGTH)
  .transform((path, context) => {
    const mistake = findPathMistake(path);
    return mistake === undefined ? resolve(path) : rejectWithHint(context, mistake);
  });
